"""What the kernels of bounded functions, logistic and tanh, have in common: their input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, Factor
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Values
from kws.fixedpoint.layers.softmax import input_radius

INPUT_INTEGER_BITS = 4


@dataclass(frozen=True)
class Bounded(Kernel):
    """A function of one value that is constant far from 0.

    Attributes:
        input_zero_point: zero point of the input.
        factor: the input's scale as a factor to Q4.27.
        radius: inputs at or beyond this distance from the zero point clamp.
    """

    input_zero_point: int
    factor: Factor
    radius: int

    @classmethod
    def of(cls, input_scale: float, input_zero_point: int) -> Self:
        """Derive the parameters as TFLM's ``CalculateArithmeticOpDataLogistic`` and ``...Tanh`` do."""
        factor = Factor.of(input_scale * 2.0 ** (31 - INPUT_INTEGER_BITS))
        return cls(input_zero_point, factor, input_radius(INPUT_INTEGER_BITS, factor.shift))

    @abstractmethod
    def values(self, x: Int8) -> Int8:
        """The function of int8 of any shape."""

    @cached_property
    def _table(self) -> Int8:
        # There are only 256 inputs, and a loop asks for few of them at a time but often.
        return self.values(np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int8))

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 of any shape to int8 of the same shape."""
        return self._table[inputs[0].astype(np.int64) - INT8_MIN]
