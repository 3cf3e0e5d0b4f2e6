"""SOFTMAX over the last axis: reading and writing. What it computes: kws/fixedpoint/layers/softmax.py."""

from __future__ import annotations

import math

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.softmax import Softmax
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, require_posteriors

GREATEST_SIZE = 511
"""With more values the sum of exponentials can leave the kernel's fixed-point range."""


def read(o: Operands) -> tuple[Softmax, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: outputs, sizes or scales that the kernel does not have.
    """
    require_posteriors(o.out)
    size = o.shape[-1]
    if size > GREATEST_SIZE:
        raise KwsError(f"it is over {size} values; at most {GREATEST_SIZE} can run")
    try:
        return Softmax.of(o.source.scale, float(o.op.options.get("Beta", 1.0))), o.shape
    except ValueError as error:
        raise KwsError(str(error)) from error


def write(name: str, layer: Layer) -> Constants:
    """The exponentials of all differences that count, and the structure ``kws_softmax``."""
    kernel = layer.kernel
    assert isinstance(kernel, Softmax)
    shape = layer.output_shape
    fields: dict[str, str | int] = {
        "exponentials": f"{name}_exponential_weights",
        "differences": len(kernel.exponentials),
        "rows": math.prod(shape[:-1]),
        "size": shape[-1],
    }
    return Constants(
        (
            emit.array("int32_t", f"{name}_exponential_weights", kernel.exponentials),
            emit.structure("kws_softmax", name, fields),
        )
    )


KIND = Kind(operators=("SOFTMAX",), read=read, kernel=Softmax, name="softmax", emit=write)
