"""The int8 fully connected layer, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/fully_connected.c``; specified in docs/SPEC.md, "Fully connected".
Source: TensorFlow Lite ``reference/integer_ops/fully_connected.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arithmetic import Factor, clamp, columns, multiply_by, wrap
from kws.fixedpoint.arrays import Int8, Int64
from kws.fixedpoint.layers.kernel import Kernel, Values, rows_of


@dataclass(frozen=True)
class FullyConnected(Kernel):
    """A fully connected layer, per tensor (one factor) or per channel (one an output).

    Attributes:
        weights: int8 [outputs, inputs], zero point 0.
        bias: int32 [outputs].
        input_zero_point: zero point of the input.
        output_zero_point: zero point of the output.
        factors: requantization, one or ``outputs`` of them.
        activation_min: lowest output, from the fused activation.
        activation_max: highest output.
    """

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    input_zero_point: int
    output_zero_point: int
    factors: tuple[Factor, ...]
    activation_min: int
    activation_max: int

    @property
    def outputs(self) -> int:
        """Width of the output."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Width of the input."""
        return int(self.weights.shape[1])

    @property
    def macs_per_output(self) -> int:
        """One for each input."""
        return self.inputs

    @property
    def weight_bytes(self) -> int:
        """int8 weights and int32 biases."""
        return self.outputs * (self.inputs + 4)

    @cached_property
    def _prepared(self) -> tuple[npt.NDArray[np.float64], Int64, tuple[Int64, Int64, Int64]]:
        """Transposed weights, biases with the input's zero point folded in, and the factors' columns."""
        wide = self.weights.astype(np.int64)
        folded = self.bias.astype(np.int64) - self.input_zero_point * wide.sum(axis=1)
        return np.ascontiguousarray(wide.T, np.float64), folded, columns(self.factors)

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, ...], cut into rows of ``inputs``, to int8 [streams, calls, rows, outputs]."""
        weights, folded, factors = self._prepared
        x = rows_of(inputs[0], self.inputs)
        # float64 products are exact: every sum is far below 2^53, and BLAS is fast.
        products = x.astype(np.float64) @ weights
        # FULLY_CONNECTED/1 is the sum, /2 the rest.
        scaled = multiply_by(products.astype(np.int64) + folded, *factors)
        moved = wrap(scaled + self.output_zero_point)
        return clamp(moved, self.activation_min, self.activation_max).astype(np.int8)
