"""UF2: a program as a file that is copied to a boot loader's USB drive.

The format is https://github.com/microsoft/uf2: blocks of 512 bytes, each of which names the address of
its payload, so that they may arrive in any order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from kws.errors import KwsError

RP2040 = 0xE48BFF56
"""The family id of the RP2040; a boot loader ignores blocks of other families."""

PAGE = 256
"""Bytes of program in a block: what a flash page holds."""

_MAGIC_START = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_FAMILY_ID_PRESENT = 0x2000
_HEADER = struct.Struct("<8I")
_BLOCK = 512

_ELF_MAGIC = b"\x7fELF\x01\x01"
_ELF_HEADER = struct.Struct("<16xHHIIIIIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<8I")
_PT_LOAD = 1


def encode(segments: Iterable[tuple[int, bytes]], family: int = RP2040) -> bytes:
    """A UF2 file.

    Args:
        segments: address in flash and contents of each; they may touch but not overlap. Bytes of a page
            that no segment has become 0xFF, as in erased flash.
        family: whom the file is for.

    Returns:
        A block of 512 bytes for every page of 256 bytes that has contents, by address.

    Raises:
        KwsError: there is nothing to write, or two segments overlap.
    """
    pages: dict[int, bytearray] = {}
    end = 0
    for address, data in sorted(segments):
        if data and address < end:
            raise KwsError(f"two parts of the image overlap at 0x{address:08x}; its linker script is wrong")
        end = max(end, address + len(data))
        offset = 0
        while offset < len(data):
            at = (address + offset) % PAGE
            part = data[offset : offset + PAGE - at]
            pages.setdefault(address + offset - at, bytearray(b"\xff" * PAGE))[at : at + len(part)] = part
            offset += len(part)
    if not pages:
        raise KwsError("the image is empty, so there is nothing to write to flash")
    return b"".join(
        _HEADER.pack(*_MAGIC_START, _FAMILY_ID_PRESENT, address, PAGE, number, len(pages), family)
        + bytes(pages[address]).ljust(_BLOCK - _HEADER.size - 4, b"\0")
        + struct.pack("<I", _MAGIC_END)
        for number, address in enumerate(sorted(pages))
    )


def decode(content: bytes, family: int = RP2040) -> list[tuple[int, bytes]]:
    """What a boot loader of ``family`` would write to flash: address and payload of each block, in the file's order.

    Raises:
        KwsError: the file is not whole UF2 blocks, or has none of ``family``.
    """
    if not content or len(content) % _BLOCK:
        raise KwsError(f"this is no UF2 file: it has {len(content)} bytes, which are not whole blocks of {_BLOCK}")
    pages = []
    for start in range(0, len(content), _BLOCK):
        magic0, magic1, flags, address, size, _, _, owner = _HEADER.unpack_from(content, start)
        (magic2,) = struct.unpack_from("<I", content, start + _BLOCK - 4)
        if (magic0, magic1, magic2) != (*_MAGIC_START, _MAGIC_END) or size > _BLOCK - _HEADER.size - 4:
            raise KwsError(f"this is no UF2 file: the block at byte {start} is not one")
        if flags & _FAMILY_ID_PRESENT and owner == family:
            data = start + _HEADER.size
            pages.append((address, content[data : data + size]))
    if not pages:
        raise KwsError(f"this UF2 file has no blocks for family 0x{family:08x}; it is for another microcontroller")
    return pages


def flash_segments(elf: bytes) -> list[tuple[int, bytes]]:
    """What of a 32-bit little-endian ELF file goes to flash.

    Returns:
        Physical address and contents of each loadable segment, without what the program zeroes itself.

    Raises:
        KwsError: it is no such file, or its end is missing.
    """
    if not elf.startswith(_ELF_MAGIC) or len(elf) < _ELF_HEADER.size:
        raise KwsError("this is no 32-bit little-endian ELF file; give the .elf that `kws build` wrote")
    fields = _ELF_HEADER.unpack_from(elf)
    offset, size, count = fields[4], fields[8], fields[9]
    segments = []
    for i in range(count):
        try:
            kind, start, _, address, length, *_ = _PROGRAM_HEADER.unpack_from(elf, offset + i * size)
        except struct.error:
            raise KwsError("the ELF file's end is missing; build it again") from None
        if kind == _PT_LOAD and length:
            if start + length > len(elf):
                raise KwsError("the ELF file's end is missing; build it again")
            segments.append((address, elf[start : start + length]))
    return segments
