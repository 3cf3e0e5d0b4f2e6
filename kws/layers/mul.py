"""MUL: reading and writing. What it computes: kws/fixedpoint/layers/pair.py."""

from __future__ import annotations

from kws import emit
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.pair import Mul
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, activation_range
from kws.layers.pair import emit_pair, operands


def read(o: Operands) -> tuple[Mul, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: operands or an activation that the kernel does not have.
    """
    both, shape = operands(o)
    low, high = activation_range(o.option("FusedActivationFunction"), o.out)
    factor = Factor.of(o.activation(0).scale * o.activation(1).scale / o.out.scale)
    return Mul(both, o.out.zero_point, low, high, factor), shape


def write(name: str, layer: Layer) -> Constants:
    """Constant values and the structure ``kws_mul``."""
    kernel = layer.kernel
    assert isinstance(kernel, Mul)
    texts, pair = emit_pair(name, kernel)
    fields: dict[str, str | int] = {"pair": pair, "factor": emit.factor(kernel.factor)}
    return Constants((*texts, emit.structure("kws_mul", name, fields)))


KIND = Kind(operators=("MUL",), read=read, kernel=Mul, name="mul", emit=write, source=None)
