"""The int8 hyperbolic tangent, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/tanh8.c``; specified in docs/SPEC.md, "Hyperbolic tangent". Source: TensorFlow
Lite ``reference/integer_ops/tanh.h`` (the int8 path).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.activation import tanh_q31
from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, clamp, multiply, rshift
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.bounded import INPUT_INTEGER_BITS, Bounded


@dataclass(frozen=True)
class Tanh8(Bounded):
    """Element by element; the output's scale is 1/128 and its zero point 0."""

    def values(self, x: Int8) -> Int8:
        """The function of int8 of any shape."""
        centred = x.astype(np.int64) - self.input_zero_point  # TANH8/1
        inside = np.abs(centred) < self.radius
        q4 = multiply(np.where(inside, centred, 0), self.factor)  # TANH8/3
        values = clamp(rshift(tanh_q31(q4, INPUT_INTEGER_BITS), 24), INT8_MIN, INT8_MAX)
        limits = np.where(centred <= -self.radius, INT8_MIN, INT8_MAX)  # TANH8/2
        return np.where(inside, values, limits).astype(np.int8)
