"""Averages and maxima of windows, exactly as TFLM's reference kernels compute them.

Twin of ``firmware/src/layers/pool_2d.c``; specified in docs/SPEC.md, "Pools". Source: TensorFlow Lite
``reference/integer_ops/pooling.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arithmetic import INT8_MIN, clamp
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Values
from kws.fixedpoint.layers.window import Window


@dataclass(frozen=True)
class Pool2D(Kernel):
    """Each channel by itself; what lies beyond the edge takes no part.

    Attributes:
        window: what moves over the image.
        average: the average, or else the maximum.
        low: lowest output, from the fused activation.
        high: highest output.
    """

    window: Window
    average: bool
    low: int
    high: int

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, 1, rows, columns, channels] to [streams * calls, rows, columns, channels]."""
        x = inputs[0].reshape(inputs[0].shape[0] * inputs[0].shape[1], -1).astype(np.int32)
        shape = (len(x), *self.window.output, self.window.channels)
        if self.average:
            total = np.zeros(shape, np.int64)  # POOL_2D/1
            for _, view in self.window.views(x, 0):
                total += view
            count = self.window.inside()[..., None]
            value = np.sign(total) * ((np.abs(total) + count // 2) // count)  # POOL_2D/2
        else:
            value = np.full(shape, INT8_MIN, np.int64)
            for _, view in self.window.views(x, INT8_MIN):
                value = np.maximum(value, view)  # POOL_2D/3
        return clamp(value, self.low, self.high).astype(np.int8)  # POOL_2D/4
