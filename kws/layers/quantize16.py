"""QUANTIZE from or to int16: writing. kws/layers/quantize.py reads it.

What it computes: kws/fixedpoint/layers/quantize16.py.
"""

from __future__ import annotations

from kws import emit
from kws.fixedpoint.layers.quantize16 import BYTES, Quantize16
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind
from kws.layers.quantize import read


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_quantize16``."""
    kernel = layer.kernel
    assert isinstance(kernel, Quantize16)
    fields: dict[str, str | int] = {
        "factor": emit.factor(kernel.factor),
        "input_zero_point": kernel.input_zero_point,
        "output_zero_point": kernel.output_zero_point,
        "input_bytes": BYTES[kernel.input_type].itemsize,
        "output_bytes": BYTES[kernel.output_type].itemsize,
    }
    return Constants((emit.structure("kws_quantize16", name, fields),))


KIND = Kind(operators=(), read=read, kernel=Quantize16, name="quantize16", emit=write)
