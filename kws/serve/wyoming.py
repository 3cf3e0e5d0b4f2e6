"""The Wyoming protocol: a client's events, and the service's answers.

The package ``wyoming`` writes events and knows what they mean. They are read here, because what
clients send is bounded here: a length in a header is memory that somebody else asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info, WakeModel, WakeProgram
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler
from wyoming.wake import Detect, Detection, NotDetected

from kws import __version__
from kws.errors import KwsError
from kws.files import parse_json
from kws.serve.service import Service, Session

MOST_CLIENTS = 500
MOST_DATA, MOST_PAYLOAD = 1 << 16, 1 << 22
"""Bytes of an event's JSON and of its samples: two minutes of 16 kHz."""
_KWS = Attribution(name="kws", url="")


class Malformed(Exception):
    """Bytes that are no event; the text says why."""


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """The next event; None at the end of the stream.

    Raises:
        Malformed: it is none, or larger than any event need be.
        OSError: the client went away.
    """
    try:
        line = await reader.readline()
    except ValueError:
        raise Malformed("the header is too long") from None
    if not line:
        return None
    header = _object(line, "the header")
    kind = header.get("type")
    if not isinstance(kind, str):
        raise Malformed("the header has no type")
    data = header.get("data") or {}
    if not isinstance(data, dict):
        raise Malformed("the header's data is not an object")
    try:
        if length := _length(header, "data_length", MOST_DATA):
            data = {**data, **_object(await reader.readexactly(length), "the data")}
        length = _length(header, "payload_length", MOST_PAYLOAD)
        payload = await reader.readexactly(length) if length else None
    except asyncio.IncompleteReadError:
        raise Malformed("the stream ends within an event") from None
    return Event(kind, data, payload)


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        value = parse_json(content)
    except ValueError:
        raise Malformed(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not an object")
    return value


def _length(header: dict[str, Any], name: str, most: int) -> int:
    length = header.get(name) or 0
    if not isinstance(length, int) or not 0 <= length <= most:
        raise Malformed(f"{name} must be 0 to {most}")
    return length


def information(service: Service, language: str) -> Info:
    """What the service tells of itself: each word is a wake word of its own."""
    models = [
        WakeModel(
            name=w.name,
            attribution=_KWS,
            installed=True,
            description=f"{w.word}, heard by {w.model}",
            version=__version__,
            languages=[language],
            phrase=w.word,
        )
        for w in service.words
    ]
    program = WakeProgram(
        name="kws",
        attribution=_KWS,
        installed=True,
        description="keyword spotting, the same bits as on a microcontroller",
        version=__version__,
        models=models,
    )
    return Info(wake=[program])


class Client(AsyncEventHandler):
    """One connection."""

    def __init__(
        self,
        service: Service,
        language: str,
        connected: set[Client],
        say: Callable[[str], None],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Serve what comes from ``reader``.

        Args:
            service: what is served.
            language: of the words, as Home Assistant names it.
            connected: those that are connected; it puts itself in and out.
            say: is told what the operator should know.
            reader, writer: of the connection.
        """
        super().__init__(reader, writer)
        self._service, self._language, self._connected, self._say = service, language, connected, say
        self._session: Session | None = None
        self._wanted = service.names(None)
        self._detected = self._streaming = False
        self._base_ms = 0

    async def run(self) -> None:
        """Answer events until the client goes."""
        self._connected.add(self)
        try:
            if len(self._connected) > MOST_CLIENTS:
                await self._refuse(f"there are {MOST_CLIENTS} clients already")
                return
            while (event := await read_event(self.reader)) is not None:
                if not await self.handle_event(event):
                    break
        except Malformed as error:
            # Where the next event begins cannot be known.
            self._say(f"a client sent what is no event: {error}")
            await self._refuse(str(error))
        except OSError:
            pass
        finally:
            if self._session is not None:
                self._session.close()
            self._connected.discard(self)
            self.writer.close()

    async def handle_event(self, event: Event) -> bool:
        """Answer one event; those of other services are nobody's business here."""
        try:
            await self._answer(event)
        except KwsError as error:
            await self.write_event(Error(text=str(error), code="bad-event").event())
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            text = f"{event.type} lacks something, or has something else in its place ({error!r})"
            await self.write_event(Error(text=text, code="bad-event").event())
        return True

    async def _answer(self, event: Event) -> None:
        if Describe.is_type(event.type):
            await self.write_event(information(self._service, self._language).event())
        elif Ping.is_type(event.type):
            await self.write_event(Pong(text=Ping.from_event(event).text).event())
        elif Detect.is_type(event.type):
            names = Detect.from_event(event).names
            self._wanted = self._service.names([str(name) for name in names] if names else None)
        elif AudioStart.is_type(event.type):
            self._begin(_milliseconds(event))
        elif AudioChunk.is_type(event.type):
            await self._hear(event)
        elif AudioStop.is_type(event.type):
            if not self._detected:
                await self.write_event(NotDetected().event())
            self._streaming = False

    def _begin(self, milliseconds: int) -> None:
        if self._session is None:
            self._session = self._service.session()
        self._session.begin()
        self._streaming, self._detected = True, False
        self._base_ms = milliseconds

    async def _hear(self, event: Event) -> None:
        chunk = AudioChunk.from_event(event)
        rate, width, channels = (_whole(value) for value in (chunk.rate, chunk.width, chunk.channels))
        if not self._streaming:
            self._begin(_milliseconds(event))
        assert self._session is not None
        for found in self._session.process(chunk.audio, rate, width, channels):
            for d in found:
                if (d.model, d.word) in self._wanted:
                    self._detected = True
                    at = self._base_ms + round(1000 * d.seconds)
                    await self.write_event(Detection(name=self._service.name_of(d), timestamp=at).event())
            # Other clients have their turn.
            await asyncio.sleep(0)

    async def _refuse(self, why: str) -> None:
        with contextlib.suppress(OSError):
            await self.write_event(Error(text=why, code="malformed").event())


def _milliseconds(event: Event) -> int:
    at = event.data.get("timestamp")
    return _whole(at) if at is not None else 0


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 1 << 53:
        raise ValueError(f"{json.dumps(value, default=str)[:40]} is no whole number")
    return value
