"""The arithmetic against definitions in exact rational numbers and against gemmlowp's own wording."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.fixedpoint import arithmetic as a

int32 = st.integers(a.INT32_MIN, a.INT32_MAX)
edges = [a.INT32_MIN, a.INT32_MIN + 1, -(2**30), -1, 0, 1, 2**30, a.INT32_MAX]


def gemmlowp_high_mul(x: int, y: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul, word for word in Python integers."""
    if x == y == a.INT32_MIN:
        return a.INT32_MAX
    product = x * y
    nudge = 2**30 if product >= 0 else 1 - 2**30
    quotient = abs(product + nudge) // 2**31
    return quotient if product + nudge >= 0 else -quotient


def round_half_away(x: Fraction) -> int:
    return int(math.copysign(1, x)) * math.floor(abs(x) + Fraction(1, 2))


@given(int32, int32)
def test_high_mul(x, y):
    assert int(a.rdhm(np.array(x), np.array(y))) == gemmlowp_high_mul(x, y)


@pytest.mark.parametrize("x", edges)
def test_high_mul_edges(x):
    got = a.rdhm(np.full(len(edges), x), np.array(edges))
    assert got.tolist() == [gemmlowp_high_mul(x, y) for y in edges]


@given(int32, st.integers(0, 31))
def test_divide_rounds_half_away_from_zero(x, exponent):
    expected = round_half_away(Fraction(x, 2**exponent))
    assert int(a.rshift(np.array(x), exponent)) == expected


@given(st.floats(2.0**-31, 2.0**29))
def test_multiplier_is_the_nearest(real):
    m = a.Factor.of(real)
    assert 2**30 <= m.value < 2**31
    assert abs(Fraction(m.value) * Fraction(2) ** (m.shift - 31) - Fraction(real)) <= Fraction(2) ** (m.shift - 32)


def test_multiplier_rounding_up_to_the_next_power():
    assert a.Factor.of(math.nextafter(1.0, 0)) == a.Factor(2**30, 1)


def test_multiplier_limits():
    assert a.Factor.of(0.0) == a.Factor(0, 0)
    assert a.Factor.of(2.0**-40) == a.Factor(0, 0)
    assert a.Factor.of(2.0**40) == a.Factor(a.INT32_MAX, 30)
    for bad in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="requantization"):
            a.Factor.of(bad)


@given(int32, st.floats(2.0**-20, 0.99))
def test_multiply_rounds_twice(x, real):
    m = a.Factor.of(real)
    once = gemmlowp_high_mul(x, m.value)
    assert int(a.multiply(np.array(x), m)) == round_half_away(Fraction(once, 2 ** max(-m.shift, 0)))


def test_multiply_double_rounding_differs_from_single():
    # 0.5 rounds up in the high multiply and then up again: 1.4999 -> 1.5 -> 2.
    m = a.Factor(2**30, -1)
    values = np.arange(-64, 64)
    twice = a.multiply(values, m)
    single = np.array([round_half_away(Fraction(int(v), 4)) for v in values])
    assert np.any(twice != single)


def test_left_shift_wraps():
    assert int(a.multiply(np.array(2**30), a.Factor(2**30, 2))) == 0


def test_wrap():
    assert a.wrap(np.array([2**31, -(2**31) - 1, 2**32])).tolist() == [a.INT32_MIN, a.INT32_MAX, 0]
