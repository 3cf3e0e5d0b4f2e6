"""What few random values do not show: every pair of int8 values in sums and products, means that end on a half."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_identical, random_inputs, small_model

from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.tflite import Operator

INT8 = np.dtype(np.int8)
# Of both operands and of the output.
SCALES = [(0.05, 0.05, 0.1), (0.1, 0.07, 0.09), (0.03, 0.11, 0.02)]


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("operator", ["ADD", "SUB", "MUL"])
def test_every_pair(operator, scales):
    """One operand has every value, the other, a constant, every second one."""
    zero_points = (-3, 5, 0) if scales[0] != scales[1] else (0, 0, 0)
    second = np.arange(-128, 128, 2, dtype=np.int8)[:, None]

    def make(builder, x):
        constant = builder.tensor("constant", second.shape, INT8, scales[1], zero_points[1], second)
        out = builder.tensor("out", (len(second), 256), INT8, scales[2], zero_points[2])
        builder.graph.operators.append(Operator(operator, (x, constant), (out,)))
        return out

    model = small_model(1, (1, 256), scales[0], zero_points[0], make)
    x = np.arange(-128, 128).astype(np.int8)[None]
    assert_identical(model, x, [TflmEngine(model)])
    assert len(np.unique(NumpyEngine(model).run_network(x).posteriors)) > 100


@pytest.mark.parametrize("count", range(2, 34))
def test_means_that_end_on_a_half(count):
    """With one scale on both sides and an even count, many do."""

    def make(builder, x):
        axes = builder.tensor("axes", (1,), np.dtype(np.int32), data=np.array([1], np.int32))
        out = builder.tensor("out", (1, 200), INT8, 0.1, 0)
        builder.graph.operators.append(Operator("MEAN", (x, axes), (out,), {"KeepDims": False}))
        return out

    model = small_model(1, (1, count, 200), 0.1, 0, make)
    assert_identical(model, random_inputs(count, 6, count * 200), [TflmEngine(model)])
