"""A model as a blob for a board's model slot: docs/SPEC.md, "Model slot".

The firmware's Makefile links the model for the slot's address and puts a header in front; the
header's length and CRC are filled in here, because only the finished blob has them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from kws.errors import KwsError
from kws.files import replacing, write_atomic
from kws.firmware import model_format
from kws.image.make import make_slot
from kws.tools import run_tool

MAGIC = 0x4D53574B
VERSION = 1
_HEADER = struct.Struct("<7I2H32s")
_CRC_END = 16
"""Where the bytes begin that the CRC covers."""


@dataclass(frozen=True)
class SlotHeader:
    """Twin of ``kws_slot_header`` in firmware/include/kws/model_slot.h, on a 32-bit target.

    Attributes:
        magic: :data:`MAGIC`.
        version: of the header.
        size: bytes of header and model.
        crc: CRC-32 of what follows this field.
        address: where the blob must lie.
        model: address of its ``kws_model``.
        ram_bytes: what its spotter needs.
        format: of the structures, ``KWS_MODEL_FORMAT``.
        arch: how the weights are laid out, ``KWS_ARCH``.
        model_id: the model's identity, hexadecimal digits.
    """

    magic: int
    version: int
    size: int
    crc: int
    address: int
    model: int
    ram_bytes: int
    format: int
    arch: int
    model_id: str

    SIZE = _HEADER.size

    @classmethod
    def parse(cls, blob: bytes) -> SlotHeader:
        """The header at the start of ``blob``.

        Raises:
            KwsError: it has none, or one of another version.
        """
        if len(blob) < cls.SIZE or int.from_bytes(blob[:4], "little") != MAGIC:
            raise KwsError("this is no model for a model slot; make one with `kws build BOARD --model-slot`")
        magic, version, size, crc, address, model, ram_bytes, structures, arch, name = _HEADER.unpack_from(blob)
        if version != VERSION:
            raise KwsError(f"the model's header is of version {version}, not {VERSION}; build it with this kws again")
        model_id = name.rstrip(b"\0").decode("ascii", "replace")
        return cls(magic, version, size, crc, address, model, ram_bytes, structures, arch, model_id)

    def pack(self) -> bytes:
        """The header's 64 bytes."""
        *numbers, name = self.__dict__.values()
        return _HEADER.pack(*numbers, name.encode("ascii"))


def complete(blob: bytes) -> bytes:
    """Fill in the length and the CRC of a blob as the linker left it.

    Raises:
        KwsError: it has no header, or is of another version.
    """
    if len(blob) % 4:
        raise KwsError(f"a model for the slot has a multiple of 4 bytes, not {len(blob)}")
    sized = replace(SlotHeader.parse(blob), size=len(blob)).pack() + blob[SlotHeader.SIZE :]
    return replace(SlotHeader.parse(sized), crc=zlib.crc32(sized[_CRC_END:])).pack() + blob[SlotHeader.SIZE :]


def check(blob: bytes) -> SlotHeader:
    """The header of a blob that is whole.

    Args:
        blob: what :func:`build_slot` wrote, or what was read back from a board; it may go on behind the model.

    Raises:
        KwsError: it is not, and why.
    """
    header = SlotHeader.parse(blob)
    if not SlotHeader.SIZE <= header.size <= len(blob):
        raise KwsError(f"the model is cut off: {len(blob)} of {header.size} bytes")
    if zlib.crc32(blob[_CRC_END : header.size]) != header.crc:
        raise KwsError("the model's CRC is wrong: it is damaged, or was written in part")
    if header.format != model_format():
        raise KwsError(f"the model is of format {header.format}, not {model_format()}; build it with this kws again")
    return header


@dataclass(frozen=True)
class Slot:
    """A model for the slot of a board.

    Attributes:
        bin: the blob; it belongs at ``header.address``.
        hex: the same as Intel HEX, which carries the address.
        header: the blob's header.
    """

    bin: Path
    hex: Path
    header: SlotHeader


def build_slot(model_dir: Path, build_dir: Path, board: str) -> Slot:
    """Compile and link a model on its own for the slot of a board.

    Args:
        model_dir: where ``kws export`` wrote ``kws_model.c``.
        build_dir: where everything made goes; the blob is ``<build_dir>/<board>/slot/model-slot.bin``
            and ``.hex``.
        board: a folder of ``firmware/boards`` with a slot.

    Raises:
        KwsError: a program is missing, the board has no slot, the model does not fit it, or the
            compiler failed.
    """
    linked = make_slot(model_dir, build_dir, board)
    blob = complete(linked.read_bytes())
    header = check(blob)
    out = Slot(linked.with_name("model-slot.bin"), linked.with_name("model-slot.hex"), header)
    write_atomic(out.bin, blob)
    place = f"--change-section-address=*+{header.address}"
    with replacing(out.hex) as path:
        run_tool("arm-none-eabi-objcopy", "-I", "binary", "-O", "ihex", place, out.bin, path)
    return out
