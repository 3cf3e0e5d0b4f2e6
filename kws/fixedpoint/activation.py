"""Fixed-point sigmoid, tanh, exponential and reciprocal, exactly as TFLM's reference kernels.

Twin of ``firmware/src/activation.c``; specified in docs/SPEC.md, "Activations".

The 16-bit sigmoid and tanh (``reference/integer_ops/logistic.h`` and ``tanh.h``) interpolate
in a 256-entry table. The 32-bit exponential and reciprocal are gemmlowp's (``fixedpoint.h``);
softmax and the 8-bit logistic are made of them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arithmetic import INT32_MAX, IntArray, rdhm, rshift, satshift
from kws.fixedpoint.arrays import Int64
from kws.fixedpoint.sigmoid_table import SIGMOID_TABLE

_TABLE = np.array(SIGMOID_TABLE, np.int64)
_Q31_ONE = INT32_MAX


def sigmoid(x: IntArray) -> Int64:
    """Sigmoid of int16 in Q3.12 to int16 in Q0.15."""
    scaled = np.asarray(x, np.int64) * 3  # SIGMOID/1
    magnitude = np.abs(scaled)
    index = np.minimum(magnitude >> 9, 254)
    low, high = _TABLE[index], _TABLE[index + 1]
    result = (low << 9) + (magnitude & 511) * (high - low)  # SIGMOID/2
    result = np.where(magnitude >> 9 >= 255, 0x7FFF << 10, result)
    result = np.where(scaled >= 0, result + 512, 2**25 - result + 511)  # SIGMOID/3
    return result >> 10


def tanh(x: IntArray, scale_power: int) -> Int64:
    """Tanh of int16 at scale ``2**scale_power`` to int16 in Q0.15.

    A scale of 2^-12 or more multiplies by a power of two; a finer one multiplies by 3 and
    shifts right with rounding (the kernel's other path).
    """
    x = np.asarray(x, np.int64)
    shift = 15 + scale_power - 3
    # TANH/1
    scaled = x * (3 << shift) if shift >= 0 else (x * 3 + (1 << (-shift - 1))) >> -shift
    magnitude = np.abs(scaled)
    index = np.minimum(magnitude >> 8, 254)
    low, high = _TABLE[index], _TABLE[index + 1]
    result = (low << 8) + (magnitude & 255) * (high - low)  # TANH/2
    result = np.where(magnitude >> 8 >= 255, 0xFFFF << 8, result)
    result = np.where(scaled >= 0, result - 2**23 + 128, -result + 2**23 + 127)  # TANH/3
    return result >> 8


@lru_cache(maxsize=1)
def sigmoid_lookup() -> npt.NDArray[np.int64]:
    """:func:`sigmoid` of every int16, indexed by ``x + 32768``."""
    return sigmoid(np.arange(-32768, 32768))


@lru_cache(maxsize=16)
def tanh_lookup(scale_power: int) -> npt.NDArray[np.int64]:
    """:func:`tanh` of every int16 at one scale, indexed by ``x + 32768``."""
    return tanh(np.arange(-32768, 32768), scale_power)


def _exp_near_zero(a: Int64) -> Int64:
    """exp of Q0.31 values in [-1/4, 0): a Taylor polynomial around -1/8."""
    x = a + 2**28
    x2 = rdhm(x, x)
    x3 = rdhm(x2, x)
    x4 = rdhm(x2, x2)
    x4_over_4 = rshift(x4, 2)
    tail = rshift(rdhm(x4_over_4 + x3, 715827883) + x2, 1)
    return 1895147668 + rdhm(x + tail, 1895147668)


# exp(-2^k) in Q0.31 for k = -2 ... 4
_EXP_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def exp(a: IntArray, integer_bits: int) -> Int64:
    """exp of int32 values <= 0 with ``integer_bits`` integer bits, to Q0.31."""
    a = np.asarray(a, np.int64)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    within = (a & (quarter - 1)) - quarter  # EXP/1
    remainder = within - a
    result = _exp_near_zero(satshift(within, integer_bits))  # EXP/2
    for exponent, factor in enumerate(_EXP_POWERS, -2):
        if exponent < integer_bits:  # EXP/3
            bit = (remainder >> (fraction_bits + exponent)) & 1
            result = np.where(bit == 1, rdhm(result, factor), result)
    return np.where(a == 0, _Q31_ONE, result)


def _newton(a: IntArray) -> Int64:
    """2 / (1 + a) of Q0.31 values in [0, 1], to Q2.29: three Newton-Raphson steps."""
    half_denominator = (np.asarray(a, np.int64) + _Q31_ONE + 1) >> 1  # RECIP/1
    x = 1515870810 + rdhm(half_denominator, -1010580540)  # RECIP/2
    for _ in range(3):  # RECIP/3
        error = 2**29 - rdhm(half_denominator, x)
        x = x + satshift(rdhm(x, error), 2)
    return x


def recip(a: IntArray) -> Int64:
    """1 / (1 + a) of Q0.31 values in [0, 1], to Q0.31."""
    return satshift(_newton(a), 1)  # RECIP/4


def tanh_q31(a: IntArray, integer_bits: int) -> Int64:
    """Hyperbolic tangent of int32 values with ``integer_bits`` integer bits, to Q0.31."""
    a = np.asarray(a, np.int64)
    # TANH_Q31/1: the bits of a with one integer bit more are 2 * a.
    doubled = exp(-np.abs(a), integer_bits + 1)
    magnitude = satshift(_newton(doubled) - 2**29, 2)  # TANH_Q31/2
    return np.where(a == 0, 0, np.where(a > 0, magnitude, -magnitude))  # TANH_Q31/3


def logistic_q31(a: IntArray, integer_bits: int) -> Int64:
    """Logistic function of int32 values with ``integer_bits`` integer bits, to Q0.31."""
    a = np.asarray(a, np.int64)
    positive = recip(exp(-np.abs(a), integer_bits))
    return np.where(a == 0, 2**30, np.where(a > 0, positive, _Q31_ONE - positive))
