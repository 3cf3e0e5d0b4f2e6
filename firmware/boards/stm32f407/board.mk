# The F407 has an FPU; a soft-float build proves that none is needed, and interrupts save fewer registers.
CROSS := arm-none-eabi-
CPU_FLAGS := -mcpu=cortex-m4 -mthumb -mfloat-abi=soft
LINKER_SCRIPT := $(FIRMWARE)/boards/stm32f407/stm32f407.ld
BOARD_SHARED := cortex_m pdm

BAUD ?= 115200
BOARD_FLAGS := -DBOARD_BAUD=$(BAUD)u
# The last four sectors of 128 KB.
SLOT_ORIGIN := 0x08080000
SLOT_LENGTH := 0x00080000
