"""ADD and SUB: reading and writing. What they compute: kws/fixedpoint/layers/pair.py."""

from __future__ import annotations

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.pair import LEFT_SHIFT, Add
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, activation_range
from kws.layers.pair import emit_pair, operands


def read(o: Operands) -> tuple[Add, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: operands, scales or an activation that the kernel does not have.
    """
    both, shape = operands(o)
    low, high = activation_range(o.option("FusedActivationFunction"), o.out)
    scales = (o.activation(0).scale, o.activation(1).scale)
    greatest = 2 * max(scales)
    ratios = (scales[0] / greatest, scales[1] / greatest, greatest / ((1 << LEFT_SHIFT) * o.out.scale))
    if ratios[2] >= 1:
        raise KwsError(f"its output's scale {o.out.scale:g} is too small for its inputs' {max(scales):g}")
    first, second, result = (Factor.of(ratio) for ratio in ratios)
    return Add(both, o.out.zero_point, low, high, (first, second, result), o.op.name == "SUB"), shape


def write(name: str, layer: Layer) -> Constants:
    """Constant values and the structure ``kws_add``."""
    kernel = layer.kernel
    assert isinstance(kernel, Add)
    texts, pair = emit_pair(name, kernel)
    fields: dict[str, str | int] = {
        "pair": pair,
        "factors": emit.factors(kernel.factors),
        "subtract": int(kernel.subtract),
    }
    return Constants((*texts, emit.structure("kws_add", name, fields)))


KIND = Kind(operators=("ADD", "SUB"), read=read, kernel=Add, name="add", emit=write, source=None)
