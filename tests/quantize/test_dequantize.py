"""The float network read out of an int8 file computes what the file computes, but for rounding."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from random_models import bare_model, spotting_model

from kws.errors import KwsError
from kws.model.file import METADATA_NAME, Model
from kws.model.seal import build_sealed
from kws.quantize.dequantize import dequantize
from kws.tflite import parse

# Random weights whose posteriors move with the features, yet do not multiply every rounding.
LIVELY = {"gain": 1.0, "dense_gain": 20.0}


def int8_posteriors(model, features):
    trace = model.network.run(features, model.network.initial_state(len(features)))
    return (trace.outputs[-1].reshape(*features.shape[:2], -1).astype(float) + 128) / 256


@pytest.fixture(scope="module")
def features(speech):
    seconds = np.stack([speech[i : i + 16000] for i in range(0, len(speech), 16000)])
    return spotting_model(0).info.frontend.twin(len(seconds)).process(seconds)


@pytest.mark.parametrize(("seed", "units"), [(7, (32,)), (5, (24, 16))])
@pytest.mark.parametrize("per_channel", [False, True])
def test_posteriors_are_close(seed, units, per_channel, features):
    model = spotting_model(seed, units=units, per_channel=per_channel, **LIVELY)
    network = dequantize(model)
    assert tuple(m.units for m in network.lstms) == units
    _assert_close(network.run(features), int8_posteriors(model, features))


def test_the_posteriors_of_a_shipped_model_are_close(features):
    model = Model.load(Path(__file__).parents[2] / "models" / "commands12.tflite")
    exact, rounded = dequantize(model).run(features), int8_posteriors(model, features)
    _assert_close(exact, rounded)
    assert rounded.max() > 0.9


def _assert_close(exact, rounded):
    error = np.abs(exact - rounded)
    assert error.mean() < 0.01
    assert np.quantile(error, 0.99) < 0.05
    assert np.mean(exact.argmax(-1) == rounded.argmax(-1)) > 0.95
    assert rounded.std(axis=(0, 1)).mean() > 5 * error.mean()  # or anything would be close


def test_every_tensor_counts(features):
    """Were a gate, a bias or a zero point left out or exchanged, the posteriors would move."""
    model = spotting_model(5, units=(24, 16), **LIVELY)
    network = dequantize(model)
    exact = int8_posteriors(model, features)
    limit = np.abs(network.run(features) - exact).mean() * 3
    for index, lstm in enumerate(network.lstms):
        for part in ("kernel", "recurrent", "bias"):
            values = getattr(lstm, part)
            turned = np.roll(values, lstm.units, axis=-1)
            lstms = [*network.lstms]
            lstms[index] = dataclasses.replace(lstm, **{part: turned})
            other = dataclasses.replace(network, lstms=tuple(lstms)).run(features)
            assert np.abs(other - exact).mean() > limit, (index, part)


def test_a_bias_that_the_file_leaves_out_is_zero():
    network = dequantize(spotting_model(1, units=(8,), bias=False))
    assert not network.bias.any()
    assert not network.lstms[0].bias.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 5, "head": "last", "units": (16,)}, "other layers than kws trains: UNID.*STRIDED_SLICE"),
        ({"head": "logistic"}, "other layers than kws trains"),
        ({"head": "none"}, "other layers than kws trains"),
    ],
)
def test_other_networks_are_refused(options, message):
    with pytest.raises(KwsError, match=message):
        dequantize(bare_model(2, **options))


def test_another_input_is_refused():
    with pytest.raises(KwsError, match="does not read the front end's features"):
        dequantize(bare_model(2, input_scale=0.02, input_zero_point=3))


def test_another_cell_limit_or_an_activation_is_refused():
    with pytest.raises(KwsError, match="limits its cells to 0 and training to 10"):
        dequantize(spotting_model(1, cell_clip=0.0))
    graph = parse(spotting_model(1).content)
    graph.operators[-2].options["FusedActivationFunction"] = 1
    with pytest.raises(KwsError, match="activation in its dense layer"):
        dequantize(Model.from_bytes(build_sealed(graph, METADATA_NAME)))
