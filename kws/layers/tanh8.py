"""TANH: reading and writing. What it computes: kws/fixedpoint/layers/tanh8.py."""

from __future__ import annotations

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.tanh8 import Tanh8
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands
from kws.layers.logistic import SCALES


def read(o: Operands) -> tuple[Tanh8, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: outputs or scales that the kernel does not have.
    """
    if o.out.scale != 1 / 128 or o.out.zero_point != 0:
        raise KwsError("its output must have scale 1/128 and zero point 0")
    if not SCALES[0] <= o.source.scale < SCALES[1]:
        raise KwsError(f"its input scale is {o.source.scale}; TFLM runs scales from 2^-28 to below 8")
    return Tanh8.of(o.source.scale, o.source.zero_point), o.shape


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_tanh8``."""
    kernel = layer.kernel
    assert isinstance(kernel, Tanh8)
    fields: dict[str, str | int] = {
        "factor": emit.factor(kernel.factor),
        "input_zero_point": kernel.input_zero_point,
        "radius": kernel.radius,
    }
    return Constants((emit.structure("kws_tanh8", name, fields),))


KIND = Kind(operators=("TANH",), read=read, kernel=Tanh8, name="tanh8", emit=write)
