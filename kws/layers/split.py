"""SPLIT and SPLIT_V: a slice for each output. What it computes: kws/fixedpoint/layers/moves.py."""

from __future__ import annotations

import numpy as np

from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.moves import StridedSlice
from kws.layers.kind import Kind, Operands, constant


def read(o: Operands) -> tuple[StridedSlice, Shape]:
    """The kernel of one output, and its dimensions.

    Raises:
        KwsError: an axis or sizes that do not fit.
    """
    by_size = o.op.name == "SPLIT_V"
    value, axis_at = (0, 2) if by_size else (1, 0)
    if len(o.tensors) != (3 if by_size else 2):
        raise KwsError(f"has {len(o.tensors)} inputs")
    shape = o.shapes[value]
    axis = int(constant(o.at(axis_at), "its axis", np.int32).reshape(-1)[0])
    if not -len(shape) <= axis < len(shape):
        raise KwsError(f"goes along axis {axis} of an input of shape {list(shape)}")
    axis %= len(shape)
    count = len(o.op.outputs)
    if by_size:
        sizes = [int(n) for n in constant(o.at(1), "its sizes", np.int32).reshape(-1)]
        if sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = shape[axis] - sum(n for n in sizes if n >= 0)
    else:
        sizes = [shape[axis] // count] * count
    if len(sizes) != count or sum(sizes) != shape[axis] or min(sizes) < 1:
        raise KwsError(f"makes {count} parts of {sizes} of an axis of {shape[axis]}")
    start = sum(sizes[: o.number])
    picked = [range(n) for n in shape]
    picked[axis] = range(start, start + sizes[o.number])
    return StridedSlice(shape, tuple(picked)), tuple(len(r) for r in picked)


KIND = Kind(operators=("SPLIT", "SPLIT_V"), read=read, source=None, many=True)
