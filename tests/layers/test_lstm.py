"""The LSTM: the harness and C against TensorFlow Lite Micro's reference kernel."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import mostly_slow
from oracle import assert_identical, lively, random_inputs
from random_models import bare_model, spotting_model

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine

RANDOM_INPUTS, REALISTIC_INPUTS, RESET_EVERY = 1000, 200, 125
WIDTHS = [(16,), (32, 24), (32,), (64,), (96,)]


@pytest.mark.parametrize("units", WIDTHS, ids=str)
@pytest.mark.parametrize("seed", mostly_slow([11, 12]))
def test_random_inputs(units, seed):
    model = bare_model(seed, units=units)
    x = random_inputs(seed, RANDOM_INPUTS, 40)
    assert lively(model, x)
    assert_identical(model, x, [TflmEngine(model)], RESET_EVERY)


@pytest.mark.parametrize("units", mostly_slow(WIDTHS, 2), ids=str)
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


def test_states():
    """Both states by name, type and reset value; in a call of several rows, as the last row leaves them."""
    model = bare_model(9, units=(5,), steps=3, head="none")
    hidden, cell = model.network.states[0]
    zero = model.network.layers[0].kernel.hidden_zero_point
    assert (hidden.name, hidden.dtype, hidden.shape, hidden.reset) == ("hidden", "int8", (5,), zero)
    assert (cell.name, cell.dtype, cell.shape, cell.reset) == ("cell", "int16", (5,), 0)
    output = NumpyEngine(model).run_network(random_inputs(1, 6, 3 * 40))
    assert np.array_equal(output.states[0, "hidden"], output.layers[0].reshape(6, 3, 5)[:, -1])
    step = bare_model(9, units=(5,), steps=1, head="none")
    every = NumpyEngine(step).run_network(random_inputs(1, 6, 3 * 40).reshape(18, 40))
    assert np.array_equal(output.states[0, "cell"], every.states[0, "cell"][2::3])
