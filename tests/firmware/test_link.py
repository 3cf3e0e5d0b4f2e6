"""The link protocol's host end against a board made of Python, which can misbehave."""

from __future__ import annotations

import binascii
import os
import struct
from collections.abc import Callable

import numpy as np
import pytest
from conftest import check_states

from kws.engines.link import LinkEngine
from kws.engines.link_message import PAYLOAD_BYTES, REPLY, Message, PipeStream, Reader, Type, encode
from kws.errors import KwsError


class Board:
    """A stand-in for the link app: answers in memory, computing with the NumPy harness.

    ``spoil`` sees every message's bytes before they are sent and may change them.
    """

    def __init__(self, model, spoil: Callable[[Message, bytes], bytes] | None = None, piece: int = 1 << 20) -> None:
        self.model = model
        self.spoil = spoil or (lambda message, data: data)
        self.piece = piece
        self.out = bytearray()
        self.requests: list[Message] = []
        self.closed = False
        self.trace = False
        self.input = bytearray(model.network.input_size)
        self.identity = {
            "magic": b"KWSL",
            "version": 4,
            "model_id": bytes.fromhex(model.id),
            "layers": len(model.network.layers),
        }
        if model.info:
            self.spotter = model.spotter()
            self.frame = 0

    # -- the stream --

    def write(self, data: bytes) -> None:
        body = data[2:-2]
        assert data[:2] == b"KW"
        assert struct.unpack("<H", data[-2:])[0] == binascii.crc_hqx(body, 0xFFFF)
        kind, sequence, length = struct.unpack_from("<BBH", body)
        assert len(body) == 4 + length <= 4 + PAYLOAD_BYTES
        request = Message(kind, sequence, body[4:])
        self.requests.append(request)
        self.sent = 0
        self.answer(request)

    def read(self, timeout: float) -> bytes:
        if not self.out:
            if self.closed:
                return b""
            raise TimeoutError
        data = bytes(self.out[: self.piece])
        del self.out[: self.piece]
        return data

    def close(self) -> None:
        self.closed = True

    # -- the app --

    def send(self, request: Message, kind: int, payload: bytes = b"") -> None:
        message = Message(kind, request.sequence, payload)
        self.sent += 1
        self.out += self.spoil(message, encode(message))

    def values(self, request: Message, kind: int, head: bytes, values) -> None:
        data = np.ascontiguousarray(values).tobytes()
        for start in range(0, len(data), 512):
            self.send(request, kind, head + data[start : start + 512])

    def layers(self, request, outputs, states, at) -> None:
        if self.trace:
            for index, output in enumerate(outputs):
                self.values(request, Type.LAYER, struct.pack("<H", index), output[0, at])
            for index, of_layer in enumerate(states):
                for number, values in enumerate(of_layer):
                    self.values(request, Type.STATE, struct.pack("<HH", index, number), values[0, at])

    def answer(self, request: Message) -> None:
        network, info = self.model.network, self.model.info
        reply = b""
        if request.type == Type.IDENTIFY:
            i = self.identity
            bands, labels = (info.frontend.features, len(info.labels)) if info else (0, 0)
            sizes = (bands, labels, network.input_size, network.output_size, i["layers"], 256, 1000)
            reply = struct.pack("<4sHH8sHHIIHHI", i["magic"], i["version"], info is not None, i["model_id"], *sizes)
        elif request.type == Type.RESET:
            self.state = network.initial_state()
            if info:
                self.spotter.reset()
                self.frame = 0
        elif request.type == Type.TRACE:
            self.trace = bool(request.payload[0])
        elif request.type == Type.PROCESS:
            reply = self.process(request)
        elif request.type == Type.LOAD_INPUT:
            (first,) = struct.unpack_from("<I", request.payload)
            self.input[first : first + len(request.payload) - 4] = request.payload[4:]
        elif request.type == Type.RUN_NETWORK:
            trace = network.run(np.frombuffer(self.input, np.int8)[None, None], self.state)
            self.layers(request, trace.outputs, trace.states, 0)
            self.values(request, Type.POSTERIORS, b"", trace.outputs[-1])
            reply = struct.pack("<IHH", 7, 0, self.sent)
        elif request.type == Type.DECIDE:
            rows = np.frombuffer(request.payload, np.int8).reshape(1, -1, len(info.labels))
            for d in self.spotter.decide(rows)[0]:
                self.send(request, Type.FRAME, struct.pack("<IiI", d.frame, d.label, d.score))
            reply = struct.pack("<IHH", 0, rows.shape[1], self.sent)
        self.send(request, request.type | REPLY, reply)

    def process(self, request: Message) -> bytes:
        s = self.spotter.process(np.frombuffer(request.payload, "<i2")[None])
        frames = s.posteriors.shape[1]
        found = {d.frame: d for d in s.detections[0]}
        for t in range(frames):
            self.layers(request, s.trace.outputs, s.trace.states, t)
            if self.trace:
                self.values(request, Type.FEATURES, b"", s.features[0, t])
            self.values(request, Type.POSTERIORS, b"", s.posteriors[0, t])
            d = found.get(self.frame)
            self.send(request, Type.FRAME, struct.pack("<IiI", self.frame, d.label if d else -1, d.score if d else 0))
            self.frame += 1
        return struct.pack("<IHH", 100 * frames, frames, self.sent)


@pytest.fixture
def pcm() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.round(rng.normal(0, 6000, 9000) * np.linspace(0, 2, 9000)).clip(-32768, 32767).astype(np.int16)


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("trace", [False, True])
def test_process_gathers_everything(tiny_model, pcm, piece, trace):
    engine = LinkEngine(Board(tiny_model, piece=piece), tiny_model, trace=trace)
    got = engine.process(pcm)
    spotter = tiny_model.spotter()
    expected = spotter.process(pcm[None])
    np.testing.assert_array_equal(got.posteriors, expected.posteriors[0])
    assert got.detections == expected.detections[0]
    assert engine.frames == len(got.posteriors) == expected.features.shape[1]
    assert engine.seconds_per_frame == 0.1
    if not trace:
        assert (got.features, got.layers, got.states) == (None, {}, {})
        return
    np.testing.assert_array_equal(got.features, expected.features[0])
    assert list(got.layers) == list(range(len(tiny_model.network.layers)))
    for index, layer in got.layers.items():
        np.testing.assert_array_equal(layer, expected.trace.outputs[index][0].reshape(layer.shape))
    assert list(got.states) == [(0, "hidden"), (0, "cell"), (1, "hidden"), (1, "cell")]
    assert [values.dtype for values in got.states.values()] == [np.int8, np.int16] * 2
    check_states(got, tiny_model.network, expected.trace)


def test_decide_gathers_detections(tiny_model):
    info = tiny_model.info
    script = info.decision.script(info.labels)
    board = Board(tiny_model)
    engine = LinkEngine(board, tiny_model)
    for scene in script.scenes:
        engine.reset()
        assert engine.decide(scene.posteriors) == scene.detections
    assert (engine.frames, engine.ticks) == (0, 0)
    assert max(len(r.payload) for r in board.requests) <= 512
    engine.reset()
    board.spoil = lambda m, d: encode(Message(m.type, m.sequence, bytes(8))) if m.type == Type.DECIDE | REPLY else d
    with pytest.raises(KwsError, match="decided on 0 frames of 3"):
        engine.decide(np.full((3, len(info.labels)), -128, np.int8))


def test_run_network_gathers_everything(bare_model):
    x = np.random.default_rng(0).integers(-128, 128, (3, bare_model.network.input_size)).astype(np.int8)
    engine = LinkEngine(Board(bare_model), bare_model)
    got = engine.run_network(x)
    expected = bare_model.network.run(x[None], bare_model.network.initial_state())
    assert got.features is None
    for index, layer in got.layers.items():
        np.testing.assert_array_equal(layer, expected.outputs[index][0].reshape(layer.shape))
    check_states(got, bare_model.network, expected)
    with pytest.raises(KwsError, match="bare network"):
        engine.process(np.zeros(1000, np.int16))
    with pytest.raises(KwsError, match="bare network"):
        engine.decide(np.zeros((1, 4), np.int8))


def test_no_frame_gives_empty_arrays(tiny_model):
    engine = LinkEngine(Board(tiny_model), tiny_model)
    for samples in (0, 100):
        got = engine.process(np.zeros(samples, np.int16))
        assert got.features.shape == (0, tiny_model.info.frontend.features)
        assert got.posteriors.shape == (0, len(tiny_model.info.labels))
        assert [x.shape for x in got.layers.values()] == [(0, x.output_size) for x in tiny_model.network.layers]
    with pytest.raises(KwsError, match="no frame"):
        _ = engine.seconds_per_frame


def test_messages_stay_small(tiny_model, bare_model, pcm):
    for model in (tiny_model, bare_model):
        board = Board(model)
        engine = LinkEngine(board, model)
        if model.info:
            engine.process(pcm)
        engine.run_network(np.zeros((1, model.network.input_size), np.int8))
        assert max(len(r.payload) for r in board.requests) <= PAYLOAD_BYTES


def test_boot_text_is_skipped_while_connecting(tiny_model):
    board = Board(tiny_model)
    board.out += b"boot loader 1.2\r\nKKWK\xff\xffK" + b"KW\x01\x02\x03\x00abc\x00\x00"
    assert LinkEngine(board, tiny_model).identity.model_id == tiny_model.id


def test_text_later_on_is_an_error(tiny_model, pcm):
    board = Board(tiny_model)
    engine = LinkEngine(board, tiny_model)
    board.out += b"assertion failed"
    with pytest.raises(KwsError, match="no message: 'assertion failed'"):
        engine.process(pcm)


def spoiled(kind: int, change: Callable[[bytes], bytes]) -> Callable[[Message, bytes], bytes]:
    return lambda message, data: change(data) if message.type == kind else data


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (Type.POSTERIORS, lambda d: d[:7] + bytes([d[7] ^ 1]) + d[8:], "damaged message"),
        (Type.POSTERIORS, lambda d: d[:4] + b"\xff\xff" + d[6:], "65535 bytes, where 516 is the most"),
        (Type.POSTERIORS, lambda d: b"", "messages but .* arrived"),
        (Type.LAYER, lambda d: d + d, "messages but .* arrived"),
        (Type.PROCESS | REPLY, lambda d: b"", "did not answer within"),
        (Type.PROCESS | REPLY, lambda d: d[:-1], "did not answer within"),
        (Type.FRAME, lambda d: encode(Message(0x70, d[3], d[6:-2])), "unexpected type 112"),
        (Type.FRAME, lambda d: encode(Message(Type.FRAME, d[3], d[6:-3])), "type 69 with 11 bytes"),
        (Type.POSTERIORS, lambda d: encode(Message(d[2], d[3], d[6:-3])), "bytes as posteriors, where"),
        (Type.FEATURES, lambda d: encode(Message(d[2], d[3], d[6:-3])), "bytes as features, where"),
        (Type.STATE, lambda d: encode(Message(Type.LAYER, d[3], d[6:-2])), "bytes as layer 0, where"),
        (Type.STATE, lambda d: encode(Message(d[2], d[3], d[6:-3])), "bytes as the .* state of layer 0, where"),
    ],
)
def test_damage_is_told(tiny_model, pcm, kind, change, message):
    engine = LinkEngine(Board(tiny_model, spoiled(kind, change)), tiny_model, timeout=0.05)
    with pytest.raises(KwsError, match=message):
        engine.process(pcm)


@pytest.mark.parametrize(("code", "message"), [(1, "CRC"), (3, "of another version"), (99, "error 99")])
def test_refusals_are_told(tiny_model, pcm, code, message):
    def refuse(m: Message, data: bytes) -> bytes:
        return encode(Message(Type.ERROR, m.sequence, bytes([code]))) if m.type == Type.PROCESS | REPLY else data

    engine = LinkEngine(Board(tiny_model, refuse), tiny_model)
    with pytest.raises(KwsError, match=f"refused PROCESS.*{message}"):
        engine.process(pcm[:10])


def test_late_answers_are_ignored(tiny_model, pcm):
    board = Board(tiny_model)
    engine = LinkEngine(board, tiny_model)
    board.out += encode(Message(Type.PROCESS | REPLY, 200, b"\0" * 8))
    assert len(engine.process(pcm).posteriors) == engine.frames


def test_silence_is_told(tiny_model):
    board = Board(tiny_model, lambda m, d: b"")
    with pytest.raises(KwsError, match=r"did not answer within 0.05 s; check that it runs the link app"):
        LinkEngine(board, tiny_model, timeout=0.05)
    assert board.closed


def test_a_closed_stream_is_told(tiny_model):
    board = Board(tiny_model, lambda m, d: b"")
    board.closed = True
    with pytest.raises(KwsError, match="closed the connection"):
        LinkEngine(board, tiny_model)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("magic", b"ELSE", "not a kws board"),
        ("version", 1, "version 1 of the link protocol and this kws version 4"),
        ("model_id", b"\x01" * 8, "runs the model 0101010101010101, but .* build and flash"),
        ("layers", 9, "describes its model wrongly"),
    ],
)
def test_another_board_is_refused(tiny_model, field, value, message):
    board = Board(tiny_model)
    board.identity[field] = value
    with pytest.raises(KwsError, match=message):
        LinkEngine(board, tiny_model)
    assert board.closed


def test_crc_is_the_documented_one():
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1
    assert encode(Message(Type.RESET, 5, b"")) == bytes.fromhex("4b57 0205 0000") + struct.pack(
        "<H", binascii.crc_hqx(bytes.fromhex("02050000"), 0xFFFF)
    )


def test_pipe_stream():
    there, back = os.pipe(), os.pipe()
    here = PipeStream(back[0], there[1])
    other = PipeStream(there[0], back[1])
    message = Message(Type.TRACE, 3, b"\x01")
    here.write(encode(message))
    assert Reader(other).next(1.0) == message
    with pytest.raises(KwsError, match=r"did not answer within 0\.01 s"):
        Reader(here).next(0.01)
    other.close()
    other.close()
    with pytest.raises(KwsError, match="closed the connection"):
        Reader(here).next(1.0)
    with pytest.raises(OSError, match="Broken pipe"):
        here.write(b"x")
    here.close()
