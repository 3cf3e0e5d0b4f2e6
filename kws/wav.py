"""The header of a WAV file against what the file holds: libsndfile reads a short one without a word."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

OPEN_LENGTH = "its header does not say how long it is; all samples that are there are used"

# Written where the length could not be known: to a pipe, or by a recorder that was switched off.
_UNKNOWN = (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# sox and ffmpeg round such a length down to whole samples, or take the header off it.
_UNKNOWN_SLACK = 64
# Headers that count themselves, or a chunk that was never written, promise so much too much.
_SURPLUS = 64
# Tags of other programs behind the samples are shorter.
_TAGS = 1024


@dataclass(frozen=True)
class Data:
    """The chunk of samples of a WAV file, in bytes.

    Attributes:
        position: where its length stands in the file.
        code: how the length is written, for `struct`.
        promised: the length that the header says, 2^32 - 1 being unknown; a ds64 chunk's where there is one.
        present: bytes from the chunk's begin to the end of the file.
        block: bytes of one sample of all channels.
        beyond: bytes behind the chunk that belong to none, 0 where only chunks follow.
    """

    position: int
    code: str
    promised: int
    present: int
    block: int
    beyond: int = 0

    @property
    def unknown(self) -> bool:
        """Whether the header was never filled in."""
        return any(0 <= value - self.promised <= (_UNKNOWN_SLACK if value else 0) for value in _UNKNOWN) or (
            0x7FFFF000 <= self.promised <= 0x7FFFFFFF
        )

    @property
    def missing(self) -> int:
        """Bytes that the header promises and the file lacks."""
        return max(0, self.promised - self.present)

    @property
    def note(self) -> str:
        """What is odd about the header though samples can be read; empty if nothing is."""
        if self.unknown and self.promised != self.present:
            return OPEN_LENGTH
        if self.beyond > _TAGS:
            return (
                f"its header promises {self.promised} bytes of audio, and {self.beyond} more follow that are not used;"
                " if they are audio too, write the file anew"
            )
        if self.missing:
            return f"its header promises {self.missing} bytes more than there are; all samples that are there are used"
        return ""

    @property
    def truncated(self) -> bool:
        """Whether samples are missing: more than a header miscounts, or the last one is cut through."""
        if self.unknown or not self.missing:
            return False
        return self.missing > _SURPLUS or self.present % self.block != 0

    def mended(self, raw: BinaryIO) -> BinaryIO:
        """The file as if its header were right, for a header that says 0."""
        length = self.present - self.present % self.block
        return io.BufferedReader(_Patched(raw, self.position, struct.pack(self.code, length)))


def find(raw: BinaryIO) -> Data | None:
    """Find the samples of a WAV file (RIFF, RIFX, RF64); None where there is no such chunk.

    Args:
        raw: the whole file, seekable.
    """
    raw.seek(0, os.SEEK_END)
    size = raw.tell()
    raw.seek(0)
    magic = raw.read(12)
    if magic[:4] not in (b"RIFF", b"RIFX", b"RF64") or magic[8:] != b"WAVE":
        return None
    order = ">" if magic[:4] == b"RIFX" else "<"
    long_size: int | None = None
    long_position = 0
    block = 1
    while len(header := raw.read(8)) == 8:
        name, length = header[:4], struct.unpack(order + "I", header[4:])[0]
        if name == b"data":
            begin = raw.tell()
            position, code = begin - 4, order + "I"
            if long_size is not None and length == 0xFFFFFFFF:
                # Of a recorder that was switched off, which libsndfile takes for no samples.
                length = 0 if long_size == 0xFFFFFFFFFFFFFFFF else long_size
                position, code = long_position, "<Q"
            beyond = _beyond(raw, order, begin + length + (length & 1), size)
            # Behind a length of 0 come its own samples.
            return Data(position, code, length, size - begin if length else beyond, block, beyond)
        content = raw.read(min(length, 64))
        if name == b"ds64" and len(content) >= 16:
            long_size, long_position = struct.unpack("<Q", content[8:16])[0], raw.tell() - len(content) + 8
        if name == b"fmt " and len(content) >= 14:
            block = max(1, struct.unpack(order + "H", content[12:14])[0])
        raw.seek(length + (length & 1) - len(content), os.SEEK_CUR)
    return None


def _beyond(raw: BinaryIO, order: str, end: int, size: int) -> int:
    """Bytes from ``end`` on to the end of the file, 0 where only chunks follow."""
    # A damaged length is no place that could be sought.
    if end >= size:
        return 0
    raw.seek(end)
    return 0 if _only_chunks(raw, order, size) else size - end


def _only_chunks(raw: BinaryIO, order: str, size: int) -> bool:
    """Whether what follows is other chunks to the very end, so that the length in front of it is true."""
    while len(header := raw.read(8)) == 8:
        if not all(0x20 <= c < 0x7F for c in header[:4]):
            return False
        length = struct.unpack(order + "I", header[4:])[0]
        raw.seek(length + (length & 1), os.SEEK_CUR)
    # The last one may lack its padding.
    return size <= raw.tell() <= size + 1


class _Patched(io.RawIOBase):
    """A file of which a few bytes read as others."""

    def __init__(self, raw: BinaryIO, position: int, content: bytes) -> None:
        self._raw, self._position, self._content = raw, position, content
        self._raw.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        begin = self._raw.tell()
        data = bytearray(self._raw.read(len(buffer)))
        for i, value in enumerate(self._content):
            at = self._position + i - begin
            if 0 <= at < len(data):
                data[at] = value
        buffer[: len(data)] = data
        return len(data)
