"""Signal to quantization noise, on networks whose errors are made on purpose."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from random_models import bare_model, spotting_model

from kws import runs
from kws.errors import KwsError
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.network.lstm_layer import GATE_SUM_CLIP
from kws.quantize import noise
from kws.quantize.dequantize import dequantize

RNG = np.random.default_rng(2)
# Cells and logits within their ranges, as a converter makes them.
TAME = {"per_channel": False, "cell_power": -11, "dense_gain": 2.0}


@pytest.fixture(scope="module")
def model():
    return spotting_model(3, units=(16, 12), **TAME)


@pytest.fixture(scope="module")
def features():
    # Neighbouring frames alike, as in speech.
    steps = RNG.normal(0, 12, (6, 20, 40)).cumsum(axis=1)
    return np.clip(steps, -128, 127).astype(np.int8)


def by_name(found):
    return {t.name: t for t in found.tensors}


def test_weights_that_are_the_same_have_no_noise(model, features):
    found = noise.measure(model, dequantize(model), features)
    assert [t.name for t in found.tensors][-3:] == ["dense/weights", "dense/logits", "posteriors"]
    weights = [t for t in found.tensors if t.kind == noise.WEIGHTS]
    assert len(weights) == 2 * 8 + 1
    assert all(t.own_db == t.alone_db == math.inf for t in weights)
    others = [t for t in found.tensors if t.kind == noise.ACTIVATIONS]
    assert len(others) == 2 * 6 + 2
    assert all(t.own_db > 5 for t in others)
    assert found.worst.kind == noise.ACTIVATIONS
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["tensors"][0]["own_db"] is None
    # Rounding logits one by one cannot be better than a step's uniform error.
    assert found.posteriors_db == by_name(found)["posteriors"].own_db < math.inf


@pytest.mark.parametrize(
    ("layer", "field", "gate", "name"),
    [(0, "kernel", 2, "lstm_0/input_weights/cell"), (1, "recurrent", 2, "lstm_1/recurrent_weights/cell")],
)
def test_the_spoilt_matrix_is_named(model, features, layer, field, gate, name):
    """With a known error in one gate's weights, its figure is that error's, and no other weights have any."""
    reference = dequantize(model)
    lstm = reference.lstms[layer]
    spoilt = getattr(lstm, field).copy()
    columns = slice(gate * lstm.units, (gate + 1) * lstm.units)
    error = RNG.normal(0, spoilt.std(), spoilt[:, columns].shape).astype(np.float32)
    spoilt[:, columns] += error
    lstms = tuple(replace(m, **{field: spoilt}) if i == layer else m for i, m in enumerate(reference.lstms))
    found = noise.measure(model, replace(reference, lstms=lstms), features)
    expected = 10 * math.log10(np.sum(spoilt[:, columns].astype(float) ** 2) / np.sum(error.astype(float) ** 2))
    assert by_name(found)[name].own_db == pytest.approx(expected, abs=0.01)
    assert [t.name for t in found.tensors if t.kind == noise.WEIGHTS and t.own_db < math.inf] == [name]
    assert found.worst.name == name


def test_sums_beyond_their_limit_are_no_noise(model, features):
    """One gate whose two sums are large and of opposite signs: the float network limits each as the device does."""
    reference = dequantize(model)
    lstm = reference.lstms[0]
    kernel, recurrent = lstm.kernel.copy(), lstm.recurrent.copy()
    gate = slice(lstm.units, 2 * lstm.units)
    kernel[:, gate] *= 30
    recurrent[:, gate] *= 30
    x = features[0].astype(np.float32) * FEATURE_SCALE
    assert np.abs(x @ kernel[:, gate]).max() > 2 * GATE_SUM_CLIP
    changed = replace(reference, lstms=(replace(lstm, kernel=kernel, recurrent=recurrent), reference.lstms[1]))
    found = by_name(noise.measure(model, changed, features))
    assert min(found[f"lstm_0/gate_sums/{gate}"].alone_db for gate in ("input", "forget", "cell", "output")) > 35


def test_the_int8_network_is_the_harness(model, features):
    """The posteriors' figure is that of the bytes the engines give."""
    reference = dequantize(model)
    found = noise.measure(model, reference, features)
    int8 = model.network.run(features, model.network.initial_state(len(features))).outputs[-1]
    expected = reference.run(features).astype(float)
    error = (int8.reshape(expected.shape).astype(float) + 128) / 256 - expected
    assert found.posteriors_db == pytest.approx(10 * math.log10(np.sum(expected**2) / np.sum(error**2)), abs=0.01)


def test_another_network_is_refused(model, features):
    other = dequantize(spotting_model(3, units=(16,), **TAME))
    with pytest.raises(KwsError, match="does not have the layers"):
        noise.measure(model, other, features)
    with pytest.raises(KwsError, match="does not have the layers"):
        noise.measure(bare_model(1), other, features)


def test_of_a_run(model, features, tmp_path):
    reference = dequantize(model)
    with pytest.raises(KwsError, match=r"calibration\.npy"):
        noise.of_run(tmp_path, model)
    reference.save(tmp_path / runs.WEIGHTS)
    np.save(tmp_path / runs.CALIBRATION, features)
    assert noise.of_run(tmp_path, model) == noise.measure(model, reference, features)
