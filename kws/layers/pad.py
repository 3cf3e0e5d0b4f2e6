"""PAD: reading and writing. What it computes: kws/fixedpoint/layers/moves.py."""

from __future__ import annotations

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.moves import Pad
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, constant, require_same
from kws.layers.walk import AXES, emit_move, strides


def read(o: Operands) -> tuple[Pad | None, Shape]:
    """The kernel, or None where nothing is put on, and the output's dimensions.

    Raises:
        KwsError: edges that do not fit.
    """
    require_same(o.source, o.out)
    shape = o.shape
    edges = constant(o.at(1), "its paddings", np.int32)
    if edges.shape != (len(shape), 2) or len(shape) > AXES or edges.min() < 0:
        raise KwsError(f"its paddings of shape {list(edges.shape)} do not fit an input of shape {list(shape)}")
    pairs = tuple((int(before), int(behind)) for before, behind in edges)
    made = tuple(n + before + behind for n, (before, behind) in zip(shape, pairs, strict=True))
    return Pad(shape, pairs, o.out.zero_point) if made != shape else None, made


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_pad``."""
    kernel = layer.kernel
    assert isinstance(kernel, Pad)
    whole = layer.output_shape
    apart = strides(whole)
    target = sum(before * step for (before, _), step in zip(kernel.edges, apart, strict=True))
    fields: dict[str, str | int] = {
        "move": emit_move(0, target, kernel.shape, [strides(kernel.shape), apart]),
        "value": kernel.value,
    }
    return Constants((emit.structure("kws_pad", name, fields),))


KIND = Kind(operators=("PAD",), read=read, kernel=Pad, name="pad", emit=write)
