"""The network's layers as C constants, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.codegen import emit
from kws.fixedpoint.fully_connected import FullyConnected
from kws.fixedpoint.logistic import Logistic
from kws.fixedpoint.lstm import GATES, Lstm
from kws.fixedpoint.network import Layer, Network
from kws.fixedpoint.softmax import Softmax


def align4(size: int) -> int:
    """``size`` rounded up to a multiple of 4."""
    return (size + 3) // 4 * 4


@dataclass(frozen=True)
class NetworkMemory:
    """Where everything lies in the network's memory, in bytes.

    Attributes:
        states: offsets of an LSTM layer's c and h, by layer index.
        buffers: offsets of the two buffers that layers write in turn.
        size: bytes in all.
    """

    states: dict[int, tuple[int, int]]
    buffers: tuple[int, int]
    size: int


def plan_memory(network: Network) -> NetworkMemory:
    """Lay out states first, then the two buffers."""
    offset = 0
    states = {}
    for index, layer in enumerate(network.layers):
        if isinstance(layer.kernel, Lstm):
            cell, hidden = offset, offset + align4(2 * layer.kernel.units)
            states[index] = (cell, hidden)
            offset = hidden + align4(layer.kernel.units)
    sizes = [layer.rows_out * layer.size_out for layer in network.layers]
    second = offset + align4(max(sizes[0::2]))
    return NetworkMemory(states, (offset, second), second + align4(max(sizes[1::2], default=0)))


def folded(bias: npt.NDArray[np.int32], weights: npt.NDArray[np.int8], zero_point: int) -> npt.NDArray[np.int64]:
    """The bias with the input's zero point folded in, so that the device subtracts nothing."""
    result: npt.NDArray[np.int64] = bias.astype(np.int64) - zero_point * weights.astype(np.int64).sum(axis=1)
    return result


def _lstm(index: int, lstm: Lstm, memory: NetworkMemory) -> list[str]:
    parts = []
    zeros = np.zeros(lstm.units, np.int32)
    for gate_name, gate in zip(GATES, lstm.gates, strict=True):
        name = f"lstm_{index}_{gate_name}"
        parts += [
            emit.array("int8_t", f"{name}_weights", gate.input_weights.reshape(-1), align=4),
            emit.array("int8_t", f"{name}_recurrent_weights", gate.recurrent_weights.reshape(-1), align=4),
            emit.array("int32_t", f"{name}_bias", folded(gate.bias, gate.input_weights, lstm.input_zero_point)),
            emit.array(
                "int32_t", f"{name}_recurrent_bias", folded(zeros, gate.recurrent_weights, lstm.hidden_zero_point)
            ),
        ]

    def each(suffix: str) -> str:
        return "{" + ", ".join(f"lstm_{index}_{gate}_{suffix}" for gate in GATES) + "}"

    cell_offset, hidden_offset = memory.states[index]
    fields: dict[str, str | int] = {
        "input_weights": each("weights"),
        "recurrent_weights": each("recurrent_weights"),
        "input_bias": each("bias"),
        "recurrent_bias": each("recurrent_bias"),
        "input_factor": emit.factors([g.input_factor for g in lstm.gates]),
        "recurrent_factor": emit.factors([g.recurrent_factor for g in lstm.gates]),
        "keep_factor": emit.factor(lstm.forget_factor),
        "add_factor": emit.factor(lstm.input_factor),
        "hidden_factor": emit.factor(lstm.output_factor),
        "hidden_zero_point": lstm.hidden_zero_point,
        "cell_scale_power": lstm.cell_scale_power,
        "cell_clip": lstm.cell_clip,
        "inputs": lstm.inputs,
        "units": lstm.units,
        "cell_offset": cell_offset,
        "hidden_offset": hidden_offset,
    }
    return [*parts, emit.structure("kws_lstm", f"kernel_{index}", fields)]


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
        "layers": "layers",
        "layer_count": "KWS_MODEL_LAYERS",
        "input_size": "KWS_MODEL_INPUT_SIZE",
        "output_size": "KWS_MODEL_OUTPUT_SIZE",
        "buffer_offset": f"{{{memory.buffers[0]}, {memory.buffers[1]}}}",
    }
    parts.append(emit.structure("kws_network", "kws_model_network", fields, static=False))
    return "\n\n".join(parts)
