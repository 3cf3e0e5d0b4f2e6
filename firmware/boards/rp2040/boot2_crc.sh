#!/bin/sh
# Writes an assembler file with boot2's last four bytes, the CRC-32 that the RP2040's boot ROM checks:
# polynomial 04C11DB7h, initial value FFFFFFFFh, no bits reflected, nothing inverted at the end.
#
#   boot2_crc.sh BOOT2.bin > boot2_crc.S         BOOT2.bin: the code, at most 252 bytes
set -eu

bytes=$(od -An -v -tu1 "$1")
crc=4294967295
count=0
for byte in $bytes; do
    crc=$((crc ^ (byte << 24)))
    for _ in 1 2 3 4 5 6 7 8; do
        crc=$(((crc & 2147483648) != 0 ? ((crc << 1) ^ 79764919) & 4294967295 : (crc << 1) & 4294967295))
    done
    count=$((count + 1))
done
if [ "$count" -ne 252 ]; then
    echo "boot2_crc.sh: $1 has $count bytes, not 252" >&2
    exit 1
fi
printf '    .section .boot2_crc, "a"\n    .word 0x%08x\n' "$crc"
