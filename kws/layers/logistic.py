"""LOGISTIC: reading and writing. What it computes: kws/fixedpoint/layers/logistic.py."""

from __future__ import annotations

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.logistic import Logistic
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, require_posteriors

SCALES = (2.0**-28, 8.0)
"""Input scales, from one to below the other, for which TFLM's kernel computes a logistic function."""


def read(o: Operands) -> tuple[Logistic, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: outputs or scales that the kernel does not have.
    """
    require_posteriors(o.out)
    if not SCALES[0] <= o.source.scale < SCALES[1]:
        raise KwsError(f"its input scale is {o.source.scale}; TFLM runs scales from 2^-28 to below 8")
    return Logistic.of(o.source.scale, o.source.zero_point), o.shape


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_logistic``."""
    kernel = layer.kernel
    assert isinstance(kernel, Logistic)
    fields: dict[str, str | int] = {
        "factor": emit.factor(kernel.factor),
        "input_zero_point": kernel.input_zero_point,
        "radius": kernel.radius,
    }
    return Constants((emit.structure("kws_logistic", name, fields),))


KIND = Kind(operators=("LOGISTIC",), read=read, kernel=Logistic, name="logistic", emit=write)
