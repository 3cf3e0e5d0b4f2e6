"""STRIDED_SLICE: reading it, and writing what is not a slice along time alone.

What it computes: kws/fixedpoint/layers/moves.py, and along time kws/fixedpoint/layers/row_slice.py.
"""

from __future__ import annotations

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.moves import StridedSlice
from kws.fixedpoint.layers.row_slice import RowSlice
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, constant
from kws.layers.walk import AXES, emit_move, strides


def _limits(o: Operands) -> tuple[list[int], list[int], list[int]]:
    """Beginnings, ends and strides.

    Raises:
        KwsError: they are not constant, do not fit, or have something that the firmware does not have.
    """
    if len(o.tensors) != 4:
        raise KwsError(f"has {len(o.tensors)} inputs, not 4")
    begin, end, strides = ([int(v) for v in constant(t, "slice limits", np.int32).reshape(-1)] for t in o.tensors[1:])
    if not len(begin) == len(end) == len(strides):
        raise KwsError("its limits and strides have different lengths")
    if o.option("EllipsisMask") or o.option("NewAxisMask") or o.op.options.get("Offset"):
        raise KwsError("uses an ellipsis, a new axis or an offset")
    if len(begin) > len(o.shape):
        raise KwsError(f"slices {len(begin)} axes of a tensor that has {len(o.shape)}")
    return begin, end, strides


def picked(o: Operands) -> tuple[list[range], list[int]]:
    """The indices that are kept of each axis, and the output's dimensions.

    Raises:
        KwsError: limits that do not fit.
    """
    begin, end, steps = _limits(o)
    kept: list[range] = []
    new_shape: list[int] = []
    for axis, size in enumerate(o.shape):
        if axis >= len(begin):
            kept.append(range(size))
            new_shape.append(size)
        elif o.option("ShrinkAxisMask") >> axis & 1:
            if o.option("BeginMask") >> axis & 1:
                # In TensorFlow the index counts, in TFLM the mask.
                raise KwsError(f"axis {axis} is both dropped at an index and masked at its beginning")
            index = begin[axis] + (size if begin[axis] < 0 else 0)
            if not 0 <= index < size:
                raise KwsError(f"index {begin[axis]} is outside an axis of {size}")
            kept.append(range(index, index + 1))
        else:
            low = None if o.option("BeginMask") >> axis & 1 else begin[axis]
            high = None if o.option("EndMask") >> axis & 1 else end[axis]
            if steps[axis] <= 0:
                raise KwsError("a stride is not positive")
            kept.append(range(size)[low : high : steps[axis]])
            new_shape.append(len(kept[-1]))
    return kept, new_shape


def read(o: Operands) -> tuple[RowSlice | StridedSlice | None, Shape]:
    """The kernel, or None if all rows are kept, and the output's dimensions.

    Raises:
        KwsError: limits that do not fit.
    """
    shape = o.shape
    kept, new_shape = picked(o)
    if len(shape) > AXES or not all(len(r) for r in kept):
        raise KwsError(f"keeps nothing of an input of shape {list(shape)}, or has more than {AXES} axes")
    if all(len(r) == n for r, n in zip(kept, shape, strict=True)):
        return None, tuple(new_shape)
    if len(shape) == 3 and shape[0] == 1 and len(kept[2]) == shape[2]:
        rows = kept[1]
        return RowSlice(rows.start, rows.step, len(rows)), tuple(new_shape)
    return StridedSlice(shape, tuple(kept)), tuple(new_shape)


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_strided_slice``."""
    kernel = layer.kernel
    assert isinstance(kernel, StridedSlice)
    picked = tuple(len(r) for r in kernel.picked)
    apart = strides(kernel.shape)
    first = sum(r.start * step for r, step in zip(kernel.picked, apart, strict=True))
    steps = [r.step * step for r, step in zip(kernel.picked, apart, strict=True)]
    fields: dict[str, str | int] = {"move": emit_move(first, 0, picked, [steps, strides(picked)])}
    return Constants((emit.structure("kws_strided_slice", name, fields),))


KIND = Kind(operators=(), read=read, kernel=StridedSlice, name="strided_slice", emit=write)
