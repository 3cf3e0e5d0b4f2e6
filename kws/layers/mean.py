"""MEAN: reading and writing. What it computes: kws/fixedpoint/layers/mean.py."""

from __future__ import annotations

import math

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.mean import Mean
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, constant
from kws.layers.walk import AXES


def read(o: Operands) -> tuple[Mean, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: axes that there are none of.
    """
    shape = o.shape
    given = [int(v) for v in constant(o.at(1), "its axes", np.int32).reshape(-1)]
    if not given or len(shape) > AXES or not all(-len(shape) <= axis < len(shape) for axis in given):
        raise KwsError(f"goes over axes {given} of an input of shape {list(shape)}")
    axes = tuple(sorted({axis % len(shape) for axis in given}))
    count = math.prod(shape[axis] for axis in axes)
    ratio = o.source.scale / o.out.scale
    if ratio >= 2.0**30:
        raise KwsError("its output's scale is so far below its input's that TFLM's shifts would leave 32 bits")
    factor = Mean.factor_of(ratio, count)
    kernel = Mean(shape, axes, factor, o.source.zero_point, o.out.zero_point)
    if o.option("KeepDims"):
        return kernel, tuple(1 if axis in axes else n for axis, n in enumerate(shape))
    return kernel, tuple(n for axis, n in enumerate(shape) if axis not in axes)


def runs(kernel: Mean) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Kept and summed axes as (values, elements apart), neighbours of a sort as one: two of each."""
    kept: list[tuple[int, int]] = []
    summed: list[tuple[int, int]] = []
    last: list[tuple[int, int]] | None = None
    for axis, size in enumerate(kernel.shape):
        if size == 1:
            continue
        apart = math.prod(kernel.shape[axis + 1 :])
        where = summed if axis in kernel.axes else kept
        if where is last:
            where[-1] = (where[-1][0] * size, apart)
        else:
            where.append((size, apart))
        last = where
    return [(1, 0)] * (2 - len(kept)) + kept, [(1, 0)] * (2 - len(summed)) + summed


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_mean``."""
    kernel = layer.kernel
    assert isinstance(kernel, Mean)
    kept, summed = runs(kernel)
    fields: dict[str, str | int] = {
        "factor": emit.factor(kernel.factor),
        "kept": "{" + ", ".join(f"{{{n}, {apart}}}" for n, apart in kept) + "}",
        "summed": "{" + ", ".join(f"{{{n}, {apart}}}" for n, apart in summed) + "}",
        "offset": -kernel.count * kernel.input_zero_point,
        "output_zero_point": kernel.output_zero_point,
    }
    return Constants((emit.structure("kws_mean", name, fields),))


KIND = Kind(operators=("MEAN",), read=read, kernel=Mean, name="mean", emit=write)
