"""QUANTIZE: reading, and writing it from int8 to int8. What it computes: kws/fixedpoint/layers/requantize.py."""

from __future__ import annotations

import numpy as np

from kws import emit
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.quantize16 import Quantize16
from kws.fixedpoint.layers.requantize import Quantize
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands


def read(o: Operands) -> tuple[Quantize | Quantize16 | None, Shape]:
    """The kernel, or None where scale, zero point and type stay, and the output's dimensions."""
    source, out = o.source, o.out
    types = source.dtype, out.dtype
    if types[0] == types[1] and source.scale == out.scale and source.zero_point == out.zero_point:
        return None, o.shape
    factor = Factor.of(source.scale / out.scale)
    if np.dtype(np.int16) in types:
        return Quantize16(factor, types[0].name, source.zero_point, types[1].name, out.zero_point), o.shape
    return Quantize(factor, source.zero_point, out.zero_point), o.shape


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


KIND = Kind(operators=("QUANTIZE",), read=read, kernel=Quantize, name="quantize", emit=write, wide=True)
