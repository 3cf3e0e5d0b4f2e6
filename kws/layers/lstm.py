"""UNIDIRECTIONAL_SEQUENCE_LSTM: reading and writing. What it computes: kws/fixedpoint/layers/lstm.py."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.lstm import GATE_SCALE_POWER, Lstm, LstmGate
from kws.fixedpoint.network import Layer
from kws.layers.kind import NONE, TANH, Arch, Constants, Kind, Operands, bias, check_sums, require_int8, weights
from kws.layers.lstm_packing import gate_factors, gate_parts, lane_weights, packed_weights
from kws.layers.packing import COLUMNS, by_arch
from kws.layers.rows import emit_factors
from kws.tflite import Tensor

INPUT_WEIGHTS = (1, 2, 3, 4)
RECURRENT_WEIGHTS = (5, 6, 7, 8)
BIASES = (12, 13, 14, 15)
HIDDEN, CELL = 18, 19
"""Positions among the operator's 24 inputs; gates are in the order of :data:`kws.fixedpoint.layers.lstm.GATES`."""

_UNSUPPORTED = {
    "peephole connections": (9, 10, 11),
    "a projection": (16, 17),
    "layer normalisation": (20, 21, 22, 23),
}


def read(o: Operands) -> tuple[Lstm, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: a variant of the LSTM, or types and scales, that TFLM's kernel does not run.
    """
    if len(o.tensors) != 24:
        raise KwsError(f"has {len(o.tensors)} inputs, not 24")
    for what, group in _UNSUPPORTED.items():
        if any(o.at(i) is not None for i in group):
            raise KwsError(f"uses {what}, which TFLM's kernel does not run")
    if any(o.at(i) is None for i in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS)):
        raise KwsError("couples its input and forget gates (CIFG), which TFLM's kernel does not run")
    if o.option("FusedActivationFunction", NONE) != TANH:
        raise KwsError("its cell activation is not tanh")
    hidden, cell = o.at(HIDDEN), o.at(CELL)
    if hidden is None or cell is None:
        raise KwsError("has no state tensors")
    require_int8(hidden, "its hidden state")
    if not (hidden.is_variable and cell.is_variable):
        raise KwsError("its states are not variable tensors, which TFLM's kernel requires")
    if cell.dtype != np.int16 or cell.scales.size != 1 or cell.zero_point != 0:
        raise KwsError("its cell state is not symmetric int16")
    power = math.log2(cell.scale)
    if power == round(power) and power < -24:
        raise KwsError(
            f"its cell scale is 2^{round(power)}, below 2^-24: when it was converted the cell never left"
            f" {-32768 * cell.scale:.1g} to {32768 * cell.scale:.1g}, so the layer computes next to nothing;"
            " convert it again with trained weights, and representative data scaled as the real input is"
        )
    if power != round(power) or not -24 <= power <= 0:
        raise KwsError(f"its cell scale {cell.scale} is not a power of two from 2^-24 to 1")
    if (hidden.scale, hidden.zero_point) != (o.out.scale, o.out.zero_point):
        raise KwsError("its output and its hidden state have different quantization")
    units, inputs = weights(o.at(INPUT_WEIGHTS[0]), "input weights").shape
    gates = [_gate(o, k, units, inputs, hidden) for k in range(4)]
    clip = float(o.op.options.get("CellClip", 0.0))
    if 0 < clip < cell.scale:
        raise KwsError(f"its cell clip {clip} is below the cell's scale {cell.scale}, which would clip everything to 0")
    _check_shape(o, inputs)
    kernel = Lstm(
        gates=(gates[0], gates[1], gates[2], gates[3]),
        input_zero_point=o.source.zero_point,
        hidden_zero_point=hidden.zero_point,
        keep_factor=Factor.of(2.0**-15 * cell.scale / cell.scale),
        add_factor=Factor.of(2.0**-30 / cell.scale),
        hidden_factor=Factor.of(2.0**-30 / hidden.scale),
        cell_scale_power=round(power),
        cell_clip=int(min(max(clip / cell.scale, 0.0), 32767.0)),
    )
    return kernel, (*o.shape[:-1], units)


def _check_shape(o: Operands, inputs: int) -> None:
    if len(o.shape) != 3 or o.shape[2] != inputs:
        raise KwsError(f"its input has shape {list(o.shape)}, not [1, steps, {inputs}]")
    batch = o.shape[1] if o.op.options.get("TimeMajor", False) else o.shape[0]
    if batch != 1:
        raise KwsError(f"its batch is {batch}; only batch 1 can run on a device")


def _gate(o: Operands, gate: int, units: int, inputs: int, hidden: Tensor) -> LstmGate:
    w_tensor, r_tensor = o.activation(INPUT_WEIGHTS[gate]), o.activation(RECURRENT_WEIGHTS[gate])
    w = weights(w_tensor, "input weights", (units, inputs))
    r = weights(r_tensor, "recurrent weights", (units, units))
    b = bias(o.at(BIASES[gate]), units, "gate biases")
    if w_tensor.scales.size != 1 or r_tensor.scales.size != 1:
        raise KwsError("its weights are quantized per channel, which TFLM's kernel does not run")
    check_sums(w, b, o.source.zero_point)
    check_sums(r, np.zeros(units, np.int32), hidden.zero_point)
    return LstmGate(
        w,
        r,
        b,
        Factor.of(o.source.scale * w_tensor.scale / 2.0**GATE_SCALE_POWER),
        Factor.of(hidden.scale * r_tensor.scale / 2.0**GATE_SCALE_POWER),
    )


_HELIUM_SCRATCH = 2 * 8 * 4 * 4 + 8 * 4 * 2
"""Both parts' sums of eight units' gates as int32, and their pre-activations as int16."""


def write(name: str, layer: Layer) -> Constants:
    """Weights as rows, and packed where they can be, and the structure ``kws_lstm``.

    Raises:
        ValueError: the cell's scale is none that :func:`read` lets through.
    """
    lstm = layer.kernel
    assert isinstance(lstm, Lstm)
    words = packed_weights(lstm)
    plain = _plain(name, lstm)
    # The product of two gate values is at 2^-30 and the cell at a power of two; so is their ratio.
    add_shift = lstm.add_factor.right_shift
    if lstm.add_factor != Factor(2**30, -add_shift) or lstm.keep_factor != Factor(2**30, -14):
        raise ValueError("the cell's scale is not a power of two from 2^-24 to 1")
    fields: dict[str, str | int] = {
        "hidden_factor": emit.factor(lstm.hidden_factor),
        "hidden_zero_point": lstm.hidden_zero_point,
        "cell_scale_power": lstm.cell_scale_power,
        "cell_clip": lstm.cell_clip,
        "rows": layer.output_size // lstm.units,
        "inputs": lstm.inputs,
        "units": lstm.units,
        "add_shift": add_shift,
    }
    factors = [g.input_factor for g in lstm.gates] + [g.recurrent_factor for g in lstm.gates]
    inside = emit.members({"factors": emit.factors(factors)})
    weights_of = {Arch.HELIUM: [_words(name, lane_weights(lstm))]}
    lead = {Arch.HELIUM: emit.members(_pointers(name, ("packed_weights",))) + inside}
    scratch = {Arch.HELIUM: _HELIUM_SCRATCH}
    if words is None:
        weights_of[Arch.DSP] = [*plain, emit_factors(f"{name}_factors", factors)]
        lead[Arch.DSP] = emit.members({**_pointers(name, _ROWS), "factors": f"{name}_factors"})
    else:
        weights_of[Arch.DSP] = _packed(name, lstm, words)
        lead[Arch.DSP] = emit.members({**_pointers(name, _PACKED), "factors": "NULL"})
        scratch[Arch.DSP] = 2 * sum(-(-n // COLUMNS) * COLUMNS for n in (lstm.inputs, lstm.units))
    chosen = by_arch(lead, emit.members(_pointers(name, _ROWS)) + inside)
    return Constants((*by_arch(weights_of, plain), emit.structure("kws_lstm", name, fields, lead=chosen)), scratch)


_ROWS = ("input_weights", "recurrent_weights", "input_bias", "recurrent_bias")
_PACKED = ("packed_weights", "packed_factors")


def _pointers(name: str, chosen: tuple[str, ...]) -> dict[str, str]:
    """The structure's pointers: to the arrays ``chosen``, else NULL."""
    return {key: f"{name}_{key}" if key in chosen else "NULL" for key in (*_ROWS, *_PACKED)}


def _plain(name: str, lstm: Lstm) -> list[str]:
    """The weights as every KWS_ARCH can read them: rows of int8."""
    (w, b), (recurrent, recurrent_bias) = gate_parts(lstm)
    return [
        emit.array("int8_t", f"{name}_input_weights", w.reshape(-1), align=4),
        emit.array("int8_t", f"{name}_recurrent_weights", recurrent.reshape(-1), align=4),
        emit.array("int32_t", f"{name}_input_bias", b.reshape(-1)),
        emit.array("int32_t", f"{name}_recurrent_bias", recurrent_bias.reshape(-1)),
    ]


def _words(name: str, words: npt.NDArray[np.uint32]) -> str:
    return emit.array("uint32_t", f"{name}_packed_weights", words, hexadecimal=True)


def _packed(name: str, lstm: Lstm, words: npt.NDArray[np.uint32]) -> list[str]:
    rows = [", ".join(emit.number(v) for v in fields) for fields in gate_factors(lstm) or ()]
    array = f"static const kws_gate_factor {name}_packed_factors[{len(rows)}]"
    return [_words(name, words), f"{array} = {{\n{''.join(f'{emit.INDENT}{{{row}}},{chr(10)}' for row in rows)}}};"]


KIND = Kind(operators=("UNIDIRECTIONAL_SEQUENCE_LSTM",), read=read, kernel=Lstm, name="lstm", emit=write)
