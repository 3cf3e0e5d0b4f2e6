"""The int8 logistic function, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/logistic.c``; specified in docs/SPEC.md, "Logistic". Source: TensorFlow
Lite ``reference/integer_ops/logistic.h`` (the int8 path).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.activation import logistic_q31
from kws.fixedpoint.arithmetic import (
    INT8_MAX,
    INT8_MIN,
    clamp,
    multiply,
    rshift,
)
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.bounded import INPUT_INTEGER_BITS, Bounded


@dataclass(frozen=True)
class Logistic(Bounded):
    """Element by element; the output's scale is 1/256 and its zero point -128."""

    def values(self, x: Int8) -> Int8:
        """The function of int8 of any shape."""
        centred = x.astype(np.int64) - self.input_zero_point  # LOGISTIC/1
        inside = np.abs(centred) < self.radius
        # LOGISTIC/3
        q4 = multiply(np.where(inside, centred, 0), self.factor)
        rounded = rshift(logistic_q31(q4, INPUT_INTEGER_BITS), 23)
        values = clamp(rounded + INT8_MIN, INT8_MIN, INT8_MAX)
        # LOGISTIC/2
        limits = np.where(centred <= -self.radius, INT8_MIN, INT8_MAX)
        return np.where(inside, values, limits).astype(np.int8)
