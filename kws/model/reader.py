"""From a .tflite graph to the harness's network; what cannot run on the device is refused here.

The parameters are derived as TFLM's ``Prepare`` functions derive them: every product of scales
in double precision (the rule of tflite-micro wheels from 0.dev20261013214400 on).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.errors import KwsError
from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, INT32_MAX, Multiplier
from kws.fixedpoint.layers.fully_connected import FullyConnected
from kws.fixedpoint.layers.logistic import Logistic
from kws.fixedpoint.layers.lstm import GATE_SCALE_POWER, Lstm, LstmGate
from kws.fixedpoint.layers.softmax import Softmax
from kws.fixedpoint.network import Layer, Network, RowSlice
from kws.tflite import Graph, Operator, Tensor

SUPPORTED = (
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "FULLY_CONNECTED",
    "SOFTMAX",
    "LOGISTIC",
    "RESHAPE",
    "STRIDED_SLICE",
)
GREATEST_SIZE = 65535
"""The generated C holds sizes in 16 bits."""
GREATEST_SOFTMAX = 511
"""With more values the sum of exponentials can leave the kernel's fixed-point range."""
LOGISTIC_SCALES = (2.0**-28, 8.0)
"""Input scales, from one to below the other, for which TFLM's kernel computes a logistic function."""

_LSTM_INPUT_WEIGHTS = (1, 2, 3, 4)
_LSTM_RECURRENT_WEIGHTS = (5, 6, 7, 8)
_LSTM_PEEPHOLES = (9, 10, 11)
_LSTM_BIASES = (12, 13, 14, 15)
_LSTM_PROJECTION = (16, 17)
_LSTM_HIDDEN, _LSTM_CELL = 18, 19
_LSTM_LAYER_NORM = (20, 21, 22, 23)

# ActivationFunctionType of the .tflite schema
_NONE, _RELU, _RELU_N1_TO_1, _RELU6, _TANH = 0, 1, 2, 3, 4


def to_network(graph: Graph) -> Network:
    """Build the network that a graph describes.

    Raises:
        KwsError: an operator, an option, a type or a shape that the firmware cannot run; the
            message names the operator.
    """
    for op in graph.operators:
        if op.name not in SUPPORTED:
            raise KwsError(f"operator {op.name} is not one the firmware can run ({', '.join(SUPPORTED)})")
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise KwsError(f"has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs where one of each is expected")
    if not graph.operators:
        raise KwsError("has no operator")
    source, sink = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    for tensor, what in ((source, "input"), (sink, "output")):
        _require_int8(tensor, f"the {what}")
        if not tensor.shape or math.prod(tensor.shape) == 0:
            raise KwsError(f"the {what} has no values: its shape is {list(tensor.shape)}")
    current = graph.inputs[0]
    shape = source.shape
    layers: list[Layer] = []
    for position, op in enumerate(graph.operators):
        where = f"operator {op.name} (number {position})"
        if not op.inputs or op.inputs[0] != current or len(op.outputs) != 1:
            raise KwsError(f"{where} does not follow the one before it; only a chain of operators can run")
        current = op.outputs[0]
        out = graph.tensors[current]
        try:
            layer, shape = _layer(graph, op, shape, out, current)
        except KwsError as error:
            raise KwsError(f"{where}: {error}") from error
        if layer is not None:
            layers.append(layer)
    if current != graph.outputs[0]:
        raise KwsError("the output is not the last operator's")
    if not layers:
        raise KwsError("has no layer that computes anything")
    return Network(
        tuple(layers), source.shape, source.scale, source.zero_point, sink.shape, sink.scale, sink.zero_point
    )


def _layer(
    graph: Graph, op: Operator, shape: tuple[int, ...], out: Tensor, index: int
) -> tuple[Layer | None, tuple[int, ...]]:
    tensors = [graph.tensors[i] if i >= 0 else None for i in op.inputs]
    source = graph.tensors[op.inputs[0]]
    _require_int8(source, "its input")
    _require_int8(out, "its output")
    if max(math.prod(shape), math.prod(out.shape)) > GREATEST_SIZE:
        raise KwsError(f"{max(math.prod(shape), math.prod(out.shape))} values at once are more than {GREATEST_SIZE}")
    if op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        lstm = _lstm(op, tensors, source, out)
        rows = _lstm_rows(op, shape, lstm)
        return Layer(lstm, rows, lstm.inputs, rows, lstm.units, index), (*shape[:-1], lstm.units)
    if op.name == "FULLY_CONNECTED":
        dense = _fully_connected(op, tensors, source, out)
        rows, rest = divmod(math.prod(shape), dense.inputs)
        if rest:
            raise KwsError(f"its input of shape {list(shape)} does not divide into rows of {dense.inputs}")
        keep = bool(op.options.get("KeepNumDims", False))
        new_shape = (*shape[:-1], dense.outputs) if keep else (rows, dense.outputs)
        return Layer(dense, rows, dense.inputs, rows, dense.outputs, index), new_shape
    if op.name in ("SOFTMAX", "LOGISTIC"):
        if out.scale != 1 / 256 or out.zero_point != INT8_MIN:
            raise KwsError("its output must have scale 1/256 and zero point -128")
        rows, size = math.prod(shape[:-1]), shape[-1]
        if op.name == "SOFTMAX" and size > GREATEST_SOFTMAX:
            raise KwsError(f"it is over {size} values; at most {GREATEST_SOFTMAX} can run")
        if op.name == "LOGISTIC" and not LOGISTIC_SCALES[0] <= source.scale < LOGISTIC_SCALES[1]:
            raise KwsError(f"its input scale is {source.scale}; TFLM runs scales from 2^-28 to below 8")
        try:
            kernel = (
                Softmax.of(source.scale, float(op.options.get("Beta", 1.0)))
                if op.name == "SOFTMAX"
                else Logistic.of(source.scale, source.zero_point)
            )
        except ValueError as error:
            raise KwsError(str(error)) from error
        return Layer(kernel, rows, size, rows, size, index), shape
    if op.name == "RESHAPE":
        if math.prod(out.shape) != math.prod(shape):
            raise KwsError(f"cannot make {list(out.shape)} of {list(shape)}")
        return None, out.shape
    rows_slice, new_shape = _strided_slice(op, tensors, shape)
    rows_in, rows_out = math.prod(shape[:-1]), math.prod(new_shape) // shape[-1]
    if rows_in == rows_out:
        return None, new_shape
    return Layer(rows_slice, rows_in, shape[-1], rows_out, shape[-1], index), new_shape


def _require_int8(tensor: Tensor, what: str) -> None:
    if tensor.dtype != np.int8:
        raise KwsError(f"{what} ({tensor.name!r}) is {tensor.dtype}, not int8; convert the model fully to int8")
    if tensor.scales.size != 1:
        raise KwsError(f"{what} ({tensor.name!r}) has no per-tensor quantization")
    if not INT8_MIN <= tensor.zero_point <= INT8_MAX:
        raise KwsError(f"{what} ({tensor.name!r}) has zero point {tensor.zero_point}, which is not an int8")


def _constant(tensor: Tensor | None, what: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
    if tensor is None or tensor.data is None:
        raise KwsError(f"{what} are missing")
    if tensor.dtype != dtype:
        raise KwsError(f"{what} are {tensor.dtype}, not {np.dtype(dtype)}")
    return tensor.data


def _weights(tensor: Tensor | None, what: str, shape: tuple[int, ...] | None = None) -> npt.NDArray[np.int8]:
    data = _constant(tensor, what, np.int8)
    assert tensor is not None
    if data.ndim != 2 or (shape is not None and data.shape != shape):
        raise KwsError(f"{what} have shape {list(data.shape)}{f', not {list(shape)}' if shape else ''}")
    if tensor.scales.size < 1:
        raise KwsError(f"{what} have no quantization scale")
    if np.any(tensor.zero_points != 0):
        raise KwsError(f"{what} have a zero point that is not 0")
    return data


def _check_sum(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], zero_point: int) -> None:
    """Prove that no sum of products leaves int32, with the zero point folded into the bias."""
    wide = weights.astype(np.int64)
    folded = bias.astype(np.int64) - zero_point * wide.sum(axis=1)
    if np.any(np.abs(folded) + 128 * np.abs(wide).sum(axis=1) > INT32_MAX):
        raise KwsError("its bias is so large that a sum could leave int32")


def _bias(tensor: Tensor | None, count: int, what: str) -> npt.NDArray[np.int32]:
    if tensor is None:
        return np.zeros(count, np.int32)
    if tensor.data is None and tensor.dtype == np.int32:
        # The converter drops the data of an all-zero bias.
        return np.zeros(count, np.int32)
    data = _constant(tensor, what, np.int32)
    if data.size != count:
        raise KwsError(f"{what} are {data.size} values, not {count}")
    return data.reshape(count)


def _lstm_rows(op: Operator, shape: tuple[int, ...], lstm: Lstm) -> int:
    if len(shape) != 3 or shape[2] != lstm.inputs:
        raise KwsError(f"its input has shape {list(shape)}, not [1, steps, {lstm.inputs}]")
    time_major = bool(op.options.get("TimeMajor", False))
    batch, steps = (shape[1], shape[0]) if time_major else (shape[0], shape[1])
    if batch != 1:
        raise KwsError(f"its batch is {batch}; only batch 1 can run on a device")
    return steps


def _lstm(op: Operator, tensors: list[Tensor | None], source: Tensor, out: Tensor) -> Lstm:
    if len(tensors) != 24:
        raise KwsError(f"has {len(tensors)} inputs, not 24")
    for group, what in (
        (_LSTM_PEEPHOLES, "peephole connections"),
        (_LSTM_PROJECTION, "a projection"),
        (_LSTM_LAYER_NORM, "layer normalisation"),
    ):
        if any(tensors[i] is not None for i in group):
            raise KwsError(f"uses {what}, which TFLM's kernel does not run")
    if any(tensors[i] is None for i in (*_LSTM_INPUT_WEIGHTS, *_LSTM_RECURRENT_WEIGHTS)):
        raise KwsError("couples its input and forget gates (CIFG), which TFLM's kernel does not run")
    if op.options.get("FusedActivationFunction", _NONE) != _TANH:
        raise KwsError("its cell activation is not tanh")
    hidden, cell = tensors[_LSTM_HIDDEN], tensors[_LSTM_CELL]
    if hidden is None or cell is None:
        raise KwsError("has no state tensors")
    _require_int8(hidden, "its hidden state")
    if cell.dtype != np.int16 or cell.scales.size != 1 or cell.zero_point != 0:
        raise KwsError("its cell state is not symmetric int16")
    power = math.log2(cell.scale)
    if power != round(power) or not -24 <= power <= 0:
        raise KwsError(f"its cell scale {cell.scale} is not a power of two from 2^-24 to 1")
    if (hidden.scale, hidden.zero_point) != (out.scale, out.zero_point):
        raise KwsError("its output and its hidden state have different quantization")
    first = _weights(tensors[1], "input weights")
    units, inputs = first.shape
    gates = [_lstm_gate(tensors, k, units, inputs, source, hidden) for k in range(4)]
    clip = float(op.options.get("CellClip", 0.0))
    if 0 < clip < cell.scale:
        raise KwsError(f"its cell clip {clip} is below the cell's scale {cell.scale}, which would clip everything to 0")
    return Lstm(
        gates=(gates[0], gates[1], gates[2], gates[3]),
        input_zero_point=source.zero_point,
        hidden_zero_point=hidden.zero_point,
        forget_factor=Multiplier.of(2.0**-15 * cell.scale / cell.scale),
        input_factor=Multiplier.of(2.0**-30 / cell.scale),
        output_factor=Multiplier.of(2.0**-30 / hidden.scale),
        cell_scale_power=round(power),
        cell_clip=int(min(max(clip / cell.scale, 0.0), 32767.0)),
    )


def _lstm_gate(
    tensors: list[Tensor | None], gate: int, units: int, inputs: int, source: Tensor, hidden: Tensor
) -> LstmGate:
    w_tensor, r_tensor = tensors[_LSTM_INPUT_WEIGHTS[gate]], tensors[_LSTM_RECURRENT_WEIGHTS[gate]]
    w = _weights(w_tensor, "input weights", (units, inputs))
    r = _weights(r_tensor, "recurrent weights", (units, units))
    bias = _bias(tensors[_LSTM_BIASES[gate]], units, "gate biases")
    assert w_tensor is not None
    assert r_tensor is not None
    if w_tensor.scales.size != 1 or r_tensor.scales.size != 1:
        raise KwsError("its weights are quantized per channel, which TFLM's kernel does not run")
    _check_sum(w, bias, source.zero_point)
    _check_sum(r, np.zeros(units, np.int32), hidden.zero_point)
    return LstmGate(
        w,
        r,
        bias,
        Multiplier.of(source.scale * w_tensor.scale / 2.0**GATE_SCALE_POWER),
        Multiplier.of(hidden.scale * r_tensor.scale / 2.0**GATE_SCALE_POWER),
    )


def _fully_connected(op: Operator, tensors: list[Tensor | None], source: Tensor, out: Tensor) -> FullyConnected:
    if op.options.get("WeightsFormat", 0) != 0:
        raise KwsError("its weights are in a shuffled format")
    w_tensor = tensors[1] if len(tensors) > 1 else None
    weights = _weights(w_tensor, "weights")
    assert w_tensor is not None
    outputs = weights.shape[0]
    bias = _bias(tensors[2] if len(tensors) > 2 else None, outputs, "biases")
    scales = w_tensor.scales.astype(np.float64)
    if scales.size not in (1, outputs) or (scales.size > 1 and w_tensor.channel_axis != 0):
        raise KwsError(f"its weights have {scales.size} scales, not 1 or {outputs} along the outputs")
    _check_sum(weights, bias, source.zero_point)
    low, high = _activation_range(int(op.options.get("FusedActivationFunction", _NONE)), out)
    return FullyConnected(
        weights=weights,
        bias=bias,
        input_zero_point=source.zero_point,
        output_zero_point=out.zero_point,
        factors=tuple(Multiplier.of(source.scale * float(s) / out.scale) for s in scales),
        activation_min=low,
        activation_max=high,
    )


def _activation_range(activation: int, out: Tensor) -> tuple[int, int]:
    """The int8 range that a fused activation leaves (TFLite's ``CalculateActivationRangeQuantized``).

    Raises:
        KwsError: it is another activation than the four that only clamp, or a bound leaves int32.
    """

    def quantized(value: float) -> int:
        # The kernel divides in float32 and rounds halves away from zero.
        with np.errstate(over="ignore"):
            ratio = float(np.float32(value) / np.float32(out.scale))
        if abs(ratio) > INT32_MAX:
            raise KwsError(f"its output's scale {out.scale:g} is so small that {value:g} leaves int32; TFLM refuses it")
        return out.zero_point + math.floor(abs(ratio) + 0.5) * (1 if ratio >= 0 else -1)

    if activation == _NONE:
        return INT8_MIN, INT8_MAX
    if activation == _RELU:
        return max(INT8_MIN, quantized(0.0)), INT8_MAX
    if activation == _RELU6:
        return max(INT8_MIN, quantized(0.0)), min(INT8_MAX, quantized(6.0))
    if activation == _RELU_N1_TO_1:
        return max(INT8_MIN, quantized(-1.0)), min(INT8_MAX, quantized(1.0))
    raise KwsError(f"its fused activation (number {activation}) is not one the firmware can run")


def _strided_slice(
    op: Operator, tensors: list[Tensor | None], shape: tuple[int, ...]
) -> tuple[RowSlice, tuple[int, ...]]:
    if len(tensors) != 4:
        raise KwsError(f"has {len(tensors)} inputs, not 4")
    begin, end, strides = ([int(v) for v in _constant(t, "slice limits", np.int32).reshape(-1)] for t in tensors[1:])
    if not len(begin) == len(end) == len(strides):
        raise KwsError("its limits and strides have different lengths")
    options = {k: int(op.options.get(k, 0)) for k in ("BeginMask", "EndMask", "ShrinkAxisMask")}
    if int(op.options.get("EllipsisMask", 0)) or int(op.options.get("NewAxisMask", 0)) or op.options.get("Offset"):
        raise KwsError("uses an ellipsis, a new axis or an offset")
    if len(begin) > len(shape):
        raise KwsError(f"slices {len(begin)} axes of a tensor that has {len(shape)}")
    picked: list[range] = []
    new_shape: list[int] = []
    for axis, size in enumerate(shape):
        if axis >= len(begin):
            picked.append(range(size))
            new_shape.append(size)
        elif options["ShrinkAxisMask"] >> axis & 1:
            index = begin[axis] + (size if begin[axis] < 0 else 0)
            if not 0 <= index < size:
                raise KwsError(f"index {begin[axis]} is outside an axis of {size}")
            picked.append(range(index, index + 1))
        else:
            low = None if options["BeginMask"] >> axis & 1 else begin[axis]
            high = None if options["EndMask"] >> axis & 1 else end[axis]
            if strides[axis] <= 0:
                raise KwsError("a stride is not positive")
            picked.append(range(size)[low : high : strides[axis]])
            new_shape.append(len(picked[-1]))
    if len(shape) != 3 or shape[0] != 1 or len(picked[0]) != 1 or len(picked[2]) != shape[2] or not len(picked[1]):
        raise KwsError("only a slice along time of [1, steps, values] can run")
    steps = picked[1]
    return RowSlice(steps.start, steps.step), tuple(new_shape)
