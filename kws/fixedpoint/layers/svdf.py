"""SVDF with an int16 state, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/svdf.c``; specified in docs/SPEC.md, "SVDF". Source: TensorFlow Lite Micro
``kernels/svdf_common.cc``, ``EvalInt16SvdfReference``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, INT16_MAX, INT16_MIN, Factor, clamp, multiply
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, State, Values
from kws.fixedpoint.layers.requantize import moved


@dataclass(frozen=True)
class Svdf(Kernel):
    """A rank-limited layer over the newest inputs: filters along the features, then along time.

    Attributes:
        features: int8 [filters, inputs], zero point 0; ``rank`` filters in a row are a unit's.
        time: int16 [filters, memory], the oldest first.
        bias: int32 [units].
        input_zero_point: zero point of the input.
        output_zero_point: zero point of the output.
        factor_1: from the sum over features to the state.
        factor_2: from the sum over time to the output.
    """

    features: npt.NDArray[np.int8]
    time: npt.NDArray[np.int16]
    bias: npt.NDArray[np.int32]
    input_zero_point: int
    output_zero_point: int
    factor_1: Factor
    factor_2: Factor

    @property
    def units(self) -> int:
        """Width of the output."""
        return len(self.bias)

    @property
    def states(self) -> tuple[State, ...]:
        """Each filter's newest values, the oldest first."""
        return (State("activation", "int16", (self.time.size,), 0),)

    @property
    def macs_per_output(self) -> int:
        """Of both filters of a unit."""
        return (self.features.size + self.time.size) // self.units

    @property
    def weight_bytes(self) -> int:
        """int8 and int16 weights, int32 biases."""
        return self.features.size + 2 * self.time.size + 4 * self.units

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, 1, inputs] to [streams, calls, units]."""
        x = inputs[0]
        streams, calls = x.shape[:2]
        filters, memory = self.time.shape
        centred = x.reshape(streams, calls, -1).astype(np.float64) - self.input_zero_point
        # float64 products are exact: every sum is far below 2^53, and BLAS is fast.
        sums = (centred @ self.features.T.astype(np.float64)).astype(np.int64)  # SVDF/1
        new = clamp(multiply(sums, self.factor_1), INT16_MIN, INT16_MAX)  # SVDF/2
        (held,) = states
        every = np.concatenate([held[:, 0].reshape(streams, filters, memory), new.transpose(0, 2, 1)], axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(every, memory, axis=2)[:, :, 1:]
        held[:, 1:] = windows.transpose(0, 2, 1, 3).reshape(streams, calls, -1)
        over_time = np.einsum("sfcm,fm->scf", windows, self.time.astype(np.int64))  # SVDF/3
        total = over_time.reshape(streams, calls, self.units, -1).sum(axis=3) + self.bias
        return moved(multiply(total, self.factor_2), self.output_zero_point, INT8_MIN, INT8_MAX)  # SVDF/4
