"""A board, real or emulated, that runs the ``link`` app: docs/SPEC-link.md.

The board computes everything from PCM to detections; this end sends samples and gathers what
comes back. It works over any :class:`~kws.engines.link_message.Stream`.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from kws.engines.base import Engine, Output
from kws.engines.link_message import (
    ERRORS,
    PROTOCOL_VERSION,
    REPLY,
    VALUES_BYTES,
    Message,
    Reader,
    Stream,
    Type,
    encode,
)
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import Model
from kws.types import Int8, Int16

_IDENTITY = struct.Struct("<4sHH8sHHIIHHI")
_FRAME = struct.Struct("<IiI")
_DONE = struct.Struct("<IHH")
_LAYER = struct.Struct("<H")
_STATE = struct.Struct("<HH")
_MAGIC = b"KWSL"
_HAS_FRONTEND = 1


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


@dataclass
class _Frame:
    """What came back for one frame."""

    features: bytearray = field(default_factory=bytearray)
    posteriors: bytearray = field(default_factory=bytearray)


@dataclass
class _Call:
    """What came back for one call of the network; behind a gate a frame may have none, or several."""

    layers: dict[int, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    states: dict[tuple[int, ...], bytearray] = field(default_factory=lambda: defaultdict(bytearray))


class LinkEngine(Engine):
    """The model run by whatever is at the other end of a stream.

    Attributes:
        identity: what the board said of itself.
        ticks: board ticks spent in processing since the engine was made or :meth:`clear_ticks`.
        frames: frames, or calls of the network, that took them.
    """

    name = "link"

    def __init__(self, stream: Stream, model: Model, trace: bool = True, timeout: float = 10.0) -> None:
        """Connect: the board must run the link app with this very model.

        Args:
            stream: to the board; owned by the engine from now on.
            model: the model that the board was built with.
            trace: ask for features, layers and states too; without them it is several times faster.
            timeout: greatest time to wait for a message, in seconds.

        Raises:
            KwsError: nothing answers, or not this model's link app.
        """
        self._stream = stream
        self._model = model
        self._trace = trace
        self._timeout = timeout
        self._reader = Reader(stream)
        self._sequence = 0
        self._frames_reported = 0
        self.ticks = 0
        self.frames = 0
        try:
            self.identity = self._identify()
            self._request(Type.TRACE, bytes([trace]))
            self.reset()
        except BaseException:
            self.close()
            raise

    def clear_ticks(self) -> None:
        """Start counting ticks and frames anew."""
        self.ticks = self.frames = 0

    @property
    def seconds_per_frame(self) -> float:
        """Mean time that the board's own clock showed for a frame or call of the network.

        Raises:
            KwsError: nothing has been processed yet.
        """
        if self.frames == 0:
            raise KwsError("no frame has been processed yet, so there is no time a frame to tell")
        return self.ticks / self.identity.ticks_per_second / self.frames

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        self._request(Type.RESET)

    def process(self, pcm: Int16) -> Output:
        """Feed int16 [samples] at 16 kHz; return what the frames completed by them gave."""
        self._model.require_info()
        calls: list[_Call] = []
        frames: list[_Frame] = []
        detections: list[Detection] = []
        size = self.identity.samples
        for start in range(0, len(pcm), size):
            part = np.ascontiguousarray(pcm[start : start + size], "<i2").tobytes()
            now = _Frame()
            before = len(frames)
            for message in self._request(Type.PROCESS, part):
                if message.type != Type.FRAME:
                    self._gather(now, calls, message)
                    continue
                frame, label, score = self._unpack(_FRAME, message)
                if label >= 0:
                    detections.append(Detection(frame, label, score))
                frames.append(now)
                now = _Frame()
            if len(frames) - before != self._frames_reported:
                raise self._error(f"reported {self._frames_reported} frames but sent {len(frames) - before}")
            self.frames += len(frames) - before
        return self._output(frames, calls, detections, with_features=self._trace)

    def run_network(self, x: Int8) -> Output:
        """Call the network alone, once a row: int8 [calls, input size], carrying its state."""
        calls: list[_Call] = []
        frames = []
        for row in np.ascontiguousarray(x, np.int8).reshape(-1, self.identity.input_size):
            content = row.tobytes()
            for start in range(0, len(content), VALUES_BYTES):
                part = content[start : start + VALUES_BYTES]
                self._request(Type.LOAD_INPUT, struct.pack("<I", start) + part)
            frames.append(_Frame())
            for message in self._request(Type.RUN_NETWORK):
                self._gather(frames[-1], calls, message)
            self.frames += 1
        return self._output(frames, calls, [], with_features=False)

    def decide(self, posteriors: Int8) -> list[Detection]:
        """Feed int8 [frames, labels] to the board's decision alone.

        Raises:
            KwsError: the model is a bare network, or has more labels than a message has room for.
        """
        labels = len(self._model.require_info().labels)
        if labels > VALUES_BYTES:
            raise KwsError(f"the link takes posteriors of at most {VALUES_BYTES} labels, not {labels}")
        detections = []
        size = VALUES_BYTES // labels
        for start in range(0, len(posteriors), size):
            part = np.ascontiguousarray(posteriors[start : start + size], np.int8)
            for message in self._request(Type.DECIDE, part.tobytes()):
                detections.append(Detection(*self._unpack(_FRAME, message)))
            if self._frames_reported != len(part):
                raise self._error(f"decided on {self._frames_reported} frames of {len(part)}")
        return detections

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def _explain(self) -> str:
        """What is known of the board's end beyond the protocol, to add to an error."""
        return ""

    def _error(self, what: str) -> KwsError:
        return KwsError(f"the {self.name} engine's board {what}; reset it and connect again")

    def _identify(self) -> Identity:
        message = self._request(Type.IDENTIFY, skip_noise=True)[0]
        if len(message.payload) != _IDENTITY.size or not message.payload.startswith(_MAGIC):
            raise KwsError("what answers is not a kws board; flash the link app of firmware/apps")
        _, version, flags, model_id, *sizes = _IDENTITY.unpack(message.payload)
        if version != PROTOCOL_VERSION:
            raise KwsError(
                f"the board speaks version {version} of the link protocol and this kws version {PROTOCOL_VERSION};"
                " build and flash the link app again"
            )
        identity = Identity(version, bool(flags & _HAS_FRONTEND), model_id.hex(), *sizes)
        if identity.model_id != self._model.id:
            raise KwsError(
                f"the board runs the model {identity.model_id}, but {self._model.source} is {self._model.id};"
                " build and flash the link app with this model"
            )
        network = self._model.network
        here = (self._model.info is not None, network.input_size, network.output_size, len(network.layers))
        if (identity.has_frontend, identity.input_size, identity.output_size, identity.layers) != here or not (
            1 <= identity.samples <= VALUES_BYTES // 2 and identity.ticks_per_second >= 1
        ):
            raise self._error(f"describes its model wrongly ({identity})")
        return identity

    def _request(self, kind: Type, payload: bytes = b"", skip_noise: bool = False) -> list[Message]:
        """Send a request and gather what answers it.

        Returns:
            The messages before the reply; for IDENTIFY the reply itself.

        Raises:
            KwsError: the board did not answer, or refused, or a message got lost.
        """
        self._sequence = (self._sequence + 1) % 256
        try:
            self._stream.write(encode(Message(kind, self._sequence, payload)))
            return self._answer(kind, skip_noise)
        except OSError as error:
            raise KwsError(f"cannot send to the board: {error.strerror or error}{self._explain()}") from error
        except KwsError as error:
            raise KwsError(f"{error}{self._explain()}") from error

    def _answer(self, kind: Type, skip_noise: bool) -> list[Message]:
        messages: list[Message] = []
        while True:
            message = self._reader.next(self._timeout, skip_noise)
            if message.sequence != self._sequence:
                continue  # the late answer to a request that was given up
            if message.type == Type.ERROR and skip_noise:
                continue  # a complaint about what an earlier session left unfinished
            if message.type == Type.ERROR:
                code = message.payload[0] if message.payload else 0
                raise KwsError(f"the board refused {kind.name}: {ERRORS.get(code, f'error {code}')}")
            if message.type != kind | REPLY:
                messages.append(message)
                continue
            if kind in (Type.PROCESS, Type.RUN_NETWORK, Type.DECIDE):
                ticks, self._frames_reported, sent = self._unpack(_DONE, message)
                if sent != len(messages):
                    raise self._error(f"sent {sent} messages but {len(messages)} arrived")
                self.ticks += ticks
            return [message] if kind == Type.IDENTIFY else messages

    def _unpack(self, layout: struct.Struct, message: Message) -> tuple[int, ...]:
        if len(message.payload) != layout.size:
            raise self._error(f"sent a message of type {message.type} with {len(message.payload)} bytes")
        return layout.unpack(message.payload)

    def _gather(self, frame: _Frame, calls: list[_Call], message: Message) -> None:
        payload = message.payload
        if message.type == Type.FEATURES:
            frame.features += payload
        elif message.type == Type.POSTERIORS:
            frame.posteriors += payload
        elif message.type == Type.LAYER and len(payload) >= _LAYER.size:
            layer = _LAYER.unpack_from(payload)[0]
            first = self._model.network.layers[0].output_size
            # The first layer, whole already, once more: that is another call.
            if not calls or (layer == 0 and len(calls[-1].layers.get(0, b"")) >= first):
                calls.append(_Call())
            calls[-1].layers[layer] += payload[_LAYER.size :]
        elif message.type == Type.STATE and len(payload) >= _STATE.size and calls:
            calls[-1].states[_STATE.unpack_from(payload)] += payload[_STATE.size :]
        else:
            raise self._error(f"sent a message of the unexpected type {message.type}")

    def _output(
        self, frames: list[_Frame], calls: list[_Call], detections: list[Detection], with_features: bool
    ) -> Output:
        network = self._model.network

        def stack(what: str, rows: list[bytearray | bytes], size: int) -> Int8:
            wrong = [len(row) for row in rows if len(row) != size]
            if wrong:
                raise self._error(f"sent {wrong[0]} bytes as {what}, where {size} were due")
            return np.frombuffer(b"".join(rows), np.int8).reshape(len(rows), size)

        output = Output(None, {}, {}, np.zeros(0, np.int8), detections)
        for index, layer in enumerate(network.layers if self._trace else ()):
            rows = [c.layers.get(index, b"") for c in calls]
            output.layers[index] = stack(f"layer {index}", rows, layer.output_size)
            for number, state in enumerate(network.states[index]):
                rows = [c.states.get((index, number), b"") for c in calls]
                content = stack(f"the {state.name} state of layer {index}", rows, state.bytes)
                values = content.view(np.dtype(state.dtype).newbyteorder("<")).astype(state.dtype)
                output.states[index, state.name] = values.reshape(len(calls), state.size)
        output.posteriors = stack("posteriors", [f.posteriors for f in frames], network.output_size)
        if with_features:
            output.features = stack("features", [f.features for f in frames], self.identity.bands)
        return output
