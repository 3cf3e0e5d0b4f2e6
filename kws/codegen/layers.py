"""The network's layers as C constants, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.codegen import emit
from kws.codegen.packing import dsp_factor, folded, gate_parts, packed_weights
from kws.fixedpoint.arithmetic import Multiplier
from kws.fixedpoint.layers.fully_connected import FullyConnected
from kws.fixedpoint.layers.logistic import Logistic
from kws.fixedpoint.layers.lstm import Lstm
from kws.fixedpoint.layers.softmax import Softmax
from kws.fixedpoint.network import Layer, Network


def align4(size: int) -> int:
    """``size`` rounded up to a multiple of 4."""
    return (size + 3) // 4 * 4


@dataclass(frozen=True)
class NetworkMemory:
    """Where everything lies in the network's memory, in bytes.

    Attributes:
        states: offsets of an LSTM layer's c and h, by layer index.
        buffers: offsets of the two buffers that layers write in turn.
        scratch: offset of what packed LSTMs need for the length of a step.
        size: bytes in all where nothing is packed; there is no scratch then.
        packed_size: bytes in all where LSTMs are packed.
    """

    states: dict[int, tuple[int, int]]
    buffers: tuple[int, int]
    scratch: int
    size: int
    packed_size: int


def plan_memory(network: Network) -> NetworkMemory:
    """Lay out states first, then the two buffers, then the scratch."""
    offset = 0
    states = {}
    scratch = 0
    for index, layer in enumerate(network.layers):
        if isinstance(layer.kernel, Lstm):
            cell, hidden = offset, offset + align4(2 * layer.kernel.units)
            states[index] = (cell, hidden)
            offset = hidden + align4(layer.kernel.units)
            if packed_weights(layer.kernel) is not None:
                scratch = max(scratch, 2 * (align4(layer.kernel.inputs) + align4(layer.kernel.units)))
    sizes = [layer.rows_out * layer.size_out for layer in network.layers]
    second = offset + align4(max(sizes[0::2]))
    size = second + align4(max(sizes[1::2], default=0))
    return NetworkMemory(states, (offset, second), size, size, size + scratch)


def _plain(name: str, lstm: Lstm) -> list[str]:
    """The weights as every KWS_ARCH can read them: rows of int8."""
    (weights, bias), (recurrent_weights, recurrent_bias) = gate_parts(lstm)
    return [
        emit.array("int8_t", f"{name}_input_weights", weights.reshape(-1), align=4),
        emit.array("int8_t", f"{name}_recurrent_weights", recurrent_weights.reshape(-1), align=4),
        emit.array("int32_t", f"{name}_input_bias", bias.reshape(-1)),
        emit.array("int32_t", f"{name}_recurrent_bias", recurrent_bias.reshape(-1)),
    ]


def _packed(name: str, lstm: Lstm, words: npt.NDArray[np.uint32]) -> list[str]:
    factors = [dsp_factor(f) for g in lstm.gates for f in (g.input_factor, g.recurrent_factor)]
    rows = "".join(f"{emit.INDENT}{{{emit.number(m)}, {emit.number(s)}}},\n" for m, s in factors)
    return [
        emit.array("uint32_t", f"{name}_packed_weights", words, hexadecimal=True),
        f"static const kws_dsp_factor {name}_packed_factors[2 * KWS_GATES] = {{\n{rows}}};",
    ]


def _when_packed(packed: list[str], plain: list[str]) -> list[str]:
    return ["#if KWS_ARCH == KWS_ARCH_DSP", *packed, "#else", *plain, "#endif"]


def _lstm(index: int, lstm: Lstm, memory: NetworkMemory) -> list[str]:
    name = f"lstm_{index}"
    words = packed_weights(lstm)
    plain = _plain(name, lstm)
    weights = _when_packed(_packed(name, lstm, words), plain) if words is not None else plain
    pointers = {key: f"{name}_{key}" for key in ("input_weights", "recurrent_weights", "input_bias", "recurrent_bias")}
    packed_pointers = {key: f"{name}_{key}" for key in ("packed_weights", "packed_factors")}
    cell_offset, hidden_offset = memory.states[index]
    # The product of two gate values is at 2^-30 and the cell at a power of two; so is their ratio.
    add_shift = lstm.input_factor.right_shift
    if lstm.input_factor != Multiplier(2**30, -add_shift) or lstm.forget_factor != Multiplier(2**30, -14):
        raise ValueError("the cell's scale is not a power of two from 2^-24 to 1")
    fields: dict[str, str | int] = {
        "input_factor": emit.factors([g.input_factor for g in lstm.gates]),
        "recurrent_factor": emit.factors([g.recurrent_factor for g in lstm.gates]),
        "hidden_factor": emit.factor(lstm.output_factor),
        "hidden_zero_point": lstm.hidden_zero_point,
        "cell_scale_power": lstm.cell_scale_power,
        "cell_clip": lstm.cell_clip,
        "inputs": lstm.inputs,
        "units": lstm.units,
        "cell_offset": cell_offset,
        "hidden_offset": hidden_offset,
        "scratch_offset": memory.scratch,
        "add_shift": add_shift,
    }
    if words is None:
        return [*weights, emit.structure("kws_lstm", f"kernel_{index}", {**pointers, **fields})]
    chosen = _when_packed(emit.members(packed_pointers), emit.members(pointers))
    return [*weights, emit.structure("kws_lstm", f"kernel_{index}", fields, lead=chosen)]


def _fully_connected(index: int, layer: FullyConnected) -> list[str]:
    name = f"dense_{index}"
    rows = "".join(f"{emit.INDENT}{emit.factor(f)},\n" for f in layer.factors)
    fields: dict[str, str | int] = {
        "weights": f"{name}_weights",
        "bias": f"{name}_bias",
        "factors": f"{name}_factors",
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "per_channel": int(len(layer.factors) > 1),
        "output_zero_point": layer.output_zero_point,
        "activation_min": layer.activation_min,
        "activation_max": layer.activation_max,
    }
    return [
        emit.array("int8_t", f"{name}_weights", layer.weights.reshape(-1), align=4),
        emit.array("int32_t", f"{name}_bias", folded(layer.bias, layer.weights, layer.input_zero_point)),
        f"static const kws_factor {name}_factors[{len(layer.factors)}] = {{\n{rows}}};",
        emit.structure("kws_fully_connected", f"kernel_{index}", fields),
    ]


def _kernel(index: int, layer: Layer, memory: NetworkMemory) -> tuple[str, list[str]]:
    kernel, name = layer.kernel, f"kernel_{index}"
    if isinstance(kernel, Lstm):
        return "KWS_LSTM", _lstm(index, kernel, memory)
    if isinstance(kernel, FullyConnected):
        return "KWS_FULLY_CONNECTED", _fully_connected(index, kernel)
    if isinstance(kernel, Softmax):
        fields: dict[str, str | int] = {"factor": emit.factor(kernel.factor), "difference_min": kernel.difference_min}
        return "KWS_SOFTMAX", [emit.structure("kws_softmax", name, fields)]
    if isinstance(kernel, Logistic):
        fields = {
            "factor": emit.factor(kernel.factor),
            "input_zero_point": kernel.input_zero_point,
            "radius": kernel.radius,
        }
        return "KWS_LOGISTIC", [emit.structure("kws_logistic", name, fields)]
    return "KWS_ROW_SLICE", [emit.structure("kws_row_slice", name, {"start": kernel.start, "step": kernel.step})]


def network_source(network: Network, memory: NetworkMemory) -> str:
    """All constants of the network, ending in ``kws_model_network``."""
    parts: list[str] = []
    rows = []
    for index, layer in enumerate(network.layers):
        kind, text = _kernel(index, layer, memory)
        parts += text
        rows.append(
            f"{emit.INDENT}{{{kind}, &kernel_{index},"
            f" {layer.rows_in}, {layer.size_in}, {layer.rows_out}, {layer.size_out}}},\n"
        )
    parts.append("static const kws_layer layers[KWS_MODEL_LAYERS] = {\n" + "".join(rows) + "};")
    fields: dict[str, str | int] = {
        "arch": "KWS_ARCH",
        "layers": "layers",
        "layer_count": "KWS_MODEL_LAYERS",
        "input_size": "KWS_MODEL_INPUT_SIZE",
        "output_size": "KWS_MODEL_OUTPUT_SIZE",
        "buffer_offset": f"{{{memory.buffers[0]}, {memory.buffers[1]}}}",
    }
    parts.append(emit.structure("kws_network", "kws_model_network", fields, static=False))
    return "\n\n".join(parts)
