"""TANH: reading and writing. What it computes: kws/fixedpoint/layers/tanh8.py."""

from __future__ import annotations

from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.tanh8 import Tanh8
from kws.fixedpoint.network import Layer
from kws.layers.bounded import emit_bounded, require_scale
from kws.layers.kind import Constants, Kind, Operands


def read(o: Operands) -> tuple[Tanh8, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: outputs or scales that the kernel does not have.
    """
    if o.out.scale != 1 / 128 or o.out.zero_point != 0:
        raise KwsError("its output must have scale 1/128 and zero point 0")
    require_scale(o.source)
    return Tanh8.of(o.source.scale, o.source.zero_point), o.shape


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_tanh8``."""
    kernel = layer.kernel
    assert isinstance(kernel, Tanh8)
    return emit_bounded(name, "kws_tanh8", kernel)


KIND = Kind(operators=("TANH",), read=read, kernel=Tanh8, name="tanh8", emit=write)
