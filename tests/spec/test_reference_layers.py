"""Layers of images and of several tensors: docs/SPEC.md, implemented anew from its text alone, against NumPy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import reference_layers as spec
from random_int16 import int16_graph, with_ends
from random_layers import OPERATORS, alone
from random_steps import step_graph

from kws.engines.numpy_engine import NumpyEngine
from kws.fixedpoint import activation
from kws.tflite import parse


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator(operator):
    for seed in range(100, 104):
        agree(alone(operator, seed).model, seed)


def test_states():
    for seed in range(200, 208):
        agree(step_graph(seed).model, seed)


def test_int16():
    for seed in range(300, 316):
        agree(int16_graph(seed).model, seed)


def agree(model, seed):
    """The specification and NumPy on a few calls, every layer's values."""
    x = np.random.default_rng(seed).integers(-128, 128, (3, model.network.input_size)).astype(np.int8)
    x[0] = np.resize([-128, 127], x.shape[1])
    if model.network.input_type == "int16":
        x = with_ends(x, model.network)
    expected = NumpyEngine(model).run_network(x)
    ours = spec.Layers(parse(model.content))
    for call, row in enumerate(x.view(ours.tensor(ours.heard).dtype).tolist()):
        written = ours.call(row)
        for index, layer in enumerate(model.network.layers):
            values = expected.layers[index][call].view(ours.tensor(layer.output).dtype)
            assert written[layer.output] == values.tolist(), (model.source, layer.name)


def test_hyperbolic_tangent_everywhere():
    rng = np.random.default_rng(1)
    a = [0, 1, -1, 2**31 - 1, 1 - 2**31, *(int(v) for v in rng.integers(-(2**31) + 1, 2**31, 2000))]
    assert [spec.tanh_q31(v, 4) for v in a] == activation.tanh_q31(np.array(a), 4).tolist()
