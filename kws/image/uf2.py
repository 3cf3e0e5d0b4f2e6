"""UF2: a program as a file that is copied to a boot loader's USB drive.

The format is https://github.com/microsoft/uf2: blocks of 512 bytes, each of which names the address of
its payload, so that they may arrive in any order.
"""

from __future__ import annotations

import struct

from kws.errors import KwsError

PAGE = 256
"""Bytes of program in a block: what a flash page holds."""

_MAGIC_START = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_FAMILY_ID_PRESENT = 0x2000
_HEADER = struct.Struct("<8I")
_BLOCK = 512


def encode(image: bytes, origin: int, family: int) -> bytes:
    """A UF2 file.

    Args:
        image: what goes to flash.
        origin: the address of its first byte, a multiple of :data:`PAGE`.
        family: the id of the microcontroller that it is for.

    Returns:
        A block of 512 bytes for every page of 256 bytes, by address; the last page is filled up with
        0xFF, as in erased flash.

    Raises:
        KwsError: there is nothing to write, or the origin is amid a page.
    """
    if not image:
        raise KwsError("the image is empty, so there is nothing to write to flash")
    if origin % PAGE:
        raise KwsError(f"the image begins at 0x{origin:08x}, amid a page of flash; its linker script is wrong")
    pages = [image[start : start + PAGE].ljust(PAGE, b"\xff") for start in range(0, len(image), PAGE)]
    return b"".join(
        _HEADER.pack(*_MAGIC_START, _FAMILY_ID_PRESENT, origin + PAGE * number, PAGE, number, len(pages), family)
        + page.ljust(_BLOCK - _HEADER.size - 4, b"\0")
        + struct.pack("<I", _MAGIC_END)
        for number, page in enumerate(pages)
    )
