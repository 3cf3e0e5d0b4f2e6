"""Framing of the verification link: docs/SPEC-link.md. Twin of ``firmware/apps/link/message.h``."""

from __future__ import annotations

import binascii
import os
import select
import struct
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from kws.errors import KwsError

SYNC = b"KW"
PROTOCOL_VERSION = 4
VALUES_BYTES = 512
"""Most bytes of samples or values in a message."""
PAYLOAD_BYTES = 4 + VALUES_BYTES
REPLY = 0x80
_HEADER = struct.Struct("<BBH")
_CRC = struct.Struct("<H")


class Type(IntEnum):
    """What a message says; a reply has the request's type with :data:`REPLY` added."""

    IDENTIFY = 0x01
    RESET = 0x02
    TRACE = 0x03
    PROCESS = 0x04
    LOAD_INPUT = 0x05
    RUN_NETWORK = 0x06
    DECIDE = 0x07
    OPEN = 0x08
    LISTEN = 0x09
    FEATURES = 0x41
    LAYER = 0x42
    STATE = 0x43
    POSTERIORS = 0x44
    FRAME = 0x45
    PCM = 0x46
    ERROR = 0xFF


ERRORS = {
    1: "it received a damaged message (CRC); check the cable and the speed",
    2: "it received a message of a length that it cannot take",
    3: "it does not know this request; its firmware is of another version, so build and flash it again",
    4: "its model is a bare network and cannot hear",
    5: "its model has no listening window; kws phrases MODEL --wake outside --window-ms N gives it one",
    6: "its serial line is too slow for its microphone; build and flash the link app again with --baud 1000000",
    7: "its microphone does not start",
}
"""Meaning of the code in an ERROR message."""


@dataclass(frozen=True)
class Message:
    """One message; ``type`` is a :class:`Type`, or a request's with :data:`REPLY` added."""

    type: int
    sequence: int
    payload: bytes


class Stream(Protocol):
    """Bytes to and from a board."""

    def read(self, timeout: float) -> bytes:
        """At least one byte as soon as there is one; empty at the end of the stream.

        Raises:
            TimeoutError: nothing came for ``timeout`` seconds.
        """

    def write(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            OSError: the other end is gone.
        """

    def close(self) -> None:
        """Release the stream."""


class PipeStream:
    """A stream over two file descriptors, which it owns."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._open = True

    def read(self, timeout: float) -> bytes:
        """As :meth:`Stream.read`."""
        ready, _, _ = select.select([self._read_fd], [], [], timeout)
        if not ready:
            raise TimeoutError
        return os.read(self._read_fd, 65536)

    def write(self, data: bytes) -> None:
        """As :meth:`Stream.write`."""
        while data:
            data = data[os.write(self._write_fd, data) :]

    def close(self) -> None:
        """As :meth:`Stream.close`."""
        if self._open:
            self._open = False
            for fd in {self._read_fd, self._write_fd}:
                os.close(fd)


def encode(message: Message) -> bytes:
    """The bytes of a message."""
    body = _HEADER.pack(message.type, message.sequence, len(message.payload)) + message.payload
    return SYNC + body + _CRC.pack(binascii.crc_hqx(body, 0xFFFF))


class Reader:
    """Takes messages out of a stream's bytes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    def next(self, timeout: float, skip_noise: bool = False) -> Message:
        """Wait for the next message.

        Args:
            timeout: greatest time to wait for it, in seconds.
            skip_noise: pass over bytes that belong to no message, such as a boot loader's text,
                and over damaged messages.

        Raises:
            KwsError: nothing came in time, the stream ended, or what came is no message.
        """
        deadline = time.monotonic() + timeout
        while (message := self._take(skip_noise)) is None:
            self._fill(deadline, timeout)
        return message

    def _take(self, skip_noise: bool) -> Message | None:
        """The first message in the buffer, if all of it is there."""
        head = len(SYNC) + _HEADER.size
        while self._find_sync(skip_noise) and len(self._buffer) >= head:
            kind, sequence, length = _HEADER.unpack_from(self._buffer, len(SYNC))
            if length > PAYLOAD_BYTES:
                self._damaged(f"a message of {length} bytes, where {PAYLOAD_BYTES} is the most", skip_noise)
                continue
            if len(self._buffer) < head + length + _CRC.size:
                break
            body = bytes(self._buffer[len(SYNC) : head + length])
            (crc,) = _CRC.unpack_from(self._buffer, head + length)
            if crc != binascii.crc_hqx(body, 0xFFFF):
                self._damaged("a damaged message (CRC); check the cable and the speed", skip_noise)
                continue
            del self._buffer[: head + length + _CRC.size]
            return Message(kind, sequence, body[_HEADER.size :])
        return None

    def _find_sync(self, skip_noise: bool) -> bool:
        """Drop what comes before a sync; return whether there is one."""
        start = self._buffer.find(SYNC)
        if start < 0:
            # The first half of a sync may be waiting for the second.
            start = len(self._buffer) - int(self._buffer.endswith(SYNC[:1]))
        if start > 0:
            self._noise(start, skip_noise)
        return self._buffer.startswith(SYNC)

    def _noise(self, count: int, skip: bool) -> None:
        noise = bytes(self._buffer[:count])
        del self._buffer[:count]
        if not skip:
            raise KwsError(f"the board sent something that is no message: {_printable(noise)}")

    def _damaged(self, what: str, skip: bool) -> None:
        # Without its sync the rest is noise up to the next message.
        del self._buffer[: len(SYNC)]
        if not skip:
            self._buffer.clear()
            raise KwsError(f"the board sent {what}")

    def _fill(self, deadline: float, timeout: float) -> None:
        try:
            data = self._stream.read(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise KwsError(
                f"the board did not answer within {timeout:g} s{self._rest()}; "
                "check that it runs the link app and that nothing else reads its output"
            ) from None
        except OSError as error:
            raise KwsError(f"the connection to the board broke: {error.strerror or error}") from error
        if not data:
            raise KwsError(f"the board closed the connection{self._rest()}")
        self._buffer += data

    def _rest(self) -> str:
        return f" (after {_printable(bytes(self._buffer))})" if self._buffer else ""


def _printable(data: bytes) -> str:
    shown = repr(data[:80])[1:]
    return shown if len(data) <= 80 else f"{shown} and {len(data) - 80} bytes more"
