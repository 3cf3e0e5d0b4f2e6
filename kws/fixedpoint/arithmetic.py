"""Rounding, saturation and requantization, exactly as TFLM's reference kernels do them.

Twin of ``firmware/src/arithmetic.h``; specified in docs/SPEC.md, "Arithmetic", whose names the
functions have. All are vectorised, take integer arrays and return int64 arrays whose values fit the width that
the specification gives, so that no NumPy overflow can hide behind a cast.

Sources: gemmlowp ``fixedpoint.h`` and TensorFlow Lite ``kernels/internal/common.h`` and
``quantization_util.cc``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int64

IntArray = npt.NDArray[np.integer]

INT8_MIN, INT8_MAX = -128, 127
INT16_MIN, INT16_MAX = -32768, 32767
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class Factor:
    """A real factor as ``value * 2**(shift - 31)``: ``value`` in [2^30, 2^31) or 0."""

    value: int
    shift: int

    @property
    def left_shift(self) -> int:
        """What is shifted left before the multiplication; 0 where ``shift`` is negative."""
        return max(self.shift, 0)

    @property
    def right_shift(self) -> int:
        """What is shifted right after it; 0 where ``shift`` is positive."""
        return max(-self.shift, 0)

    @classmethod
    def of(cls, real: float) -> Factor:
        """Quantize a real factor >= 0, as TFLite's ``QuantizeMultiplier`` does.

        The rounding of the 31-bit mantissa is half away from zero; factors below 2^-32 become 0
        and factors that need a left shift over 30 clamp.

        Raises:
            ValueError: the factor is negative or not finite.
        """
        if not math.isfinite(real) or real < 0:
            raise ValueError(f"a requantization factor must be finite and not negative, not {real}")
        if real == 0.0:
            return cls(0, 0)
        mantissa, shift = math.frexp(real)
        value = math.floor(mantissa * 2.0**31 + 0.5)
        if value == 2**31:
            value //= 2
            shift += 1
        if shift < -31:
            return cls(0, 0)
        if shift > 30:
            return cls(INT32_MAX, 30)
        return cls(value, shift)


def wrap(x: IntArray | Int64, n: int | Int64 | np.int64 = 0) -> Int64:
    """``x * 2^n`` reduced modulo 2^32 into int32's range, as two's complement hardware does."""
    x = np.asarray(x, np.int64)
    shifted = x << n if np.any(n) else x
    wrapped: Int64 = (shifted + 2**31) % 2**32 - 2**31
    return wrapped


def clamp(x: IntArray | Int64, low: int, high: int) -> Int64:
    """Clamp to ``[low, high]``."""
    return np.minimum(np.maximum(np.asarray(x, np.int64), low), high)


def sat16(x: IntArray | Int64) -> Int64:
    """Clamp to int16's range."""
    return clamp(x, INT16_MIN, INT16_MAX)


def satshift(x: IntArray | Int64, n: int) -> Int64:
    """``x * 2^n`` clamped to int32's range."""
    return clamp(np.asarray(x, np.int64) << n, INT32_MIN, INT32_MAX)


def rdhm(a: IntArray | Int64, b: IntArray | Int64 | np.int64 | int) -> Int64:
    """``floor((a * b + 2^30) / 2^31)`` of int32 values; INT32_MIN squared saturates.

    gemmlowp's ``SaturatingRoundingDoublingHighMul``. Its sign-dependent nudge and truncating
    division come to the same as this floor for every pair of operands.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: Int64 = np.minimum((product + 2**30) >> 31, INT32_MAX)
    return high


def rshift(x: IntArray | Int64, exponent: int | Int64 | np.int64) -> Int64:
    """``x / 2^exponent`` rounded to nearest, halves away from zero; exponent in [0, 31].

    gemmlowp's ``RoundingDivideByPOT``.
    """
    x = np.asarray(x, np.int64)
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def multiply(x: IntArray | Int64, factor: Factor) -> Int64:
    """Requantize int32 values with double rounding (TFLite's ``MultiplyByQuantizedMultiplier``).

    A left shift is applied first and wraps modulo 2^32; then the rounding high multiply; then
    the rounding right shift. Each of the two roundings counts: folding them into one changes
    about 4 % of an LSTM's hidden values.
    """
    return multiply_by(x, np.int64(factor.value), np.int64(factor.left_shift), np.int64(factor.right_shift))


def columns(factors: Sequence[Factor]) -> tuple[Int64, Int64, Int64]:
    """Values, left shifts and right shifts of several factors, as :func:`multiply_by` takes them."""
    values, left, right = np.array([[f.value, f.left_shift, f.right_shift] for f in factors], np.int64).T
    return values, left, right


def multiply_by(
    x: IntArray | Int64,
    value: Int64 | np.int64,
    left_shift: Int64 | np.int64,
    right_shift: Int64 | np.int64,
) -> Int64:
    """:func:`multiply` with a factor for each element; the arguments broadcast."""
    x = np.asarray(x, np.int64)
    if np.any(left_shift):
        x = wrap(x, left_shift)
    return rshift(rdhm(x, value), right_shift)
