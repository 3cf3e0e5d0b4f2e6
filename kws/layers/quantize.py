"""QUANTIZE from int8 to int8: reading and writing. What it computes: kws/fixedpoint/layers/requantize.py."""

from __future__ import annotations

from kws import emit
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.requantize import Quantize
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands


def read(o: Operands) -> tuple[Quantize | None, Shape]:
    """The kernel, or None where scale and zero point stay, and the output's dimensions."""
    source, out = o.source, o.out
    if source.scale == out.scale and source.zero_point == out.zero_point:
        return None, o.shape
    return Quantize(Factor.of(source.scale / out.scale), source.zero_point, out.zero_point), o.shape


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_quantize``."""
    kernel = layer.kernel
    assert isinstance(kernel, Quantize)
    fields: dict[str, str | int] = {
        "factor": emit.factor(kernel.factor),
        "input_zero_point": kernel.input_zero_point,
        "output_zero_point": kernel.output_zero_point,
    }
    return Constants((emit.structure("kws_quantize", name, fields),))


KIND = Kind(operators=("QUANTIZE",), read=read, kernel=Quantize, name="quantize", emit=write)
