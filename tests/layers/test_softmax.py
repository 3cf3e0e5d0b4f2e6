"""Softmax: the harness and C against TensorFlow Lite Micro's reference kernel."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import agree, assert_identical, small_model

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.fixedpoint.layers.softmax import SUM_INTEGER_BITS, Softmax


@pytest.mark.parametrize("power", range(-9, 3))
def test_from_flat_to_one_hot(power):
    size = 3 + (7 * power) % 30
    model = small_model(power + 20, (1, 2, size), 1.37 * 2.0**power, 11 * power, lambda b, x: b.posterior(x, "SOFTMAX"))
    output = agree(model, with_c=power in (-9, -4, 2))
    # A row's posteriors sum to about one, but for their rounding.
    sums = (output.layers[0].reshape(40, 2, size).astype(int) + 128).sum(axis=2)
    assert np.all(np.abs(sums - 256) <= size)


@pytest.mark.parametrize("size", [1, 2, 511])
def test_sizes(size):
    agree(small_model(size, (1, size), 0.02, 0, lambda b, x: b.posterior(x, "SOFTMAX")))


@pytest.mark.parametrize("power", range(-12, 3))
def test_exponentials_beyond_the_table_count_for_nothing(power):
    """A row of the greatest value, one at every difference and as much company as there may be."""
    kernel = Softmax.of(1.37 * 2.0**power, 1.0)
    table = kernel.exponentials
    assert 1 <= len(table) <= 256
    assert table[0] == 2**31 - 1
    others = np.arange(len(table), 256)
    rows = np.full((len(others), 2), 127, np.int8)
    rows[:, 1] = 127 - others
    alone = np.full((1, 1, 1), 127, np.int8)
    output = kernel.run([rows[None]], [])[0]
    assert np.all(output[:, 0] == kernel.run([alone], [])[0, 0, 0])
    assert np.all(output[:, 1] == -128)


def test_small_terms_of_the_widest_row_count():
    """The last difference in the table, and those whose terms are rounded up most, beside two greater values.

    So many small terms change a posterior by a quarter of a step: one of the second values is near a half.
    """
    size, scale = 511, 0.1
    model = small_model(1, (1, size), scale, 0, lambda b, x: b.posterior(x, "SOFTMAX"))
    table = Softmax.of(scale, 1.0).exponentials
    one = 1 << SUM_INTEGER_BITS
    rounded_up = np.flatnonzero((table % one >= one // 2) & (table // one < 4))
    assert len(rounded_up) > 1
    second, small = np.meshgrid(np.arange(len(table)), [len(table) - 1, *rounded_up])
    x = np.full((second.size, size), 127, np.int8)
    x[:, 1] = (127 - second.reshape(-1)).astype(np.int8)
    x[:, 2:] = (127 - small.reshape(-1, 1)).astype(np.int8)
    assert_identical(model, x, [TflmEngine(model), CEngine(model)])
