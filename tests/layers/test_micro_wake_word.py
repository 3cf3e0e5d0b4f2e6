"""microWakeWord models, which pymicro-wakeword ships: networks of other people, exact on every layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymicro_wakeword
import pytest
from oracle import assert_identical, random_inputs

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.model.file import Model

MODELS = sorted((Path(pymicro_wakeword.__file__).parent / "models").glob("*.tflite"))


def test_there_are_four():
    assert [path.stem for path in MODELS] == ["alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_network(path):
    model = Model.load(path)
    network = model.network
    assert (network.input_shape, network.output_shape) == ((1, 3, 40), (1, 1))
    # As posteriors: uint8 at scale 1/256 and zero point 0 in the file.
    assert (network.output_scale, network.output_zero_point) == (1 / 256, -128)
    states = [state for declared in network.states for state in declared]
    assert [state.name for state in states] == ["history"] * 6
    assert {state.reset for state in states} == {-128}
    x = random_inputs(1, 80, network.input_size)
    x[20:24], x[40:44] = -128, 127
    engines = [TflmEngine(model), CEngine(model)]
    assert_identical(model, x, engines, 30)
    outputs = NumpyEngine(model).run_network(x)
    assert all(len(np.unique(values)) > 8 for values in list(outputs.layers.values())[:-2])
