"""A board, real or emulated, that runs the ``link`` app: docs/SPEC-link.md.

The board computes everything from PCM to detections; this end sends samples and gathers what
comes back. It works over any :class:`~kws.engines.link_message.Stream`.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from kws.engines.base import Engine, Output
from kws.engines.link_connection import FRAME, Block, Connection, Identity
from kws.engines.link_message import VALUES_BYTES, Message, Stream, Type
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import Model
from kws.types import Int8, Int16

_LAYER = struct.Struct("<H")
_STATE = struct.Struct("<HH")


@dataclass
class _Call:
    """What came back for one frame, or for one call of the network."""

    features: bytearray = field(default_factory=bytearray)
    layers: dict[int, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    states: dict[tuple[int, ...], bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    posteriors: bytearray = field(default_factory=bytearray)


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
        self._connection = Connection(stream, timeout, self.name, self._explain)
        self._model = model
        self._trace = trace
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
        detections: list[Detection] = []
        size = self.identity.samples
        for start in range(0, len(pcm), size):
            part = np.ascontiguousarray(pcm[start : start + size], "<i2").tobytes()
            call = _Call()
            before = len(calls)
            for message in self._request(Type.PROCESS, part):
                if message.type != Type.FRAME:
                    self._gather(call, message)
                    continue
                frame, label, score = self._connection.unpack(FRAME, message)
                if label >= 0:
                    detections.append(Detection(frame, label, score))
                calls.append(call)
                call = _Call()
            if len(calls) - before != self._frames_reported:
                raise self._connection.error(f"reported {self._frames_reported} frames but sent {len(calls) - before}")
            self.frames += len(calls) - before
        return self._output(calls, detections, with_features=self._trace)

    def run_network(self, x: Int8) -> Output:
        """Call the network alone, once a row: int8 [calls, input size], carrying its state."""
        calls = []
        for row in np.ascontiguousarray(x, np.int8).reshape(-1, self.identity.input_size):
            content = row.tobytes()
            for start in range(0, len(content), VALUES_BYTES):
                part = content[start : start + VALUES_BYTES]
                self._request(Type.LOAD_INPUT, struct.pack("<I", start) + part)
            call = _Call()
            for message in self._request(Type.RUN_NETWORK):
                self._gather(call, message)
            calls.append(call)
            self.frames += 1
        return self._output(calls, [], with_features=False)

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
                detections.append(Detection(*self._connection.unpack(FRAME, message)))
            if self._frames_reported != len(part):
                raise self._connection.error(f"decided on {self._frames_reported} frames of {len(part)}")
        return detections

    def open(self, frames: int) -> None:
        """Open the board's listening window, as a program on it would."""
        self._request(Type.OPEN, struct.pack("<I", frames))

    def listen(self, blocks: int = 0) -> Iterator[Block]:
        """What the board hears with its own microphone; see :meth:`~kws.engines.link_connection.Connection.listen`."""
        return self._connection.listen(len(self._model.require_info().labels), blocks)

    def close(self) -> None:
        """Close the stream."""
        self._connection.close()

    def _explain(self) -> str:
        """What is known of the board's end beyond the protocol, to add to an error."""
        return ""

    def _identify(self) -> Identity:
        identity = self._connection.identify()
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
            raise self._connection.error(f"describes its model wrongly ({identity})")
        return identity

    def _request(self, kind: Type, payload: bytes = b"") -> list[Message]:
        answer = self._connection.request(kind, payload)
        self.ticks += answer.ticks
        self._frames_reported = answer.frames
        return answer.messages

    def _gather(self, call: _Call, message: Message) -> None:
        payload = message.payload
        if message.type == Type.FEATURES:
            call.features += payload
        elif message.type == Type.POSTERIORS:
            call.posteriors += payload
        elif message.type == Type.LAYER and len(payload) >= _LAYER.size:
            call.layers[_LAYER.unpack_from(payload)[0]] += payload[_LAYER.size :]
        elif message.type == Type.STATE and len(payload) >= _STATE.size:
            call.states[_STATE.unpack_from(payload)] += payload[_STATE.size :]
        else:
            raise self._connection.error(f"sent a message of the unexpected type {message.type}")

    def _output(self, calls: list[_Call], detections: list[Detection], with_features: bool) -> Output:
        network = self._model.network

        def stack(what: str, rows: list[bytearray | bytes], size: int) -> Int8:
            wrong = [len(row) for row in rows if len(row) != size]
            if wrong:
                raise self._connection.error(f"sent {wrong[0]} bytes as {what}, where {size} were due")
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
        output.posteriors = stack("posteriors", [c.posteriors for c in calls], network.output_size)
        if with_features:
            output.features = stack("features", [c.features for c in calls], self.identity.bands)
        return output
