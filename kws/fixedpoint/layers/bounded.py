"""What the kernels of bounded functions, logistic and tanh, have in common: their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Kernel
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
