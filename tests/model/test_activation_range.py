"""Fused activations whose bounds leave int32 at the output's scale: refused, as TFLM refuses them."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import Builder, Options

from kws.engines import create
from kws.errors import KwsError
from kws.model.file import Model
from kws.tflite import build

RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3
# The least float32 scales at which 6, and 1, are below 2^31; the product of scales stays a legal factor.
LEAST_RELU6, LEAST_RELU_N1_TO_1 = 2.7939679e-09, 4.6566132e-10


def dense(activation: int, scale: float, zero_point: int) -> bytes:
    builder = Builder(np.random.default_rng(1), Options(activation=activation, bias=False, per_channel=False))
    x = builder.tensor("x", (1, 8), np.dtype(np.int8), 0.05, 0)
    y = builder.dense(x, 4, (1, 4))
    out, weights = (next(t for t in builder.graph.tensors if t.name == name) for name in ("dense_out", "dense_w"))
    out.scales, out.zero_points = np.array([scale], np.float32), np.array([zero_point])
    weights.scales = np.array([min(10 * scale, 1)], np.float32)
    builder.graph.inputs, builder.graph.outputs = (x,), (y,)
    return build(builder.graph)


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
@pytest.mark.parametrize(
    ("activation", "scale"),
    [(RELU6, 1e-45), (RELU6, 1e-38), (RELU6, 1e-9), (RELU6, 6 / 2**31), (RELU_N1_TO_1, 1e-45), (RELU_N1_TO_1, 2**-31)],
)
def test_a_bound_outside_int32_is_refused(activation, scale, zero_point):
    with pytest.raises(KwsError, match="leaves int32"):
        Model.from_bytes(dense(activation, scale, zero_point))


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
@pytest.mark.parametrize(
    ("activation", "scale"),
    [(RELU6, LEAST_RELU6), (RELU6, 0.05), (RELU_N1_TO_1, LEAST_RELU_N1_TO_1), (RELU, 1e-40)],
)
def test_the_least_scales_are_exact(activation, scale, zero_point):
    model = Model.from_bytes(dense(activation, scale, zero_point))
    assert model.network.layers[0].kernel.activation_max >= zero_point
    inputs = np.random.default_rng(2).integers(-128, 128, (20, 8)).astype(np.int8)
    with create("numpy", model) as numpy, create("tflm", model) as tflm:
        np.testing.assert_array_equal(numpy.run_network(inputs).posteriors, tflm.run_network(inputs).posteriors)
