"""RESHAPE: the values keep their order, so nothing is computed and nothing copied."""

from __future__ import annotations

import math

from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.layers.kind import Kind, Operands


def read(o: Operands) -> tuple[None, Shape]:
    """No kernel, and the output's dimensions.

    Raises:
        KwsError: the dimensions hold another number of values.
    """
    if math.prod(o.out.shape) != math.prod(o.shape):
        raise KwsError(f"cannot make {list(o.out.shape)} of {list(o.shape)}")
    return None, o.out.shape


KIND = Kind(operators=("RESHAPE",), read=read)
