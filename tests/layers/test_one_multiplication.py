"""One multiplication against the two roundings that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from kws.fixedpoint.arithmetic import Factor, multiply
from kws.layers.one_multiplication import GREATEST_SCALE, one_multiplication

SUMS = 2**17
"""Of nine products of 8 bits, about."""

FACTORS = [
    *[Factor(2**30, -n) for n in range(1, 20)],  # halves all over
    *[Factor(2**31 - 1, -n) for n in range(1, 20)],
    *map(Factor.of, 2.0 ** np.random.default_rng(3).uniform(-14, -1.001, 40)),
]


@pytest.mark.parametrize("factor", FACTORS, ids=str)
def test_every_output_is_that_of_two_roundings(factor):
    end = one_multiplication(factor, -SUMS, SUMS)
    assert end is not None
    assert 0 <= end.scale <= GREATEST_SCALE
    assert 2**7 <= end.value < 2**31
    # All sums around each of which the output changes, and far ones.
    beginnings = np.round((np.arange(256) - 0.5) * 2.0 ** (31 + factor.right_shift) / factor.value).astype(np.int64)
    x = np.unique(np.concatenate([(beginnings[:, None] + np.arange(-2, 3)).ravel(), [-SUMS, -1, 0, 1, SUMS]]))
    x = x[np.abs(x) <= SUMS]
    expected = np.clip(np.asarray(multiply(x, factor)) - 128, -128, 127)
    assert [end.of(int(s)) for s in x] == expected.tolist()


def test_a_factor_too_small_for_any_output():
    end = one_multiplication(Factor(2**30, -31), -SUMS, SUMS)
    assert end is not None
    assert {end.of(x) for x in (-SUMS, 0, SUMS)} == {-128}


def test_sums_that_leave_32_bits_have_none():
    assert one_multiplication(Factor(2**30, -1), -(2**24), 0) is None


def test_sums_that_ask_for_more_digits_have_none():
    """The value of a small factor has few digits, and great sums would show it."""
    assert one_multiplication(Factor(1657854605, -25), -(2**29), 2**29) is None
