# The library and a model as one WebAssembly module, by clang alone: no Emscripten, no C library.
#
#   make web MODEL=... BUILD=...   $(BUILD)/web/kws_model.wasm
WEB := $(FIRMWARE)/web
WEB_OUT := $(BUILD)/web
# -Os: the weights are nine tenths of a module, and what is left runs some hundred times faster than sound comes.
WEB_FLAGS := $(COMMON) --target=wasm32 -isystem $(WEB)/include -Os -ffreestanding -fno-builtin \
	-ffunction-sections -fdata-sections
# The stack lies below the data, so that an overflow traps and overwrites nothing.
WEB_LINK_FLAGS := --target=wasm32 -nostdlib -fuse-ld=lld \
	-Wl,--no-entry,--gc-sections,--strip-all,--stack-first,-z,stack-size=16384
WEB_OBJECTS := $(patsubst $(FIRMWARE)/src/%.c,$(WEB_OUT)/library/%.o,$(LIBRARY_SOURCES)) \
	$(WEB_OUT)/web.o $(WEB_OUT)/memory.o $(WEB_OUT)/model/kws_model.o

.PHONY: web
web: $(WEB_OUT)/kws_model.wasm

$(WEB_OUT)/kws_model.wasm: $(WEB_OBJECTS)
	clang $(WEB_LINK_FLAGS) $^ -o $@
$(WEB_OUT)/library/%.o: $(FIRMWARE)/src/%.c $(WEB_OUT)/command
	@mkdir -p $(@D)
	$(COMPILER_LAUNCHER) clang $(WEB_FLAGS) -MMD -MP -c $< -o $@
$(WEB_OUT)/%.o: $(WEB)/%.c $(WEB_OUT)/command
	$(COMPILER_LAUNCHER) clang $(WEB_FLAGS) -MMD -MP -c $< -o $@
$(WEB_OUT)/model/%.o: $(MODEL)/%.c $(WEB_OUT)/command
	$(COMPILER_LAUNCHER) clang $(WEB_FLAGS) -MMD -MP -c $< -o $@
$(WEB_OUT)/command: FORCE | $(WEB_OUT)/library $(WEB_OUT)/model
	$(call write_command,clang $(WEB_FLAGS) $(WEB_LINK_FLAGS) $(abspath $(MODEL)))
$(WEB_OUT)/library $(WEB_OUT)/model:
	@mkdir -p $@

-include $(WEB_OBJECTS:.o=.d)
