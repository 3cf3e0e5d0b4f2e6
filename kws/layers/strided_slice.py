"""STRIDED_SLICE along time: reading and writing. What it computes: kws/fixedpoint/layers/row_slice.py."""

from __future__ import annotations

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.row_slice import RowSlice
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, constant


def read(o: Operands) -> tuple[RowSlice | None, Shape]:
    """The kernel, or None if all rows are kept, and the output's dimensions.

    Raises:
        KwsError: limits that do not fit, or another axis than time.
    """
    shape, options = o.shape, o.op.options
    if len(o.tensors) != 4:
        raise KwsError(f"has {len(o.tensors)} inputs, not 4")
    begin, end, strides = ([int(v) for v in constant(t, "slice limits", np.int32).reshape(-1)] for t in o.tensors[1:])
    if not len(begin) == len(end) == len(strides):
        raise KwsError("its limits and strides have different lengths")
    if o.option("EllipsisMask") or o.option("NewAxisMask") or options.get("Offset"):
        raise KwsError("uses an ellipsis, a new axis or an offset")
    if len(begin) > len(shape):
        raise KwsError(f"slices {len(begin)} axes of a tensor that has {len(shape)}")
    picked: list[range] = []
    new_shape: list[int] = []
    for axis, size in enumerate(shape):
        if axis >= len(begin):
            picked.append(range(size))
            new_shape.append(size)
        elif o.option("ShrinkAxisMask") >> axis & 1:
            if o.option("BeginMask") >> axis & 1:
                # In TensorFlow the index counts, in TFLM the mask.
                raise KwsError(f"axis {axis} is both dropped at an index and masked at its beginning")
            index = begin[axis] + (size if begin[axis] < 0 else 0)
            if not 0 <= index < size:
                raise KwsError(f"index {begin[axis]} is outside an axis of {size}")
            picked.append(range(index, index + 1))
        else:
            low = None if o.option("BeginMask") >> axis & 1 else begin[axis]
            high = None if o.option("EndMask") >> axis & 1 else end[axis]
            if strides[axis] <= 0:
                raise KwsError("a stride is not positive")
            picked.append(range(size)[low : high : strides[axis]])
            new_shape.append(len(picked[-1]))
    if len(shape) != 3 or shape[0] != 1 or len(picked[0]) != 1 or len(picked[2]) != shape[2] or not len(picked[1]):
        raise KwsError("only a slice along time of [1, steps, values] can run")
    rows = picked[1]
    kernel = None if len(rows) == shape[1] else RowSlice(rows.start, rows.step, len(rows))
    return kernel, tuple(new_shape)


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_row_slice``."""
    kernel = layer.kernel
    assert isinstance(kernel, RowSlice)
    fields: dict[str, str | int] = {
        "start": kernel.start,
        "step": kernel.step,
        "rows": kernel.rows,
        "size": layer.output_size // kernel.rows,
    }
    return Constants((emit.structure("kws_row_slice", name, fields),))


KIND = Kind(operators=("STRIDED_SLICE",), read=read, kernel=RowSlice, name="row_slice", emit=write)
