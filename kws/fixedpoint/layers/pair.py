"""ADD, SUB and MUL of two tensors, exactly as TFLM's reference kernels compute them.

Twin of ``firmware/src/layers/add.c`` and ``mul.c``; specified in docs/SPEC.md, "Sum and difference" and
"Product". Source: TensorFlow Lite ``reference/integer_ops/add.h``, ``mul.h`` and ``reference/sub.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arithmetic import Factor, multiply
from kws.fixedpoint.arrays import Int8, Int64
from kws.fixedpoint.layers.kernel import Kernel, Shape, Values
from kws.fixedpoint.layers.requantize import moved

LEFT_SHIFT = 20
"""Bits that ADD and SUB gain before they scale."""


@dataclass(frozen=True)
class Operand:
    """One of the two.

    Attributes:
        shape: its dimensions, as many as the output's; one of 1 is broadcast.
        zero_point: its zero point.
        constant: its values, int8 of that shape, where it is no layer's output.
    """

    shape: Shape
    zero_point: int
    constant: npt.NDArray[np.int8] | None = None


@dataclass(frozen=True)
class Pair(Kernel):
    """What both have: two operands, one of which may be constant.

    Attributes:
        operands: the two.
        zero_point: of the output.
        low: lowest output, from the fused activation.
        high: highest output.
    """

    operands: tuple[Operand, Operand]
    zero_point: int
    low: int
    high: int

    @property
    def shape(self) -> Shape:
        """Dimensions of the output."""
        return tuple(max(a, b) for a, b in zip(*(o.shape for o in self.operands), strict=True))

    @property
    def weight_bytes(self) -> int:
        """The constant one's."""
        return sum(o.constant.size for o in self.operands if o.constant is not None)

    def centred(self, inputs: Sequence[Int8]) -> list[Int64]:
        """Both operands without their zero points: int64 [streams, calls, *shape], to be broadcast."""
        rest = iter(inputs)
        values: list[Int64] = []
        for o in self.operands:
            if o.constant is not None:
                values.append(o.constant.astype(np.int64)[None, None] - o.zero_point)
            else:
                x = next(rest)
                values.append(x.reshape(*x.shape[:2], *o.shape).astype(np.int64) - o.zero_point)
        return values


@dataclass(frozen=True)
class Add(Pair):
    """The sum, or the difference.

    Attributes:
        factors: of the first, of the second and of the result.
        subtract: whether the second is subtracted.
    """

    factors: tuple[Factor, Factor, Factor]
    subtract: bool = False

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, ...] of both to int8 [streams, calls, *shape]."""
        a, b = (
            multiply(x << LEFT_SHIFT, f) for x, f in zip(self.centred(inputs), self.factors[:2], strict=True)
        )  # ADD/1
        total = a - b if self.subtract else a + b  # ADD/2
        return moved(multiply(total, self.factors[2]), self.zero_point, self.low, self.high)  # ADD/3


@dataclass(frozen=True)
class Mul(Pair):
    """The product.

    Attributes:
        factor: both scales by the output's.
    """

    factor: Factor

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, ...] of both to int8 [streams, calls, *shape]."""
        a, b = self.centred(inputs)
        return moved(multiply(a * b, self.factor), self.zero_point, self.low, self.high)  # MUL/1
