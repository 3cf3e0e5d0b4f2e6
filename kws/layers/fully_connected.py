"""FULLY_CONNECTED: reading and writing. What it computes: kws/fixedpoint/layers/fully_connected.py."""

from __future__ import annotations

import math

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.fully_connected import FullyConnected
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer
from kws.layers.kind import Arch, Constants, Kind, Operands, activation_range, bias, check_sums, folded, weights
from kws.layers.packing import COLUMNS, Words, by_arch, can_pack, dsp_factors, pack


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


_ROWS = ("weights", "bias", "factors")
_PACKED = ("packed_weights", "packed_factors")
_GROUP = 4
"""Rows that the device sums at once where they are packed; the last group's missing ones are zeros."""


def packed_weights(dense: FullyConnected) -> Words | None:
    """Weights and biases in groups of four rows and two parts of columns, or None if they cannot be packed.

    The first part has half of the quads of columns, the second the rest; the biases are the first part's.
    """
    if dense.inputs <= COLUMNS:
        return None  # both parts must have columns
    groups = -(-dense.outputs // _GROUP)
    w = np.zeros((_GROUP * groups, dense.inputs), np.int8)
    w[: dense.outputs] = dense.weights
    b = np.zeros(_GROUP * groups, np.int64)
    b[: dense.outputs] = folded(dense.bias, dense.weights, dense.input_zero_point)
    rows, biases = w.reshape(groups, _GROUP, -1), b.reshape(groups, _GROUP)
    if not can_pack(rows, biases):
        return None
    first = COLUMNS * (-(-dense.inputs // COLUMNS) // 2)
    return pack((rows[..., :first], biases), (rows[..., first:], np.zeros_like(biases)))


def write(name: str, layer: Layer) -> Constants:
    """Weights as rows, and packed where they can be, biases, factors and the structure ``kws_fully_connected``."""
    kernel = layer.kernel
    assert isinstance(kernel, FullyConnected)
    words = packed_weights(kernel)
    fields: dict[str, str | int] = {
        "rows": layer.output_size // kernel.outputs,
        "inputs": kernel.inputs,
        "outputs": kernel.outputs,
        "per_channel": int(len(kernel.factors) > 1),
        "output_zero_point": kernel.output_zero_point,
        "activation_min": kernel.activation_min,
        "activation_max": kernel.activation_max,
    }
    factors = "".join(f"{emit.INDENT}{emit.factor(f)},\n" for f in kernel.factors)
    plain = [
        emit.array("int8_t", f"{name}_weights", kernel.weights.reshape(-1), align=4),
        emit.array("int32_t", f"{name}_bias", folded(kernel.bias, kernel.weights, kernel.input_zero_point)),
        f"static const kws_factor {name}_factors[{len(kernel.factors)}] = {{\n{factors}}};",
    ]
    if words is None:
        return Constants((*plain, emit.structure("kws_fully_connected", name, {**_pointers(name, _ROWS), **fields})))
    packed = [
        emit.array("uint32_t", f"{name}_packed_weights", words, hexadecimal=True),
        dsp_factors(f"{name}_packed_factors", kernel.factors),
    ]
    chosen = by_arch({Arch.DSP: emit.members(_pointers(name, _PACKED))}, emit.members(_pointers(name, _ROWS)))
    text = (*by_arch({Arch.DSP: packed}, plain), emit.structure("kws_fully_connected", name, fields, lead=chosen))
    return Constants(text, {Arch.DSP: 2 * COLUMNS * -(-kernel.inputs // COLUMNS)})


def _pointers(name: str, chosen: tuple[str, ...]) -> dict[str, str]:
    """The structure's pointers: to the arrays ``chosen``, else NULL."""
    return {key: f"{name}_{key}" if key in chosen else "NULL" for key in (*_ROWS, *_PACKED)}


KIND = Kind(operators=("FULLY_CONNECTED",), read=read, kernel=FullyConnected, name="fully_connected", emit=write)
