"""RESHAPE: the values keep their order, so nothing is computed and nothing copied."""

from __future__ import annotations

import math

import numpy as np

from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.layers.kind import Kind, Operands, constant


def read(o: Operands) -> tuple[None, Shape]:
    """No kernel, and the output's dimensions.

    Raises:
        KwsError: the dimensions hold another number of values, or the output is of another type.
    """
    if o.source.dtype != o.out.dtype:
        raise KwsError(f"its output is {o.out.dtype}, its input {o.source.dtype}")
    size = math.prod(o.shape)
    wanted = o.at(1)
    shape = o.out.shape
    if wanted is not None:
        shape = tuple(int(n) for n in constant(wanted, "its dimensions", np.int32).reshape(-1))
        if shape.count(-1) == 1:
            rest = -math.prod(shape)
            shape = tuple(size // rest if n == -1 and rest > 0 else n for n in shape)
    if min(shape, default=0) < 1 or math.prod(shape) != size:
        raise KwsError(f"cannot make {list(shape)} of {list(o.shape)}")
    return None, shape


KIND = Kind(operators=("RESHAPE",), read=read, wide=True)
