"""The operator QUANTIZE from int16, to int16, or both.

Twin of ``firmware/src/layers/quantize16.c``; specified in docs/SPEC.md, "Quantize".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kws.fixedpoint.arithmetic import Factor, clamp, multiply, wrap
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Values

BYTES: dict[str, np.dtype[np.signedinteger[Any]]] = {"int8": np.dtype(np.int8), "int16": np.dtype("<i2")}
"""How the values of a tensor lie in its bytes: of an int16 the lower byte first."""


@dataclass(frozen=True)
class Quantize16(Kernel):
    """One scale, zero point and type to another: TFLM's ``Requantize``, of int16 where :class:`Quantize` has int8.

    Source: TensorFlow Lite ``reference/requantize.h``.

    Attributes:
        factor: the input's scale by the output's.
        input_type: ``int8`` or ``int16``.
        input_zero_point: zero point of the input.
        output_type: ``int8`` or ``int16``.
        output_zero_point: zero point of the output.
    """

    factor: Factor
    input_type: str
    input_zero_point: int
    output_type: str
    output_zero_point: int

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """Bytes of the values [streams, calls, ...] to those of the output's."""
        x = np.ascontiguousarray(inputs[0]).view(BYTES[self.input_type])
        scaled = multiply(x.astype(np.int64) - self.input_zero_point, self.factor)  # QUANTIZE/1
        made = BYTES[self.output_type]
        low, high = np.iinfo(made).min, np.iinfo(made).max
        y = clamp(wrap(scaled + self.output_zero_point), low, high)  # QUANTIZE/2
        result: Int8 = y.astype(made).view(np.int8)
        return result
