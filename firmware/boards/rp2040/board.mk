# No model slot: a model in the serial flash would be read too slowly, and so all is copied to RAM.
CROSS := arm-none-eabi-
CPU_FLAGS := -mcpu=cortex-m0plus -mthumb -mfloat-abi=soft
LINKER_SCRIPT := $(FIRMWARE)/boards/rp2040/rp2040.ld
BOARD_SHARED := cortex_m pdm

BAUD ?= 115200
BOARD_FLAGS := -DBOARD_BAUD=$(BAUD)u
