"""FULLY_CONNECTED: reading and writing. What it computes: kws/fixedpoint/layers/fully_connected.py."""

from __future__ import annotations

import math

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.fully_connected import FullyConnected
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.requantize import Output
from kws.fixedpoint.network import Layer
from kws.layers.kind import Arch, Constants, Kind, Operands, activation_range, bias, check_sums, folded, weights
from kws.layers.packing import COLUMNS
from kws.layers.rows import write_rows


def read(o: Operands) -> tuple[FullyConnected, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: weights, scales or an activation that the kernel does not have.
    """
    if o.option("WeightsFormat") != 0:
        raise KwsError("its weights are in a shuffled format")
    tensor = o.at(1)
    w = weights(tensor, "weights")
    assert tensor is not None
    outputs, inputs = w.shape
    b = bias(o.at(2), outputs, "biases")
    scales = tensor.scales.astype(np.float64)
    if scales.size not in (1, outputs) or (scales.size > 1 and tensor.channel_axis != 0):
        raise KwsError(f"its weights have {scales.size} scales, not 1 or {outputs} along the outputs")
    check_sums(w, b, o.source.zero_point)
    low, high = activation_range(o.option("FusedActivationFunction"), o.out)
    kernel = FullyConnected(
        weights=w,
        bias=b,
        input_zero_point=o.source.zero_point,
        output_zero_point=o.out.zero_point,
        factors=tuple(Factor.of(o.source.scale * float(s) / o.out.scale) for s in scales),
        activation_min=low,
        activation_max=high,
    )
    rows, rest = divmod(math.prod(o.shape), inputs)
    if rest:
        raise KwsError(f"its input of shape {list(o.shape)} does not divide into rows of {inputs}")
    if o.option("KeepNumDims") and o.shape[-1] != inputs:
        raise KwsError(f"its input of shape {list(o.shape)} has rows of {o.shape[-1]}; its weights are for {inputs}")
    return kernel, (*o.shape[:-1], outputs) if o.option("KeepNumDims") else (rows, outputs)


def write(name: str, layer: Layer) -> Constants:
    """Weights as rows, and packed where they can be, biases, factors and the structure ``kws_fully_connected``."""
    kernel = layer.kernel
    assert isinstance(kernel, FullyConnected)
    output = Output(kernel.factors, kernel.output_zero_point, kernel.activation_min, kernel.activation_max)
    bias = folded(kernel.bias, kernel.weights, kernel.input_zero_point)
    rows = write_rows(name, kernel.weights, bias, output, layer.output_size // kernel.outputs)
    text = (*rows.text, emit.structure("kws_fully_connected", name, {}, lead=rows.member))
    return Constants(text, {Arch.DSP: 2 * COLUMNS * -(-kernel.inputs // COLUMNS)} if rows.packed else {})


KIND = Kind(operators=("FULLY_CONNECTED",), read=read, kernel=FullyConnected, name="fully_connected", emit=write)
