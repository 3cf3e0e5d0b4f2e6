# The model slot: a program without a model, and a model without a program.
#
#   make image MODEL_SLOT=1 ...   $(BUILD)/$(BOARD)/$(APP)-slot.elf: finds its model in the slot
#   make slot ...                 $(BUILD)/$(BOARD)/slot/model.elf and .bin: the model for the slot, whose
#                                 header `kws build` completes (kws/image/slot.py)
#
# A board that has a slot says in its board.mk where: SLOT_ORIGIN and SLOT_LENGTH, numbers that the
# linker reads; and perhaps SLOT_RAM_BYTES, the RAM that the program keeps for whatever model comes.
MODEL_SLOT ?= 0
SLOT_RAM_BYTES ?= 16384
SLOT_APPS := spotter
SLOT_OUT := $(BUILD)/$(BOARD)/slot
SLOT_PLACE := -Wl,--defsym=kws_slot_origin=$(SLOT_ORIGIN),--defsym=kws_slot_length=$(SLOT_LENGTH)

ifneq ($(filter 1,$(MODEL_SLOT))$(filter slot,$(MAKECMDGOALS)),)
ifeq ($(SLOT_ORIGIN),)
$(error the board "$(BOARD)" has no model slot; its board.mk names no SLOT_ORIGIN)
endif
endif

ifeq ($(MODEL_SLOT),1)
ifeq ($(filter $(APP),$(SLOT_APPS)),)
$(error the app "$(APP)" has its model built in; with MODEL_SLOT=1 APP is one of: $(SLOT_APPS))
endif
OUT := $(OUT)-slot
APP_FLAGS += -DKWS_MODEL_SLOT -DKWS_SLOT_RAM_BYTES=$(SLOT_RAM_BYTES)u
SLOT_LINK_FLAGS := $(SLOT_PLACE) $(FIRMWARE)/slot/reserve.ld
endif

.PHONY: slot
slot: $(SLOT_OUT)/model.bin

SLOT_OBJECTS := $(SLOT_OUT)/model/kws_model.o $(SLOT_OUT)/header.o
$(SLOT_OUT)/model.bin: $(SLOT_OUT)/model.elf
	$(CROSS)objcopy -O binary $< $@
$(SLOT_OUT)/model.elf: $(SLOT_OBJECTS) $(FIRMWARE)/slot/slot.ld
	$(CROSS)gcc $(CPU_FLAGS) -nostdlib -T $(FIRMWARE)/slot/slot.ld $(SLOT_PLACE) \
		-Wl,--gc-sections,--fatal-warnings,--build-id=none,-Map=$(SLOT_OUT)/model.map $(SLOT_OBJECTS) -o $@
$(SLOT_OUT)/model/%.o: $(MODEL)/%.c $(SLOT_OUT)/command
	$(SLOT_COMPILE)
$(SLOT_OUT)/%.o: $(FIRMWARE)/slot/%.c $(SLOT_OUT)/command
	$(SLOT_COMPILE)
SLOT_COMPILE = $(CC_BOARD) $(TARGET_FLAGS) -MMD -MP -c $< -o $@
$(SLOT_OUT)/command: FORCE | $(SLOT_OUT)/model
	$(call write_command,$(CC_BOARD) $(TARGET_FLAGS) $(SLOT_PLACE) $(abspath $(MODEL)))
$(SLOT_OUT)/model:
	@mkdir -p $@

-include $(SLOT_OBJECTS:.o=.d)
