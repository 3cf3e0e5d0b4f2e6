"""AVERAGE_POOL_2D and MAX_POOL_2D: reading and writing. What they compute: kws/fixedpoint/layers/pool_2d.py."""

from __future__ import annotations

from kws import emit
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.pool_2d import Pool2D
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, activation_range, require_same
from kws.layers.window import emit_window, window


def read(o: Operands) -> tuple[Pool2D, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: a window, or scales, that the kernel does not have.
    """
    require_same(o.source, o.out)
    frame = window(o, (o.option("FilterHeight"), o.option("FilterWidth")))
    low, high = activation_range(o.option("FusedActivationFunction"), o.out)
    kernel = Pool2D(frame, o.op.name == "AVERAGE_POOL_2D", low, high)
    return kernel, (1, *frame.output, frame.channels)


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_pool_2d``."""
    kernel = layer.kernel
    assert isinstance(kernel, Pool2D)
    fields: dict[str, str | int] = {
        "window": emit_window(kernel.window),
        "average": int(kernel.average),
        "activation_min": kernel.low,
        "activation_max": kernel.high,
    }
    return Constants((emit.structure("kws_pool_2d", name, fields),))


KIND = Kind(operators=("AVERAGE_POOL_2D", "MAX_POOL_2D"), read=read, kernel=Pool2D, name="pool_2d", emit=write)
