"""The window that convolutions and pools move over an image.

Twin of ``firmware/src/layers/window.h``; specified in docs/SPEC.md, "Windows".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arrays import Int64
from kws.fixedpoint.layers.kernel import Values

Pair = tuple[int, int]
"""Of rows and of columns."""


@dataclass(frozen=True)
class Window:
    """Where the window's taps lie; each pair is of rows and columns.

    Attributes:
        image: the image that it moves over.
        channels: values of a pixel of it.
        output: positions of the window.
        kernel: its taps.
        stride: pixels from one position to the next.
        dilation: pixels from one tap to the next.
        before: pixels by which the first position begins before the image.
    """

    image: Pair
    channels: int
    output: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair

    @property
    def taps(self) -> int:
        """Taps in all."""
        return self.kernel[0] * self.kernel[1]

    def views(self, x: Values, outside: int) -> Iterator[tuple[Pair, Values]]:
        """What each tap sees at all positions.

        Args:
            x: [images, rows * columns * channels] in any shape of that size.
            outside: the value beyond the image's edge.

        Yields:
            The tap's row and column, and [images, output rows, output columns, channels].
        """
        x = x.reshape(len(x), *self.image, self.channels)
        after = [
            max(0, (o - 1) * s + (k - 1) * d + 1 - b - n)
            for o, s, k, d, b, n in zip(
                self.output, self.stride, self.kernel, self.dilation, self.before, self.image, strict=True
            )
        ]
        edges = [(0, 0), *zip(self.before, after, strict=True), (0, 0)]
        x = np.pad(x, edges, constant_values=outside)
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                rows, columns = (
                    slice(k * d, k * d + (o - 1) * s + 1, s)
                    for k, d, o, s in zip((i, j), self.dilation, self.output, self.stride, strict=True)
                )
                yield (i, j), x[:, rows, columns]

    def inside(self) -> Int64:
        """Taps that lie in the image: int64 [output rows, output columns]."""
        ones = np.ones((1, self.image[0] * self.image[1] * self.channels), np.int64)
        total = sum(view[0, ..., 0] for _, view in self.views(ones, 0))
        return np.asarray(total, np.int64)
