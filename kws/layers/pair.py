"""Reading and writing what ADD, SUB and MUL share: two operands that are broadcast to one shape."""

from __future__ import annotations

import math

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.pair import Operand, Pair
from kws.layers.kind import Operands, require_int8
from kws.layers.walk import AXES, braced, merged, strides


def operands(o: Operands) -> tuple[tuple[Operand, Operand], Shape]:
    """Both operands with as many dimensions as the output, and the output's dimensions.

    Raises:
        KwsError: they cannot be broadcast, or are not int8.
    """
    shapes = o.shapes[:2]
    if len(shapes) != 2:
        raise KwsError(f"has {len(shapes)} inputs, not 2")
    axes = max(len(shape) for shape in shapes)
    if axes > AXES:
        raise KwsError(f"its inputs have {axes} axes; at most {AXES} can run")
    made = []
    for position, shape in enumerate(shapes):
        tensor = o.activation(position)
        require_int8(tensor, "its input")
        full = (1,) * (axes - len(shape)) + shape
        data = None if tensor.data is None else tensor.data.reshape(full)
        made.append(Operand(full, tensor.zero_point, data))
    first, second = made
    try:
        shape = np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        raise KwsError(f"its inputs of shapes {list(shapes[0])} and {list(shapes[1])} do not go together") from None
    if max(math.prod(operand.shape) for operand in made) == 0:
        raise KwsError("an input has no values")
    return (first, second), tuple(int(n) for n in shape)


def emit_pair(name: str, kernel: Pair) -> tuple[list[str], str]:
    """Constant values, and a kws_pair initialiser."""
    dims, walks = merged(kernel.shape, *(strides(operand.shape) for operand in kernel.operands))
    texts, constants = [], []
    for number, operand in enumerate(kernel.operands):
        constant = "NULL"
        if operand.constant is not None:
            constant = f"{name}_constant_{number}"
            texts.append(emit.array("int8_t", constant, operand.constant.reshape(-1), align=4))
        constants.append(constant)
    rows = [
        f"{{{', '.join(constants)}}}",
        braced(dims),
        f"{{{', '.join(braced(walk) for walk in walks)}}}",
        braced([operand.zero_point for operand in kernel.operands]),
        *map(str, (kernel.zero_point, kernel.low, kernel.high)),
    ]
    return texts, "{" + ", ".join(rows) + "}"
