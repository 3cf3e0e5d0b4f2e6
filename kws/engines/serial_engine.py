"""A real board on a serial port that runs the ``link`` app, or a simulated one on a pseudo-terminal."""

from __future__ import annotations

from kws.boards.serial_port import BAUD, SerialStream
from kws.engines.link import LinkEngine
from kws.engines.link_message import PAYLOAD_BYTES
from kws.errors import KwsError, UsageError
from kws.model.file import Model

PREFIX = "serial:"

_LONGEST_MESSAGE = PAYLOAD_BYTES + 8


def parse(name: str) -> tuple[str, int]:
    """Port and bits a second of ``serial:PORT`` or ``serial:PORT@BAUD``.

    Raises:
        UsageError: it names no port, or no whole number as the baud rate.
    """
    port, at, baud = name.removeprefix(PREFIX).partition("@")
    if not name.startswith(PREFIX) or not port or (at and not (baud.isdecimal() and len(baud) < 9 and int(baud) > 0)):
        raise UsageError(f"{name!r} must be serial:PORT or serial:PORT@BAUD, such as serial:/dev/ttyACM0@1000000")
    return port, int(baud) if at else BAUD


class SerialEngine(LinkEngine):
    """The model that a board was built with, on that board."""

    name = "serial"

    def __init__(self, model: Model, port: str, baud: int = BAUD, trace: bool = True, timeout: float = 10.0) -> None:
        """Open the port and connect.

        Args:
            model: the model that the board was built with.
            port: the serial port's name.
            baud: bits a second, the ones that the firmware was built for.
            trace: as in :class:`~kws.engines.link.LinkEngine`.
            timeout: greatest time to wait for a message, in seconds.

        Raises:
            KwsError: the port cannot be opened, or no board with this model's link app answers.
        """
        self._port, self._baud = port, baud
        stream = SerialStream(port, baud)
        try:
            # Completes whatever message an earlier session may have left unfinished.
            stream.write(bytes(_LONGEST_MESSAGE))
        except OSError as error:
            stream.close()
            raise KwsError(f"cannot send to {port}: {error.strerror or error}") from error
        super().__init__(stream, model, trace, timeout)

    def _explain(self) -> str:
        return f" (on {self._port} at {self._baud} baud)"
