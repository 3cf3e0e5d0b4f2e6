"""The int8 convolution, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/conv_2d.c``; specified in docs/SPEC.md, "Convolution". Source: TensorFlow Lite
``reference/integer_ops/conv.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.convolution import Convolution
from kws.fixedpoint.layers.kernel import Values


@dataclass(frozen=True)
class Conv2D(Convolution):
    """A convolution, in groups of channels where the weights are of fewer channels than the image.

    The weights are int8 [outputs, kernel rows, kernel columns, channels of a group].
    """

    @property
    def outputs(self) -> int:
        """Channels of the output."""
        return int(self.weights.shape[0])

    @property
    def groups(self) -> int:
        """Groups that the channels fall into."""
        return self.window.channels // int(self.weights.shape[3])

    @property
    def macs_per_output(self) -> int:
        """One for each weight of a channel; taps beyond the edge are counted too."""
        return int(np.prod(self.weights.shape[1:]))

    @cached_property
    def _columns(self) -> npt.NDArray[np.float64]:
        """Weights as float64 [kernel rows, kernel columns, groups, channels of a group, outputs of a group]."""
        _, rows, columns, depth = self.weights.shape
        grouped = self.weights.reshape(self.groups, -1, rows, columns, depth).astype(np.float64)
        return np.ascontiguousarray(grouped.transpose(2, 3, 0, 4, 1))

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, 1, rows, columns, channels] to [streams * calls, rows, columns, outputs]."""
        x = inputs[0].reshape(inputs[0].shape[0] * inputs[0].shape[1], -1).astype(np.float64) - self.input_zero_point
        sums = np.zeros((len(x), *self.window.output, self.groups, self.outputs // self.groups))
        # float64 products are exact: every sum is far below 2^53, and BLAS is fast.
        for (i, j), view in self.window.views(x, 0):
            sums += _product(view, self._columns[i, j])
        # CONV_2D/1 is the sum, /2 the rest.
        return self.output.of(sums.reshape(*sums.shape[:3], self.outputs).astype(np.int64) + self.bias)


def _product(view: Values, columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[n, rows, columns, channels] by [groups, channels of a group, outputs of a group], for each group."""
    groups, depth, outputs = columns.shape
    product: npt.NDArray[np.float64]
    if groups == 1:
        # As one matrix product it is several times faster.
        product = view.reshape(-1, depth) @ columns[0]
    else:
        product = (view.reshape(-1, groups, 1, depth) @ columns)[:, :, 0]
    return product.reshape(*view.shape[:3], groups, outputs)
