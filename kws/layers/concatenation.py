"""CONCATENATION and PACK: reading and writing. What it computes: kws/fixedpoint/layers/moves.py."""

from __future__ import annotations

import math

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.moves import Concatenation
from kws.fixedpoint.network import Layer
from kws.layers.kind import NONE, Constants, Kind, Operands, require_same


def read(o: Operands) -> tuple[Concatenation, Shape]:
    """The kernel and the output's dimensions. PACK joins its inputs along an axis that they do not have yet.

    Raises:
        KwsError: shapes that do not fit, a constant, or unequal scales.
    """
    if o.option("FusedActivationFunction") != NONE:
        raise KwsError("has a fused activation; TFLM refuses it too")
    shapes = o.shapes
    new = o.op.name == "PACK"
    axes = len(shapes[0]) + new
    axis = o.option("Axis")
    if not -axes <= axis < axes:
        raise KwsError(f"goes along axis {axis} of inputs of {axes} axes")
    axis %= axes
    if new:
        shapes = tuple((*shape[:axis], 1, *shape[axis:]) for shape in shapes)
    for position, shape in enumerate(shapes):
        tensor = o.activation(position)
        if tensor.data is not None:
            raise KwsError(f"its input {tensor.name!r} is constant")
        require_same(tensor, o.out)
        if len(shape) != axes or shape[:axis] != shapes[0][:axis] or shape[axis + 1 :] != shapes[0][axis + 1 :]:
            raise KwsError(f"its inputs of shapes {list(shapes[0])} and {list(shape)} do not go together")
    total = sum(shape[axis] for shape in shapes)
    return Concatenation(axis, shapes), (*shapes[0][:axis], total, *shapes[0][axis + 1 :])


def write(name: str, layer: Layer) -> Constants:
    """The sizes of the parts, and the structure ``kws_concatenation``."""
    kernel = layer.kernel
    assert isinstance(kernel, Concatenation)
    sizes = np.array([math.prod(shape[kernel.axis :]) for shape in kernel.shapes])
    fields: dict[str, str | int] = {
        "sizes": f"{name}_sizes",
        "parts": len(sizes),
        "blocks": math.prod(kernel.shapes[0][: kernel.axis]),
    }
    return Constants(
        (emit.array("uint16_t", f"{name}_sizes", sizes), emit.structure("kws_concatenation", name, fields))
    )


KIND = Kind(operators=("CONCATENATION", "PACK"), read=read, kernel=Concatenation, name="concatenation", emit=write)
