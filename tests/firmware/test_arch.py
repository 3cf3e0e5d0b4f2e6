"""Every layout of the weights and every emulated core against the NumPy harness, byte for byte."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from conftest import check_states, mostly_slow, needs
from layers.oracle import check_board, small_model
from random_models import bare_model, random_graph, spotting_model

from kws.boards import EMULATED, find_emulated
from kws.engines.qemu import QemuEngine
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor, multiply
from kws.fixedpoint.layers.fully_connected import FullyConnected
from kws.fixedpoint.layers.lstm import Lstm
from kws.layers.kind import folded
from kws.layers.lstm_packing import gate_parts, lane_weights, packed_weights
from kws.layers.packing import dsp_factor
from kws.layers.rows import packed_rows
from kws.model.file import Model
from kws.tflite import build

needs_board = needs("make", "arm-none-eabi-gcc", "qemu-system-arm")


def with_lowest_weights() -> Model:
    """-128 above a negative weight, which no int16 holds as 256 * a + b."""
    graph = random_graph(5, units=(6,), inputs=10)
    for tensor in graph.tensors:
        if tensor.name == "lstm_0_wi":
            tensor.data[:, ::3] = -128
        if tensor.name == "lstm_0_wf":
            tensor.data[:, ::3] = -1
    return Model.from_bytes(build(graph), "lowest weights")


# What makes a packed loop or its requantization go another way.
MODELS = {
    "odd sizes": lambda: bare_model(11, units=(7, 13), inputs=9),
    "one of each": lambda: bare_model(12, units=(1,), inputs=1, outputs=2),
    "saturated": lambda: bare_model(13, units=(18,), inputs=23, weights="saturated", gain=9.0),
    "rows at odd places": lambda: bare_model(14, units=(5, 6), inputs=7, steps=5, head="last"),
    "fine cell, no clip": lambda: bare_model(15, units=(12,), inputs=16, cell_power=-15, cell_clip=0.0),
    "coarse cell, tight clip": lambda: bare_model(16, units=(9,), inputs=8, cell_power=-9, cell_clip=0.75),
    "finest cell": lambda: bare_model(17, units=(8,), inputs=8, cell_power=-24, cell_clip=0.0),
    "coarsest cell": lambda: bare_model(18, units=(8,), inputs=8, cell_power=0),
    "left shifts": lambda: bare_model(19, units=(16,), inputs=12, gain=40.0),
    "right shifts": lambda: bare_model(20, units=(16,), inputs=12, gain=0.02),
    "logistic": lambda: bare_model(24, units=(8,), inputs=9, steps=3, head="logistic"),
    "dense, a factor a row": lambda: bare_model(25, units=(21,), inputs=8, outputs=7, per_channel=True, activation=3),
    "dense, one factor": lambda: bare_model(26, units=(5,), inputs=8, outputs=9, per_channel=False, activation=1),
    "dense with left shifts": lambda: bare_model(27, units=(12,), inputs=8, outputs=13, dense_gain=500.0, steps=2),
}
NOT_PACKED = {
    "lowest weights": with_lowest_weights,
    "long sums": lambda: bare_model(21, units=(3,), inputs=600, weights="saturated"),
    "large biases": lambda: bare_model(22, units=(6,), inputs=11, bias_gain=3000.0),
}
ALL = {**MODELS, **NOT_PACKED}


def lstms(model: Model) -> list[Lstm]:
    return [layer.kernel for layer in model.network.layers if isinstance(layer.kernel, Lstm)]


@pytest.mark.parametrize("name", ALL)
def test_what_can_be_packed_is(name):
    packed = [packed_weights(lstm) is not None for lstm in lstms(ALL[name]())]
    assert packed == [name not in NOT_PACKED] * len(packed)


@pytest.mark.parametrize(
    ("inputs", "options", "packed"),
    [
        (5, {}, True),
        (64, {}, True),
        (4, {}, True),
        (600, {"weights": "saturated"}, False),
        (9, {"bias_gain": 3e4}, False),
    ],
)
def test_dense_layers_that_can_be_packed_are(inputs, options, packed):
    model = small_model(1, (1, inputs), 0.01, 5, lambda b, x: b.dense(x, 6, (1, 6)), **options)
    kernel = model.network.layers[0].kernel
    assert isinstance(kernel, FullyConnected)
    words = packed_rows(kernel.weights, folded(kernel.bias, kernel.weights, kernel.input_zero_point))
    assert (words is not None) == packed
    if words is not None:
        assert words.size == 2 * (4 + 4 * -(-inputs // 4))  # two groups of rows


def signed(x, bits):
    return (np.asarray(x, np.int64) + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


@pytest.mark.parametrize("name", [*MODELS, "widest weights"])
def test_packed_sums_are_the_rows_sums(name):
    """The device's operations on the packed words, in Python: SMLAD, SXTB16 and one shift."""
    model = (
        bare_model(23, units=(5,), inputs=450, weights="saturated", input_zero_point=3)
        if name == "widest weights"
        else MODELS[name]()
    )
    rng = np.random.default_rng(3)
    for lstm in lstms(model):
        words = packed_weights(lstm).reshape(lstm.units, -1).astype(np.int64)
        at = 0
        for weights, bias in gate_parts(lstm):
            columns = weights.shape[2]
            x = rng.integers(-128, 128, columns)
            x[: columns // 2] = np.where(weights[0, 0, : columns // 2] < 0, -128, 127)
            quads = -(-columns // 4)
            wide = np.zeros(4 * quads, np.int64)
            wide[:columns] = x
            start = signed(words[:, at : at + 4], 32)
            body = words[:, at + 4 : at + 4 + 4 * quads].reshape(lstm.units, quads, 2, 2)
            at += 4 + 4 * quads
            for pair in range(2):
                both, low = start[:, 2 * pair].copy(), start[:, 2 * pair + 1].copy()
                for half in range(2):
                    word = body[:, :, half, pair]
                    for lane in range(2):
                        value = wide.reshape(quads, 4)[:, half + 2 * lane]
                        weight = signed(word >> (16 * lane), 16)
                        both += (weight * value).sum(axis=1)
                        low += (signed(weight, 8) * value).sum(axis=1)
                exact = weights.astype(np.int64) @ x + bias
                np.testing.assert_array_equal(signed(low, 32), exact[:, 2 * pair + 1])
                np.testing.assert_array_equal(signed(both - low, 32) >> 8, exact[:, 2 * pair])


@pytest.mark.parametrize("name", ALL)
def test_interleaved_sums_are_the_rows_sums(name):
    """What Helium's loop adds, sixteen columns of eight rows at a time, in Python."""
    rng = np.random.default_rng(4)
    for lstm in lstms(ALL[name]()):
        content = lane_weights(lstm).astype("<u4").tobytes()
        at = 0
        parts = gate_parts(lstm)
        inputs = [rng.integers(-128, 128, weights.shape[2]) for weights, _ in parts]
        for first in range(0, lstm.units, 2):
            for x, (weights, bias) in zip(inputs, parts, strict=True):
                sums = np.frombuffer(content, "<i4", 8, at).astype(np.int64)
                at += 32
                for column in range(0, len(x), 16):
                    some = x[column : column + 16]
                    tile = np.frombuffer(content, np.int8, 8 * len(some), at).reshape(8, -1)
                    sums += tile.astype(np.int64) @ some
                    at += tile.size
                exact = (weights.astype(np.int64) @ x + bias)[first : first + 2].reshape(-1)
                np.testing.assert_array_equal(sums[: len(exact)], exact)
                assert not np.any(sums[len(exact) :])
        assert content[at:] == bytes(16)


@pytest.mark.parametrize("shift", [-31, -30, -17, -2, -1, 0, 1, 6])
@pytest.mark.parametrize("value", [2**30, 2**30 + 1, 1518500250, 2**31 - 1])
def test_prepared_factors_multiply_alike(value, shift):
    """kws_dsp_multiply in Python integers, halves of both roundings and both signs included."""
    factor = Factor(value, shift)
    doubled, step = dsp_factor(factor)
    assert -(2**31) <= doubled < 2**31
    assert -(2**31) <= step < 2**31
    rng = np.random.default_rng(1)
    edges = [v + d for v in (0, 2**22, 2**23 - 3, 2 ** (1 - shift) if shift > -22 else 1) for d in range(-3, 4)]
    for x in {int(v) for v in [*edges, *(-e for e in edges), *rng.integers(-(2**23), 2**23, 500)]}:
        shifted = x if step < 0 else int(signed(x << step, 32))
        got = shifted + ((shifted * doubled + 2**31) >> 32)
        if step < 0:
            got = (2**31 - (got + (got >> 31)) * step) >> 32
        assert got == int(multiply(np.array([x]), factor)[0]), x


def test_a_factor_of_zero_is_zero():
    doubled, step = dsp_factor(Factor(0, 0))
    for x in (-(2**23), -1, 0, 1, 2**23):
        first = x + ((x * doubled + 2**31) >> 32)
        assert (2**31 - (first + (first >> 31)) * step) >> 32 == 0


@lru_cache(maxsize=1)
def pcm() -> np.ndarray:
    """Digital silence, a whisper, swelling noise and a square wave at full scale."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, 6000) * 12000 * np.sin(np.arange(6000) / 900) ** 2
    square = np.where(np.arange(2500) // 20 % 2, 32767, -32768)
    whisper = rng.integers(-2, 3, 1500)
    return np.concatenate([np.zeros(900), whisper, noise.clip(-32768, 32767), square]).astype(np.int16)


def check_network(model: Model, board: str, calls: int) -> None:
    expected, got = check_board(model, board, calls)
    assert len(got.states) == 2 * len(lstms(model))
    check_states(got, model.network, expected)


def check_stream(model: Model, board: str, samples: np.ndarray) -> None:
    from kws.engines.numpy_engine import NumpyEngine

    expected = NumpyEngine(model).process(samples)
    with QemuEngine(model, board=board) as engine:
        got = engine.process(samples)
    np.testing.assert_array_equal(got.features, expected.features)
    assert got.states.keys() == expected.states.keys()
    for key, values in got.states.items():
        np.testing.assert_array_equal(values, expected.states[key])
    np.testing.assert_array_equal(got.posteriors, expected.posteriors)
    assert got.detections == expected.detections


@needs_board
@pytest.mark.parametrize("board", mostly_slow(EMULATED))
def test_every_core_computes_the_same(board, tiny_model):
    check_stream(tiny_model, board, pcm())


@needs_board
@pytest.mark.parametrize("name", mostly_slow(ALL, 3))
def test_dsp_network(name):
    check_network(ALL[name](), "mps2_an386", 8)


@needs_board
@pytest.mark.slow
@pytest.mark.parametrize("board", [b for b in EMULATED if b != "mps2_an386"])
@pytest.mark.parametrize("name", ALL)
def test_network_on_every_core(name, board):
    check_network(ALL[name](), board, 8)


@needs_board
@pytest.mark.slow
@pytest.mark.parametrize("board", ["microbit", "mps2_an386", "mps3_an547"])
@pytest.mark.parametrize(
    "frontend",
    [
        {"n_fft": 256, "window_ms": 16.0, "hop_ms": 10.0, "bands": 20},
        {"n_fft": 1024, "window_ms": 64.0, "hop_ms": 20.0, "bands": 64},
        {"rows": 3, "bands": 24},
        {"n_fft": 512, "window_ms": 20.0625, "hop_ms": 10.0, "bands": 32, "high_hz": 8000.0},
    ],
)
def test_front_end_settings(frontend, board):
    from kws.config import LogMelConfig

    check_stream(spotting_model(2, units=(8,), frontend=LogMelConfig(**frontend)), board, pcm())


@needs_board
@pytest.mark.parametrize(
    "board", ["mps2_an386", *(pytest.param(b, marks=pytest.mark.slow) for b in EMULATED if b != "mps2_an386")]
)
def test_microfrontend(board):
    from kws.frontends import MicroFrontendConfig

    check_stream(spotting_model(3, units=(8,), frontend=MicroFrontendConfig()), board, pcm())


@needs_board
@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
@pytest.mark.parametrize("name", ["commands12", "commands12-tiny"])
def test_shipped_models_on_every_core(name, board):
    from pathlib import Path

    model = Model.load(Path(__file__).resolve().parents[2] / "models" / f"{name}.tflite")
    check_stream(model, board, pcm())


def test_other_boards_are_not_emulated():
    with pytest.raises(KwsError, match=r"emulates no board 'toaster'; it must be one of microbit"):
        find_emulated("toaster")
