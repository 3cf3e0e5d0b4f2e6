# A Cortex-M3: 32-bit multiply-accumulate with 64-bit sums, no DSP extension.
CROSS := arm-none-eabi-
CPU_FLAGS := -mcpu=cortex-m3 -mthumb
LINKER_SCRIPT := $(FIRMWARE)/boards/mps2/mps2.ld
BOARD_SHARED := mps2 semihosting cortex_m
# The last quarter of "flash".
SLOT_ORIGIN := 0x00300000
SLOT_LENGTH := 0x00100000
