"""A connection to a board that runs the ``link`` app, whatever its model: requests, their answers, its microphone."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from kws.engines.link_message import ERRORS, PROTOCOL_VERSION, REPLY, Message, Reader, Stream, Type, encode
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.types import Int8, Int16

BLOCK_SAMPLES = 160
"""Samples of a block that a listening board sends: 10 ms."""
LISTEN_BAUD = 400_000
"""Bits a second, ten for a byte, that listening takes: 100 blocks of 336 bytes, and the posteriors of 50 frames."""
_IDENTITY = struct.Struct("<4sHH8sHHIIHHI")
FRAME = struct.Struct("<IiI")
_DONE = struct.Struct("<IHH")
_PCM = struct.Struct("<II")
_MAGIC = b"KWSL"
_HAS_FRONTEND = 1
_CONCLUDED = (Type.PROCESS, Type.RUN_NETWORK, Type.DECIDE)


@dataclass(frozen=True)
class Identity:
    """What a board says of itself.

    Attributes:
        version: of the protocol.
        has_frontend: whether it can process samples, or only run the network.
        model_id: 16 hexadecimal digits, as :attr:`kws.model.file.Model.id`.
        bands: features in a frame; 0 without a front end.
        labels: number of labels; 0 without a front end.
        input_size: values in the network's input.
        output_size: values in the network's output.
        layers: number of layers.
        samples: most samples that it takes in a message.
        ticks_per_second: of the clock that it reports times in.
    """

    version: int
    has_frontend: bool
    model_id: str
    bands: int
    labels: int
    input_size: int
    output_size: int
    layers: int
    samples: int
    ticks_per_second: int


@dataclass(frozen=True)
class Answer:
    """What answered a request.

    Attributes:
        messages: those before the reply; of IDENTIFY the reply itself.
        ticks: of the board's clock, spent in computing.
        frames: completed.
    """

    messages: list[Message]
    ticks: int = 0
    frames: int = 0


@dataclass
class Block:
    """What a listening board sent of 10 ms.

    Attributes:
        pcm: int16 [:data:`BLOCK_SAMPLES`].
        missing: blocks that got lost on the line since the last one.
        overruns: blocks that the board itself lost since it began to listen; how long they are is its own affair.
        posteriors: of frames that the block completed, int8 [labels] each.
        detections: what the board detected in them.
    """

    pcm: Int16
    missing: int
    overruns: int
    posteriors: list[Int8] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)


class Connection:
    """Requests to a board and what comes back.

    Args:
        stream: to the board; owned by the connection from now on.
        timeout: greatest time to wait for a message, in seconds.
        name: what the board is called in errors.
        explain: what is known of the board's end beyond the protocol, to add to an error.
    """

    def __init__(self, stream: Stream, timeout: float, name: str, explain: Callable[[], str] = str) -> None:
        self._stream, self._timeout, self._name, self._explain = stream, timeout, name, explain
        self._reader = Reader(stream)
        self._sequence = 0

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def error(self, what: str) -> KwsError:
        """An error of the board's doing."""
        return KwsError(f"the {self._name} engine's board {what}; reset it and connect again")

    def identify(self) -> Identity:
        """Ask what it is; what else it has to say, such as a boot loader's text, is skipped.

        Raises:
            KwsError: nothing answers, no kws board does, or one of another version.
        """
        message = self.request(Type.IDENTIFY, skip_noise=True).messages[0]
        if len(message.payload) != _IDENTITY.size or not message.payload.startswith(_MAGIC):
            raise KwsError("what answers is not a kws board; flash the link app of firmware/apps")
        _, version, flags, model_id, *sizes = _IDENTITY.unpack(message.payload)
        if version != PROTOCOL_VERSION:
            raise KwsError(
                f"the board speaks version {version} of the link protocol and this kws version {PROTOCOL_VERSION};"
                " build and flash the link app again"
            )
        return Identity(version, bool(flags & _HAS_FRONTEND), model_id.hex(), *sizes)

    def request(self, kind: Type, payload: bytes = b"", skip_noise: bool = False) -> Answer:
        """Send a request and gather what answers it.

        Raises:
            KwsError: the board did not answer, or refused, or a message got lost.
        """
        try:
            self._send(kind, payload)
            return self._answer(kind, skip_noise)
        except OSError as error:
            raise KwsError(f"cannot send to the board: {error.strerror or error}{self._explain()}") from error
        except KwsError as error:
            raise KwsError(f"{error}{self._explain()}") from error

    def listen(self, labels: int, blocks: int = 0) -> Iterator[Block]:
        """What the board's microphone hears, as it comes; closing the iterator ends it.

        Damaged messages are skipped: blocks are numbered, so that each that is missing is counted.

        Args:
            labels: of the board's model.
            blocks: how many to ask for; 0 for all until the iterator is closed.

        Raises:
            KwsError: the board refuses, or stops sending.
        """
        ended = False
        try:
            self._send(Type.LISTEN, struct.pack("<I", blocks))
            yield from self._blocks(labels)
            ended = True
        except OSError as error:
            raise KwsError(f"cannot send to the board: {error.strerror or error}{self._explain()}") from error
        except KwsError as error:
            ended = True
            raise KwsError(f"{error}{self._explain()}") from error
        finally:
            if not ended:
                # Any request ends listening; what was on its way before the answer is skipped by its number.
                self.request(Type.RESET, skip_noise=True)

    def unpack(self, layout: struct.Struct, message: Message) -> tuple[int, ...]:
        """A message's numbers.

        Raises:
            KwsError: it has another length.
        """
        if len(message.payload) != layout.size:
            raise self.error(f"sent a message of type {message.type} with {len(message.payload)} bytes")
        return layout.unpack(message.payload)

    def _send(self, kind: Type, payload: bytes) -> None:
        self._sequence = (self._sequence + 1) % 256
        self._stream.write(encode(Message(kind, self._sequence, payload)))

    def _answer(self, kind: Type, skip_noise: bool) -> Answer:
        messages: list[Message] = []
        while True:
            message = self._reader.next(self._timeout, skip_noise)
            if message.sequence != self._sequence:
                continue  # the late answer to a request that was given up
            if message.type == Type.ERROR and skip_noise:
                continue  # a complaint about what an earlier session left unfinished
            self._require(kind, message)
            if message.type != kind | REPLY:
                messages.append(message)
                continue
            if kind not in _CONCLUDED:
                return Answer([message] if kind == Type.IDENTIFY else messages)
            ticks, frames, sent = self.unpack(_DONE, message)
            if sent != len(messages):
                raise self.error(f"sent {sent} messages but {len(messages)} arrived")
            return Answer(messages, ticks, frames)

    def _require(self, kind: Type, message: Message) -> None:
        if message.type == Type.ERROR:
            code = message.payload[0] if message.payload else 0
            raise KwsError(f"the board refused {kind.name}: {ERRORS.get(code, f'error {code}')}")

    def _blocks(self, labels: int) -> Iterator[Block]:
        block: Block | None = None
        expected = 0
        row = b""
        while True:
            message = self._reader.next(self._timeout, skip_noise=True)
            if message.sequence != self._sequence:
                continue
            self._require(Type.LISTEN, message)
            if message.type == Type.PCM and len(message.payload) == _PCM.size + 2 * BLOCK_SAMPLES:
                if block is not None:
                    yield block
                number, overruns = _PCM.unpack_from(message.payload)
                pcm = np.frombuffer(message.payload, "<i2", offset=_PCM.size).astype(np.int16)
                block = Block(pcm, (number - expected) % 2**32, overruns)
                expected = number + 1
                row = b""
            elif message.type == Type.POSTERIORS:
                row += message.payload
            elif message.type == Type.FRAME:
                frame, label, score = self.unpack(FRAME, message)
                # Of a frame whose block is lost the detection counts all the same.
                if block is not None:
                    block.posteriors += [np.frombuffer(row, np.int8)] if len(row) == labels else []
                    block.detections += [Detection(frame, label, score)] if label >= 0 else []
                row = b""
            elif message.type == Type.LISTEN | REPLY:
                if block is not None:
                    yield block
                return
