"""The int8 depthwise convolution, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/depthwise_conv_2d.c``; specified in docs/SPEC.md, "Depthwise convolution".
Source: TensorFlow Lite ``reference/integer_ops/depthwise_conv.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.convolution import Convolution
from kws.fixedpoint.layers.kernel import Values


@dataclass(frozen=True)
class DepthwiseConv2D(Convolution):
    """A convolution of each channel by itself; output channel c * multiplier + k is made of channel c.

    The weights are int8 [kernel rows, kernel columns, outputs].
    """

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

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, 1, rows, columns, channels] to [streams * calls, rows, columns, outputs]."""
        x = inputs[0].reshape(inputs[0].shape[0] * inputs[0].shape[1], -1).astype(np.int32) - self.input_zero_point
        weights = self.weights.astype(np.int32)
        sums = np.broadcast_to(self.bias, (len(x), *self.window.output, self.outputs)).copy()
        # DEPTHWISE_CONV_2D/1 is the sum, /2 the rest.
        for (i, j), view in self.window.views(x, 0):
            sums += np.repeat(view, self.multiplier, axis=3) * weights[i, j]
        return self.output.of(sums)
