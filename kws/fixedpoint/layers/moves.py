"""Layers that move bytes and compute nothing: PAD, CONCATENATION, STRIDED_SLICE and SPLIT.

Twin of ``firmware/src/layers/pad.c``, ``concatenation.c`` and ``strided_slice.c``; specified in docs/SPEC.md,
"Layers that move values".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Shape, Values


@dataclass(frozen=True)
class Pad(Kernel):
    """Values around a tensor.

    Attributes:
        shape: dimensions of the input.
        edges: what is put before and behind, for each axis.
        value: what is put there.
    """

    shape: Shape
    edges: tuple[tuple[int, int], ...]
    value: int

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, *shape] to the larger one."""
        x = inputs[0]
        x = x.reshape(*x.shape[:2], *self.shape)
        return np.pad(x, [(0, 0), (0, 0), *self.edges], constant_values=self.value)


@dataclass(frozen=True)
class Concatenation(Kernel):
    """Tensors one behind another along an axis.

    Attributes:
        axis: the axis.
        shapes: dimensions of each.
    """

    axis: int
    shapes: tuple[Shape, ...]

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, *shape] of each to the larger one."""
        parts = [x.reshape(*x.shape[:2], *shape) for x, shape in zip(inputs, self.shapes, strict=True)]
        return np.concatenate(parts, axis=2 + self.axis)


@dataclass(frozen=True)
class StridedSlice(Kernel):
    """Some of the values along each axis.

    Attributes:
        shape: dimensions of the input.
        picked: the indices that are kept, for each axis.
    """

    shape: Shape
    picked: tuple[range, ...]

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, *shape] to the smaller one."""
        x = inputs[0]
        x = x.reshape(*x.shape[:2], *self.shape)
        return x[(slice(None), slice(None), *(slice(r.start, r.stop, r.step) for r in self.picked))].copy()
