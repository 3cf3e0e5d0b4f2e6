# A Cortex-M55 with the integer part of Helium and without floating point.
# Helium's registers are those of the floating-point unit, so its calling convention is the only one that may use them.
CROSS := arm-none-eabi-
CPU_FLAGS := -march=armv8.1-m.main+mve+dsp -mtune=cortex-m55 -mthumb -mfloat-abi=hard
LINKER_SCRIPT := $(FIRMWARE)/boards/mps3_an547/mps3_an547.ld
BOARD_SHARED := semihosting cortex_m
