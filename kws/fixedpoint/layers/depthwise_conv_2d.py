"""The int8 depthwise convolution, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/depthwise_conv_2d.c``; specified in docs/SPEC.md, "Depthwise convolution".
Source: TensorFlow Lite ``reference/integer_ops/depthwise_conv.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Values
from kws.fixedpoint.layers.requantize import Output
from kws.fixedpoint.layers.window import Window


@dataclass(frozen=True)
class DepthwiseConv2D(Kernel):
    """A convolution of each channel by itself; output channel c * multiplier + k is made of channel c.

    Attributes:
        window: what moves over the image.
        weights: int8 [kernel rows, kernel columns, outputs], zero point 0.
        bias: int32 [outputs].
        input_zero_point: zero point of the input.
        output: from sums to int8.
    """

    window: Window
    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    input_zero_point: int
    output: Output

    @property
    def outputs(self) -> int:
        """Channels of the output."""
        return int(self.weights.shape[2])

    @property
    def multiplier(self) -> int:
        """Channels of the output for each of the input's."""
        return self.outputs // self.window.channels

    @property
    def macs_per_output(self) -> int:
        """One for each tap; those beyond the edge are counted too."""
        return self.window.taps

    @property
    def weight_bytes(self) -> int:
        """int8 weights and int32 biases."""
        return self.weights.size + 4 * self.outputs

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, 1, rows, columns, channels] to [streams * calls, rows, columns, outputs]."""
        x = inputs[0].reshape(inputs[0].shape[0] * inputs[0].shape[1], -1).astype(np.int32) - self.input_zero_point
        weights = self.weights.astype(np.int32)
        sums = np.broadcast_to(self.bias, (len(x), *self.window.output, self.outputs)).copy()
        # DEPTHWISE_CONV_2D/1 is the sum, /2 the rest.
        for (i, j), view in self.window.views(x, 0):
            sums += np.repeat(view, self.multiplier, axis=3) * weights[i, j]
        return self.output.of(sums)
