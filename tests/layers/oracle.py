"""What the tests of the layers share: small graphs, inputs, and three engines that must agree."""

from __future__ import annotations

import numpy as np
from random_models import Builder, Options

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.engines.qemu import QemuEngine
from kws.model.file import Model
from kws.tflite import build
from kws.verify.compare import EngineReport, compare


def assert_identical(model, x, others, reset_every=None):
    """Run calls through NumPy and the others, with resets in between, and compare everything; NumPy also in pieces."""
    reference = NumpyEngine(model)
    for start in range(0, len(x), reset_every or len(x)):
        part = x[start : start + (reset_every or len(x))]
        reference.reset()
        expected = reference.run_network(part)
        reference.reset()
        pieces = [reference.run_network(piece).posteriors for piece in np.split(part, [len(part) // 2])]
        np.testing.assert_array_equal(np.concatenate(pieces), expected.posteriors)
        for engine in others:
            engine.reset()
            report = EngineReport(engine.name, True)
            compare(model, f"calls from {start}", expected, engine.run_network(part), report)
            assert report.first is None, str(report.first)
            assert report.values > 0


def random_inputs(seed, count, size):
    return np.random.default_rng(seed).integers(-128, 128, (count, size)).astype(np.int8)


def lively(model, x):
    """Whether the network's values move at all; a frozen network would prove nothing."""
    return all(np.std(out) > 0.5 for out in NumpyEngine(model).run_network(x).layers.values())


def check_board(model, board, calls=5):
    """Every layer on an emulated board, extreme inputs first; returns the harness's trace and the board's."""
    x = random_inputs(2, calls, model.network.input_size)
    x[0], x[1], x[2] = -128, 127, np.where(np.arange(x.shape[1]) % 2, -128, 127)
    expected = model.network.run(x[None], model.network.initial_state())
    with QemuEngine(model, board=board) as engine:
        got = engine.run_network(x)
    assert got.layers
    for index, layer in got.layers.items():
        np.testing.assert_array_equal(layer, expected.outputs[index][0].reshape(layer.shape), f"layer {index}")
    return expected, got


def small_model(seed, shape, scale, zero_point, make, **options):
    """A model whose operators ``make(builder, input)`` puts together; it returns the output."""
    builder = Builder(np.random.default_rng(seed), Options(**options))
    x = builder.tensor("input", shape, np.dtype(np.int8), scale, zero_point)
    builder.graph.inputs, builder.graph.outputs = (x,), (make(builder, x),)
    return Model.from_bytes(build(builder.graph), f"small model {seed}")


def agree(model, calls=40, seed=0, with_c=True):
    """TFLM, and C, whose compilation takes a second, compute what NumPy does, of extremes and of random inputs."""
    x = random_inputs(seed, calls, model.network.input_size)
    x[0], x[1] = -128, 127
    assert_identical(model, x, [TflmEngine(model), *([CEngine(model)] if with_c else [])])
    return NumpyEngine(model).run_network(x)
