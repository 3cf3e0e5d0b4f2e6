# An nRF51822, Cortex-M0, with 256 KB of flash and 16 KB of RAM.
CROSS := arm-none-eabi-
CPU_FLAGS := -mcpu=cortex-m0 -mthumb
LINKER_SCRIPT := $(FIRMWARE)/boards/microbit/microbit.ld
BOARD_SHARED := semihosting cortex_m
