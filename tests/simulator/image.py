"""Reading what is flashed: ELF, Intel HEX and UF2 files."""

from __future__ import annotations

import struct
from pathlib import Path

from simulator.errors import SimulationError

_PT_LOAD = 1
_RP2040 = 0xE48BFF56
_UF2_FAMILY_ID_PRESENT = 0x2000


def read_image(path: Path) -> list[tuple[int, bytes]]:
    """The pieces of an image by load address, as a programmer writes them to flash.

    Raises:
        SimulationError: the file is of neither format, or damaged.
    """
    content = path.read_bytes()
    if content.startswith(b"\x7fELF\x01\x01"):
        return _read_elf(content)
    if content.startswith(b":"):
        return _read_hex(content.decode("ascii"))
    if content.startswith(b"UF2\n"):
        return _read_uf2(content)
    raise SimulationError(f"{path} is neither a 32-bit little-endian ELF nor an Intel HEX nor a UF2 file")


def _read_elf(content: bytes) -> list[tuple[int, bytes]]:
    (offset,) = struct.unpack_from("<I", content, 28)
    size, count = struct.unpack_from("<HH", content, 42)
    pieces = []
    for i in range(count):
        kind, start, _, physical, in_file, *_ = struct.unpack_from("<8I", content, offset + i * size)
        if kind == _PT_LOAD and in_file > 0:
            pieces.append((physical, content[start : start + in_file]))
    return pieces


def _read_uf2(content: bytes) -> list[tuple[int, bytes]]:
    """What the RP2040's boot ROM writes, which passes blocks for other microcontrollers by."""
    pieces = []
    if len(content) % 512:
        raise SimulationError(f"the UF2 file has {len(content)} bytes, which are not whole blocks of 512")
    for start in range(0, len(content), 512):
        magic0, magic1, flags, address, size, number, count, family = struct.unpack_from("<8I", content, start)
        (end,) = struct.unpack_from("<I", content, start + 508)
        if (magic0, magic1, end) != (0x0A324655, 0x9E5D5157, 0x0AB16F30) or size > 476:
            raise SimulationError(f"the UF2 file's block at byte {start} is damaged")
        if number != start // 512 or count != len(content) // 512:
            raise SimulationError(f"the UF2 file's block at byte {start} is out of order")
        if flags & _UF2_FAMILY_ID_PRESENT and family == _RP2040:
            pieces.append((address, content[start + 32 : start + 32 + size]))
    if not pieces:
        raise SimulationError("the UF2 file has no blocks for the RP2040")
    return pieces


def _read_hex(text: str) -> list[tuple[int, bytes]]:
    pieces: list[tuple[int, bytes]] = []
    upper = 0
    for number, line in enumerate(text.split(), 1):
        record = bytes.fromhex(line[1:])
        if sum(record) % 256 or record[0] != len(record) - 5:
            raise SimulationError(f"line {number} of the HEX file is damaged")
        address, kind, data = int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
        if kind == 0:
            pieces.append((upper + address, data))
        elif kind == 1:
            return pieces
        elif kind in (2, 4):
            upper = int.from_bytes(data, "big") << (4 if kind == 2 else 16)
        elif kind not in (3, 5):
            raise SimulationError(f"line {number} of the HEX file has a record of type {kind}")
    raise SimulationError("the HEX file has no end record")
