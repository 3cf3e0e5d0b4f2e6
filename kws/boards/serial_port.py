"""A serial port: a board's UART or USB serial line, or a pseudo-terminal."""

from __future__ import annotations

import errno
import os

from serial import Serial, SerialException
from serial.tools import list_ports

from kws.errors import KwsError

try:
    from termios import error as _DRAIN_ERROR
except ImportError:  # Windows
    _DRAIN_ERROR = SerialException  # type: ignore[misc]

BAUD = 115200
"""Bits a second unless told otherwise, here and in the firmware."""

_WRITE_TIMEOUT_SECONDS = 10.0


class SerialStream:
    """Bytes to and from a port; a :class:`~kws.engines.link_message.Stream`."""

    def __init__(self, port: str, baud: int = BAUD) -> None:
        """Open the port, for nobody else to open meanwhile.

        Raises:
            KwsError: there is no such port, or it cannot be opened; the message names those that are there.
        """
        try:
            self._serial = Serial(port, baud, write_timeout=_WRITE_TIMEOUT_SECONDS, exclusive=True)
        except (SerialException, ValueError) as error:
            raise KwsError(f"cannot open the serial port {port}: {_reason(error)}") from error

    def read(self, timeout: float) -> bytes:
        """As :meth:`~kws.engines.link_message.Stream.read`."""
        self._serial.timeout = timeout
        data = self._serial.read(1)
        if not data:
            raise TimeoutError
        return bytes(data + self._serial.read(self._serial.in_waiting))

    def write(self, data: bytes) -> None:
        """As :meth:`~kws.engines.link_message.Stream.write`."""
        self._serial.write(data)
        try:
            self._serial.flush()
        except _DRAIN_ERROR as error:
            # termios has an error of its own, which is no OSError.
            raise OSError(*error.args) from error

    def close(self) -> None:
        """As :meth:`~kws.engines.link_message.Stream.close`."""
        self._serial.close()


def ports() -> list[str]:
    """The serial ports of this machine that something is plugged in to, with what they say of themselves."""
    return [f"{device} ({said})" if said else device for device, said in plugged_in()]


def plugged_in() -> list[tuple[str, str]]:
    """The same as pairs of the port and what it says of itself, which may be nothing."""
    found = [p for p in list_ports.comports() if p.vid is not None]
    return [(str(p.device), "" if p.description in (None, "n/a") else str(p.description)) for p in found]


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EACCES:
        return "permission denied; on Linux add yourself to the group that owns it, often dialout, and log in again"
    if number in (errno.EBUSY, errno.EAGAIN):
        return "another program has it open; close that first"
    there = ", ".join(ports()) or "none; plug the board in, with a cable that carries data"
    if number == errno.ENOENT:
        return f"there is no such port; those that are there: {there}"
    return f"{os.strerror(number) if number else error}; the ports that are there: {there}"
