"""A factor as one multiplication: what two roundings make of a sum, exactly, from one product rounded down.

``multiply()`` rounds a sum's product to a whole number and that, shifted right, once more. Of sums that are not
negative both are floors, and floors nest: y = floor((x * value + 2^30 + 2^(30 + n)) / 2^(31 + n)) for a right shift of
n. Negative ones lie below an output's clamp, as behind a ReLU. A device has the high half of a product of 32 bits:

    y = floor((floor(((x << scale) + start) * value / 2^32) + offset) / 2^STEPS)

Each output but the lowest begins at some sum; the numbers found here put all of these beginnings where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, Factor

STEPS = 8
"""Bits of the device's number behind the output's."""

GREATEST_SCALE = STEPS
"""Of weights of int8 shifted left by so much int16 is left."""

_HIGH = 32
_STARTS = 2**16  # tried in turn
_OUTPUTS = INT8_MAX - INT8_MIN


@dataclass(frozen=True)
class OneMultiplication:
    """Numbers of one output; ``value`` is below 2^31, ``scale`` from 0 to 8."""

    value: int
    scale: int
    start: int
    offset: int

    def of(self, x: int) -> int:
        """The output of a sum, as the device makes it."""
        high = (((x << self.scale) + self.start) * self.value) >> _HIGH
        return min(max((high + self.offset) >> STEPS, INT8_MIN), INT8_MAX)


def one_multiplication(factor: Factor, low: int, high: int) -> OneMultiplication | None:
    """Numbers that make each sum's output as ``factor`` does, with a zero point and a lowest output of -128.

    They are proved for each of the 255 sums at which the output changes. None if there are none.

    Args:
        factor: with a right shift of 1 or more.
        low: the least sum there can be.
        high: the greatest.
    """
    scale = max(0, STEPS + 1 - factor.right_shift)
    past = factor.right_shift - 1 - STEPS + scale
    value = (factor.value + (1 << past >> 1)) >> past
    window = _window(factor, value, scale, high)
    starts = np.arange(_STARTS, dtype=np.int64)
    offsets = -((starts * value - window[0]) >> _HIGH)
    good = np.flatnonzero(starts * value + (offsets << _HIGH) < window[1])
    if good.size == 0:
        return None
    start, offset = int(starts[good[0]]), int(offsets[good[0]])
    if (max(abs(low), abs(high)) << scale) + start >= 2**31:
        return None
    return OneMultiplication(value, scale, start, offset)


def _window(factor: Factor, value: int, scale: int, high: int) -> tuple[int, int]:
    """The least of start * value + offset * 2^32 that is right, and the least greater one that is not."""
    n = factor.right_shift
    least, end = [], []
    for output in range(1, _OUTPUTS + 1):
        first = -(-((output << (31 + n)) - (1 << 30) - (1 << (30 + n))) // factor.value)  # sum that makes it
        reached = (output + INT8_MIN) << (_HIGH + STEPS)
        end.append(reached - (min(first - 1, high) << scale) * value)
        if first > high:
            break
        least.append(reached - (first << scale) * value)
    return max(least, default=min(end) - (1 << _HIGH)), min(end)
