"""LOGISTIC: reading and writing. What it computes: kws/fixedpoint/layers/logistic.py."""

from __future__ import annotations

from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.logistic import Logistic
from kws.fixedpoint.network import Layer
from kws.layers.bounded import emit_bounded, require_scale
from kws.layers.kind import Constants, Kind, Operands, require_posteriors


def read(o: Operands) -> tuple[Logistic, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: outputs or scales that the kernel does not have.
    """
    require_posteriors(o.out)
    require_scale(o.source)
    return Logistic.of(o.source.scale, o.source.zero_point), o.shape


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_logistic``."""
    kernel = layer.kernel
    assert isinstance(kernel, Logistic)
    return emit_bounded(name, "kws_logistic", kernel)


KIND = Kind(operators=("LOGISTIC",), read=read, kernel=Logistic, name="logistic", emit=write)
