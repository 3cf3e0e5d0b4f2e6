"""The harness against TensorFlow Lite Micro's reference kernels, on every tensor they expose.

Also C against both, where the network is concerned: every model here goes through three engines.
"""

from __future__ import annotations

import numpy as np
import pytest
from random_models import bare_model, random_graph, spotting_model

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.model.file import Model
from kws.tflite import build
from kws.verify.compare import EngineReport, compare

RANDOM_INPUTS, REALISTIC_INPUTS, RESET_EVERY = 1000, 200, 125
WIDTHS = [(16,), (32,), (64,), (96,), (32, 24)]


def assert_identical(model, x, others, reset_every=None):
    """Run calls through NumPy and the others, with resets in between, and compare everything."""
    reference = NumpyEngine(model)
    for start in range(0, len(x), reset_every or len(x)):
        part = x[start : start + (reset_every or len(x))]
        reference.reset()
        expected = reference.run_network(part)
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


@pytest.mark.parametrize("units", WIDTHS, ids=str)
@pytest.mark.parametrize("seed", [11, 12])
def test_random_inputs(units, seed):
    model = bare_model(seed, units=units)
    x = random_inputs(seed, RANDOM_INPUTS, 40)
    assert lively(model, x)
    assert_identical(model, x, [TflmEngine(model)], RESET_EVERY)


@pytest.mark.parametrize("units", WIDTHS, ids=str)
def test_realistic_inputs(units, speech):
    model = spotting_model(3, units=units)
    features = NumpyEngine(model).process(speech).features
    assert len(features) >= REALISTIC_INPUTS
    assert lively(model, features)
    assert_identical(model, features, [TflmEngine(model), CEngine(model)])


@pytest.mark.parametrize("weights", ["normal", "saturated"])
@pytest.mark.parametrize("power", [-16, -12, -9])
def test_extreme_inputs(weights, power):
    model = bare_model(5, units=(32,), weights=weights, cell_power=power)
    extremes = [np.full(40, -128), np.full(40, 127), np.resize([-128, 127], 40), np.resize([127, -128], 40)]
    x = np.concatenate([np.tile(e, (25, 1)) for e in extremes] + [np.array(extremes * 10)]).astype(np.int8)
    assert_identical(model, x, [TflmEngine(model), CEngine(model)], 50)


@pytest.mark.parametrize("seed", range(30))
def test_random_shapes(seed):
    """Random sizes, scales, zero points, heads, activations, clips and layouts."""
    rng = np.random.default_rng(100 + seed)
    head = ["dense_softmax", "none", "flatten", "last", "logistic", "frame_dense"][seed % 6]
    model = bare_model(
        seed,
        inputs=int(rng.integers(1, 70)),
        units=tuple(int(u) for u in rng.integers(1, 50, rng.integers(1, 4))),
        outputs=int(rng.integers(1, 20)),
        steps=int(rng.integers(1, 9)),
        head=head,
        activation=int(rng.integers(0, 4)),
        bias=bool(rng.integers(4)),
        cell_power=int(rng.integers(-16, -8)),
        cell_clip=float(rng.choice([0.0, 0.5, 10.0])),
        weights="saturated" if seed % 5 == 4 else "normal",
        time_major=head in ("none", "logistic") and bool(rng.integers(2)),
    )
    x = random_inputs(seed, 40, model.network.input_size)
    assert_identical(model, x, [TflmEngine(model), CEngine(model)], 20)


@pytest.mark.parametrize("units", [(32,), (24, 16)], ids=str)
def test_sequence_model_is_the_stepped_model(units):
    """A model of seven steps a call and one of one step: the same weights, the same values."""
    options = {"units": units, "head": "frame_dense"}
    sequence, step = bare_model(8, steps=7, **options), bare_model(8, steps=1, **options)
    x = random_inputs(8, 7 * 12, 40)
    a = NumpyEngine(sequence).run_network(x.reshape(12, -1))
    b = NumpyEngine(step).run_network(x)
    for index in a.layers:
        assert np.array_equal(a.layers[index].reshape(b.layers[index].shape), b.layers[index])
    oracle = TflmEngine(sequence).run_network(x.reshape(12, -1))
    assert np.array_equal(oracle.posteriors.reshape(b.posteriors.shape), b.posteriors)


@pytest.mark.parametrize("make", [NumpyEngine, TflmEngine, CEngine])
def test_state_is_carried_over_calls_and_reset_is_complete(make):
    model = bare_model(9, units=(32, 16))
    x = random_inputs(9, 40, 40)
    engine = make(model)
    engine.reset()
    whole = engine.run_network(x).posteriors
    engine.reset()
    split = np.concatenate([engine.run_network(x[:13]).posteriors, engine.run_network(x[13:]).posteriors])
    assert np.array_equal(whole, split)
    # Without a reset the answers change: the test would see a reset that happens by itself.
    assert not np.array_equal(engine.run_network(x).posteriors, whole)
    # From any state, a reset gives the first answers again, and so does a new engine.
    for seed in range(3):
        engine.run_network(random_inputs(seed, 17, 40))
        engine.reset()
        assert np.array_equal(engine.run_network(x).posteriors, whole)
    assert np.array_equal(make(model).run_network(x).posteriors, whole)


def test_streams_of_a_batch_are_independent():
    model = bare_model(10, units=(24,))
    x = random_inputs(10, 60, 40).reshape(3, 20, 40)
    together = model.network.run(x, model.network.initial_state(3)).outputs[-1]
    for i in range(3):
        alone = model.network.run(x[i : i + 1], model.network.initial_state()).outputs[-1]
        assert np.array_equal(together[i : i + 1], alone)


def test_output_zero_point_wraps_as_the_oracle_does():
    """A bias near int32's end, requantized by one, plus the zero point: it wraps, on all engines."""
    graph = random_graph(1, inputs=4, units=(4,), outputs=3, head="dense_softmax", per_channel=False)
    dense = graph.operators[1]
    weights, bias = (graph.tensors[i] for i in dense.inputs[1:])
    out = graph.tensors[dense.outputs[0]]
    weights.data = np.zeros_like(weights.data)
    bias.data = np.array([2**31 - 1, 2**31 - 2, 5], np.int32)
    # Scales whose product is just under one, so that the factor needs no shift.
    state = graph.tensors[graph.operators[0].inputs[18]]
    state.scales = np.array([1 + 724 * 2.0**-23], np.float32)
    weights.scales = np.array([1 - 1448 * 2.0**-24], np.float32)
    hidden = graph.tensors[dense.inputs[0]]
    hidden.scales = state.scales
    bias.scales = hidden.scales * weights.scales
    out.scales = np.array([1.0], np.float32)
    out.zero_points = np.array([127])
    model = Model.from_bytes(build(graph))
    x = random_inputs(1, 3, 4)
    assert NumpyEngine(model).run_network(x).layers[1][0].tolist() == [-128, -128, 127]
    assert_identical(model, x, [TflmEngine(model), CEngine(model)])
