"""Every operator with random shapes, numbers, scales and options, alone and in graphs that branch.

``make layers-long`` runs the same with thousands of models.
"""

from __future__ import annotations

import numpy as np
import pytest
from conftest import mostly_slow
from oracle import assert_identical, random_inputs
from random_layers import OPERATORS, alone, graph

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.layers import KINDS

ALONE = 25
# The first has a window that is both padded and dilated.
GRAPHS = (8, *range(8), *range(9, 30))


def inputs(model, seed, calls=5):
    """Both ends of the range, then random calls."""
    x = random_inputs(seed, calls, model.network.input_size)
    x[0], x[1] = -128, 127
    return x


@pytest.mark.parametrize("operator", OPERATORS)
def test_alone(operator):
    moving = 0
    for seed in range(ALONE):
        drawn = alone(operator, seed)
        assert drawn.counts[operator] == 1
        x = inputs(drawn.model, seed)
        assert_identical(drawn.model, x, [TflmEngine(drawn.model)])
        moving += np.std(NumpyEngine(drawn.model).run_network(x).posteriors) > 1
    assert moving > ALONE / 3, "most of the outputs are constant, which proves nothing"


@pytest.mark.parametrize("seed", mostly_slow(GRAPHS, 2))
def test_graphs(seed):
    model = graph(seed).model
    assert_identical(model, inputs(model, seed), [TflmEngine(model), CEngine(model)], 3)


def test_every_operator_is_drawn():
    """But the LSTM, which has tests of its own, and RESHAPE, which stands nearly everywhere."""
    named = {name for kind in KINDS for name in kind.operators} - {"UNIDIRECTIONAL_SEQUENCE_LSTM", "RESHAPE"}
    assert named - {"HISTORY", "CARRY"} | {"READ_VARIABLE"} == OPERATORS.keys()
    counts = [graph(seed).counts for seed in range(60)]
    assert all(any(name in count for count in counts) for name in OPERATORS)


def test_a_window_is_padded_and_dilated():
    kernels = [layer.kernel for layer in graph(GRAPHS[0]).model.network.layers]
    windows = [kernel.window for kernel in kernels if hasattr(kernel, "window")]
    axes = [axis for w in windows for axis in zip(w.before, w.dilation, w.kernel, strict=True)]
    assert any(before > 0 and dilation > 1 and taps > 1 for before, dilation, taps in axes)


def test_the_same_seed_is_the_same_model():
    assert graph(3).model.content == graph(3).model.content != graph(4).model.content
