"""From sums to int8: what convolutions and fully connected layers end in, and the operator QUANTIZE.

Twin of ``firmware/src/layers/quantize.c`` and of ``kws_add_zero_point``; specified in docs/SPEC.md, "Sums to
int8" and "Quantize".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, Factor, IntArray, clamp, columns, multiply, multiply_by, wrap
from kws.fixedpoint.arrays import Int8, Int64
from kws.fixedpoint.layers.kernel import Kernel, Values


@dataclass(frozen=True)
class Output:
    """How a sum becomes an int8.

    Attributes:
        factors: requantization, one or one a channel.
        zero_point: of the output.
        low: lowest value, from the fused activation.
        high: highest value.
    """

    factors: tuple[Factor, ...]
    zero_point: int
    low: int
    high: int

    def of(self, sums: IntArray | Int64) -> Int8:
        """int32 sums [..., channels] to int8 of the same shape."""
        return moved(multiply_by(sums, *columns(self.factors)), self.zero_point, self.low, self.high)


def moved(x: IntArray | Int64, zero_point: int, low: int, high: int) -> Int8:
    """The zero point added, modulo 2^32 as TFLM's kernels add it, and the result clamped."""
    return clamp(wrap(np.asarray(x, np.int64) + zero_point), low, high).astype(np.int8)


@dataclass(frozen=True)
class Quantize(Kernel):
    """int8 at one scale and zero point to another: TFLM's ``Requantize``.

    Source: TensorFlow Lite ``reference/requantize.h``.

    Attributes:
        factor: the input's scale by the output's.
        input_zero_point: zero point of the input.
        output_zero_point: zero point of the output.
    """

    factor: Factor
    input_zero_point: int
    output_zero_point: int

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 of any shape to int8 of the same shape."""
        centred = inputs[0].astype(np.int64) - self.input_zero_point  # QUANTIZE/1
        return moved(multiply(centred, self.factor), self.output_zero_point, INT8_MIN, INT8_MAX)  # QUANTIZE/2
