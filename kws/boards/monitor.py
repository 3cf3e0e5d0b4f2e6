"""What a board that runs the ``spotter`` app says, as it says it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kws.boards.serial_port import BAUD, SerialStream
from kws.errors import KwsError
from kws.files import parse_json

_READ_SECONDS = 0.5
_RETRY_SECONDS = 0.5
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Connected:
    """The port is open."""


@dataclass(frozen=True)
class Disconnected:
    """The port went away; it is tried again until it is back."""

    why: str


@dataclass(frozen=True)
class Line:
    """A line that the board sent.

    Attributes:
        text: the line.
        value: what it says, if it is a JSON object.
    """

    text: str
    value: dict[str, Any] | None


Moment = Connected | Disconnected | Line


def monitor(port: str, baud: int = BAUD, stop: Callable[[], bool] = lambda: False) -> Iterator[Moment]:
    """Listen to a board for ever, or until ``stop`` says so, over plugging and unplugging.

    Raises:
        KwsError: the port cannot be opened at first.
    """
    stream = SerialStream(port, baud)
    while not stop():
        yield Connected()
        try:
            yield from _lines(stream, stop)
        except OSError as error:
            yield Disconnected(error.strerror or str(error))
        finally:
            stream.close()
        while not stop():
            try:
                stream = SerialStream(port, baud)
                break
            except KwsError:
                time.sleep(_RETRY_SECONDS)


def _lines(stream: SerialStream, stop: Callable[[], bool]) -> Iterator[Line]:
    rest = b""
    while not stop():
        try:
            rest += stream.read(_READ_SECONDS)
        except TimeoutError:
            continue
        *lines, rest = rest.split(b"\n")
        yield from map(parse, lines)
        rest = rest[-_LONGEST_LINE:]


def parse(line: bytes) -> Line:
    """One line, its end cut off; what no person could read is marked as such."""
    text = line.decode(errors="replace").strip("\r\0")
    try:
        value = parse_json(text)
    except ValueError:
        value = None
    return Line(text, value if isinstance(value, dict) else None)
