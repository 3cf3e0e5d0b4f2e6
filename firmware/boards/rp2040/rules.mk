# boot2 is assembled, its checksum is made from its bytes, and both are linked to the image's beginning.
BOARD_OBJECTS += $(addprefix $(OUT)/board/,boot2.o boot2_crc.o start.o)

$(OUT)/board/%.o: $(FIRMWARE)/boards/rp2040/%.S $(OUT)/command
	$(CC_BOARD) $(CPU_FLAGS) -g -c $< -o $@
$(OUT)/board/boot2.bin: $(OUT)/board/boot2.o
	$(CROSS)objcopy -O binary -j .boot2 --gap-fill 0 --pad-to 252 $< $@
$(OUT)/board/boot2_crc.S: $(OUT)/board/boot2.bin $(FIRMWARE)/boards/rp2040/boot2_crc.sh
	sh $(FIRMWARE)/boards/rp2040/boot2_crc.sh $< > $@
$(OUT)/board/boot2_crc.o: $(OUT)/board/boot2_crc.S
	$(CC_BOARD) $(CPU_FLAGS) -c $< -o $@
