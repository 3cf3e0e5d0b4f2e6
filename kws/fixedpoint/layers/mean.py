"""The mean over axes, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/mean.c``; specified in docs/SPEC.md, "Mean". Source: TensorFlow Lite
``reference/reduce.h``, ``QuantizedMeanOrSum``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, Factor, multiply
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Shape, Values
from kws.fixedpoint.layers.requantize import moved


@dataclass(frozen=True)
class Mean(Kernel):
    """The mean over some axes.

    Attributes:
        shape: dimensions of the input.
        axes: those that go, in order.
        factor: :meth:`factor_of` the scales and of the number of values that a mean is of.
        input_zero_point: zero point of the input.
        output_zero_point: zero point of the output.
    """

    shape: Shape
    axes: tuple[int, ...]
    factor: Factor
    input_zero_point: int
    output_zero_point: int

    @property
    def count(self) -> int:
        """Values that a mean is of."""
        return int(np.prod([self.shape[axis] for axis in self.axes]))

    @staticmethod
    def factor_of(ratio: float, count: int) -> Factor:
        """The input's scale by the output's, divided by the count; the quotient of integers is truncated."""
        whole = Factor.of(ratio)
        bits = min(count.bit_length() - 1, 32, 31 + whole.shift)
        return Factor((whole.value << bits) // count, whole.shift - bits)

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, *shape] to int8 [streams, calls, ...] without the axes."""
        x = inputs[0]
        x = x.reshape(*x.shape[:2], *self.shape).astype(np.int64)
        total = x.sum(axis=tuple(2 + axis for axis in self.axes)) - self.count * self.input_zero_point  # MEAN/1
        return moved(multiply(total, self.factor), self.output_zero_point, INT8_MIN, INT8_MAX)  # MEAN/2
