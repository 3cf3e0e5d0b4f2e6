"""CARRY, which kws makes of a state's input and output: reading and writing.

What it computes: kws/fixedpoint/layers/carry.py.
"""

from __future__ import annotations

import math

from kws import emit
from kws.fixedpoint.layers.carry import Carry
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, require_same


def read(o: Operands) -> tuple[Carry, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: the state has another scale or zero point where it is written than where it is read.
    """
    require_same(o.source, o.out)
    return Carry(math.prod(o.shape), o.out.zero_point), o.shape


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_carry``."""
    kernel = layer.kernel
    assert isinstance(kernel, Carry)
    return Constants((emit.structure("kws_carry", name, {"size": kernel.size}),))


KIND = Kind(operators=("CARRY",), read=read, kernel=Carry, name="carry", emit=write)
