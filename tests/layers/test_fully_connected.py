"""The fully connected layer: the harness and C against TensorFlow Lite Micro's reference kernel."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import mostly_slow
from oracle import agree, assert_identical, random_inputs, small_model
from random_models import random_graph

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.model.file import Model
from kws.tflite import build


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activation", range(4))
@pytest.mark.parametrize("rows", mostly_slow([5, 1]))
def test_alone(rows, activation, per_channel):
    seed = 100 * rows + 10 * activation + per_channel
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(1, 70)), int(rng.integers(1, 20))
    model = small_model(
        seed,
        (1, rows, inputs),
        float(rng.uniform(0.005, 0.1)),
        int(rng.integers(-128, 128)),
        lambda b, x: b.dense(x, outputs, (1, rows, outputs), keep=True),
        per_channel=per_channel,
        activation=activation,
        bias=bool(rng.integers(3)),
        weights="saturated" if seed % 3 == 0 else "normal",
    )
    output = agree(model, with_c=(activation + rows + per_channel) % 2 == 0)
    assert output.layers[0].shape == (40, rows * outputs)
    assert output.states == {}
    assert model.network.macs == rows * inputs * outputs


def test_rows_are_cut_as_the_weights_say():
    """A row of the layer need not be a row of the tensor."""
    model = small_model(1, (1, 4, 6), 0.05, 3, lambda b, x: _of_rows(b, x, 12))
    assert agree(model).layers[0].shape == (40, 2 * 5)


def _of_rows(builder, x, inputs):
    shape = builder.graph.tensors[x].shape
    builder.graph.tensors[x].shape = (1, 2, inputs)
    out = builder.dense(x, 5, (2, 5))
    builder.graph.tensors[x].shape = shape
    return out


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
