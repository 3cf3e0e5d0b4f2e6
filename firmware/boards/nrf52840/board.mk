# The nRF52840 has an FPU; a soft-float build proves that none is needed, and interrupts save fewer registers.
CROSS := arm-none-eabi-
CPU_FLAGS := -mcpu=cortex-m4 -mthumb -mfloat-abi=soft
LINKER_SCRIPT := $(FIRMWARE)/boards/nrf52840/nrf52840.ld
BOARD_SHARED := cortex_m

BOARD_VARIANT ?= nano33ble
BAUD ?= 115200
# Where flash may be used: behind the Arduino's boot loader; the DK's programs start at 0.
ifeq ($(BOARD_VARIANT),nano33ble)
FLASH_START ?= 0x10000
BOARD_FLAGS := -DBOARD_VARIANT=NANO33BLE
else ifeq ($(BOARD_VARIANT),dk)
FLASH_START ?= 0x0
BOARD_FLAGS := -DBOARD_VARIANT=DK
else
$(error there is no variant "$(BOARD_VARIANT)" of nrf52840; BOARD_VARIANT is nano33ble or dk)
endif
BOARD_FLAGS += -DBOARD_BAUD=$(BAUD)
BOARD_LINK_FLAGS := -Wl,--defsym=board_flash_start=$(FLASH_START)
# The upper half of flash is for a model by itself.
SLOT_ORIGIN := 0x80000
SLOT_LENGTH := 0x80000
