# A Cortex-M4 without the FPU: a soft-float build proves that no floating point is used.
CROSS := arm-none-eabi-
CPU_FLAGS := -mcpu=cortex-m4 -mthumb -mfloat-abi=soft
LINKER_SCRIPT := $(FIRMWARE)/boards/mps2_an386/mps2_an386.ld
