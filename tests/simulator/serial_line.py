"""The other end of a board's UART: a test, or a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import tty
from collections import deque


class SerialLine:
    """Bytes in both directions.

    Attributes:
        received: everything that the board sent.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self._waiting: deque[int] = deque()
        self._fd: int | None = None
        self._other: int | None = None

    @property
    def lines(self) -> list[str]:
        """The lines that the board sent, the unfinished last one left out."""
        return self.received.decode().split("\n")[:-1]

    def send(self, data: bytes) -> None:
        """Send bytes to the board."""
        self._waiting.extend(data)

    def take(self) -> int | None:
        """The next byte for the board, or None; for the UART's model, once a byte time."""
        if not self._waiting and self._fd is not None and select.select([self._fd], [], [], 0)[0]:
            self._waiting.extend(os.read(self._fd, 4096))
        return self._waiting.popleft() if self._waiting else None

    def put(self, byte: int) -> None:
        """A byte from the board; for the UART's model."""
        self.received.append(byte)
        if self._fd is not None:
            os.write(self._fd, bytes([byte]))

    def pty(self) -> str:
        """Connect the line to a new pseudo-terminal; returns the path of the end that a program opens."""
        self._fd, self._other = pty.openpty()
        tty.setraw(self._other)
        return os.ttyname(self._other)

    def close(self) -> None:
        """Take the pseudo-terminal away, as when the plug is pulled."""
        for fd in (self._fd, self._other):
            if fd is not None:
                os.close(fd)
        self._fd = self._other = None
