"""The int8 softmax, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/softmax.c``; specified in docs/SPEC.md, "Softmax". Source: TensorFlow
Lite ``reference/softmax.h`` (the int8 path, in gemmlowp fixed point).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kws.fixedpoint.activation import exp, recip
from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, Factor, clamp, rdhm, rshift, wrap
from kws.fixedpoint.arrays import Int8, Int64
from kws.fixedpoint.layers.kernel import Kernel, Values

SCALED_DIFFERENCE_INTEGER_BITS = 5
SUM_INTEGER_BITS = 12


def input_radius(integer_bits: int, left_shift: int) -> int:
    """Greatest input magnitude whose rescaled value still fits (TFLite's ``CalculateInputRadius``)."""
    return math.floor(((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits) / 2.0**left_shift)


@dataclass(frozen=True)
class Softmax(Kernel):
    """Softmax over the last axis; the output's scale is 1/256 and its zero point -128.

    Attributes:
        factor: ``beta`` times the input's scale, as a factor to Q5.26, at least 1.
        difference_min: differences from the maximum below this count as exp = 0.
    """

    factor: Factor
    difference_min: int

    @classmethod
    def of(cls, input_scale: float, beta: float) -> Softmax:
        """Derive the parameters as TFLite's ``PreprocessSoftmaxScaling`` does.

        Raises:
            ValueError: ``beta * input_scale`` is below 2^-26, which the kernel cannot express.
        """
        real = min(beta * input_scale * 2.0 ** (31 - SCALED_DIFFERENCE_INTEGER_BITS), 2.0**31 - 1)
        if real <= 1:
            raise ValueError(f"a softmax input scale of {input_scale} times beta {beta} is too small")
        factor = Factor.of(real)
        return cls(factor, -input_radius(SCALED_DIFFERENCE_INTEGER_BITS, factor.shift))

    @cached_property
    def _lookup(self) -> tuple[Int64, Int64]:
        """exp of each difference 0, -1, ... -255 from the maximum in Q0.31, and as a term of the sum."""
        # SOFTMAX/2
        differences = np.maximum(-np.arange(256), self.difference_min)
        shifted = wrap(differences, self.factor.shift)
        scaled = rdhm(shifted, self.factor.value)
        exponentials = exp(scaled, SCALED_DIFFERENCE_INTEGER_BITS)
        return exponentials, rshift(exponentials, SUM_INTEGER_BITS)

    @property
    def weight_bytes(self) -> int:
        """The table of :attr:`exponentials`."""
        return 4 * len(self.exponentials)

    @cached_property
    def exponentials(self) -> Int64:
        """exp of the differences 0, -1, ... in Q0.31, as far as any of them counts.

        One below 2^11 adds nothing to the sum of SOFTMAX/3. That sum is 2^19 or more, since the maximum
        itself is part of it, so that SOFTMAX/6 shifts by 23 or more and makes -128 of such a one.
        """
        exponentials, terms = self._lookup
        live = np.flatnonzero(terms[: 1 - self.difference_min])
        return exponentials[: live[-1] + 1]

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [..., n] to int8 [..., n]."""
        wide = inputs[0].astype(np.int64)
        difference = wide - wide.max(axis=-1, keepdims=True)  # SOFTMAX/1
        live = difference >= self.difference_min
        exponentials, terms = self._lookup
        exponential = exponentials[-difference]
        total = np.where(live, terms[-difference], 0).sum(axis=-1, keepdims=True)  # SOFTMAX/3
        headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)  # SOFTMAX/4
        reciprocal = recip((total << headroom) - 2**31)  # SOFTMAX/5
        # SOFTMAX/6
        exponent = SUM_INTEGER_BITS - headroom + 31 - 8
        unbounded = rshift(rdhm(reciprocal, exponential), exponent)
        return np.where(live, clamp(unbounded + INT8_MIN, INT8_MIN, INT8_MAX), INT8_MIN).astype(np.int8)
