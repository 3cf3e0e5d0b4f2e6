"""A stack of layers as an int8 .tflite graph: written from float weights and ranges, and read back.

TensorFlow's converter makes no single-step graph of a convolution over time, so kws writes it: weights are
symmetric, one scale a channel (an LSTM's and a wake word's last layer one a matrix), activations have the range that
was measured, biases the scale of the sums that they are added to. Earlier rows are a variable, as in the files of
microWakeWord: READ_VARIABLE, CONCATENATION, STRIDED_SLICE, ASSIGN_VARIABLE.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.posterior import POSTERIOR_SCALE, POSTERIOR_ZERO_POINT
from kws.layers.kind import NONE, RELU, TANH
from kws.layers.window import VALID
from kws.network.lstm_layer import CELL_CLIP, OPERATOR
from kws.network.stack.layer import Call, Layer, Weights
from kws.network.stack.layers import Average, Conv, Dense, Depthwise, History, Lstm, MaxPool, PadBands
from kws.tflite import Graph, Operator, Tensor
from kws.types import Floats

if TYPE_CHECKING:
    from kws.network.stack.network import StackNetwork

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest value by tensor."""
INT8, INT16, INT32 = (np.dtype(t) for t in (np.int8, np.int16, np.int32))
_RESOURCE = np.dtype(np.void)
_LEAST_RANGE = 1e-5
_GREATEST_BIAS = 2.0**30
TIME = 1
"""Axis of rows."""


def ranged(network: StackNetwork) -> list[str]:
    """Names of the tensors whose range must be known."""
    names = []
    for name, layer in zip(network.names, network.layers, strict=True):
        if isinstance(layer, Lstm):
            names += [f"{name}/cell", f"{name}/hidden"]
        elif layer.parts:
            names.append(f"{name}/output")
    return names


def _format(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of int8 for a range with 0 in it, 0 being a value of its own."""
    scale = max(high - low, _LEAST_RANGE) / 255
    scale = float(np.float32(scale))
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


class Writer:
    """A graph in the making.

    Args:
        network: the network.
        ranges: of :func:`ranged`.
        frames: of a whole clip that one call hears; None for one frame a call, with states.
    """

    def __init__(self, network: StackNetwork, ranges: Ranges, frames: int | None) -> None:
        self._network, self._ranges, self._frames = network, ranges, frames
        self._calls = 1 if frames is None else frames
        self._graph = Graph([], [], (), ())
        self._first = Graph([], [], (), ())

    def graph(self) -> Graph:
        """The whole graph."""
        network, frame = self._network, self._network.frame
        shape = (1, self._calls * frame.rows, frame.bands)
        x = source = self._tensor("features", shape, INT8, frame.scale, frame.zero_point)
        x = self._reshape(x, (*shape, 1))
        for i, (name, layer) in enumerate(zip(network.names, network.layers, strict=True)):
            x = self._layer(x, name, layer, network.weights[i], network.calls[i])
        made = self._like("posteriors", x, self._shape(x))
        sink = self._graph.tensors[made]
        sink.scales, sink.zero_points = np.array([POSTERIOR_SCALE], np.float32), np.array([POSTERIOR_ZERO_POINT])
        if network.wake:
            self._op("LOGISTIC", (x,), (made,))
        else:
            self._op("SOFTMAX", (x,), (made,), Beta=1.0)
        self._graph.inputs, self._graph.outputs = (source,), (made,)
        if self._first.operators:
            self._graph.subgraphs.append(self._first)
            self._graph.operators.insert(0, Operator("CALL_ONCE", (), (), {"InitSubgraphIndex": 1}))
        return self._graph

    def _layer(self, x: int, name: str, layer: Layer, weights: Weights, call: Call) -> int:
        made: int
        match layer:
            case History():
                made = self._history(x, name, layer.rows)
            case PadBands():
                made = self._pad(x, name, (0, 0), (layer.before, layer.behind))
            case Conv():
                kernel, strides = weights["kernel"].transpose(3, 0, 1, 2), (call.step, layer.band_stride)
                made = self._convolution(x, name, "CONV_2D", kernel, weights, strides, layer.relu)
            case Depthwise():
                kernel = weights["kernel"][None]
                made = self._convolution(x, name, "DEPTHWISE_CONV_2D", kernel, weights, (1, 1), layer.relu)
            case MaxPool():
                made = self._pool(x, name, "MAX_POOL_2D", (1, layer.bands), (1, layer.bands))
            case Average():
                made = self._pool(x, name, "AVERAGE_POOL_2D", (call.rows, call.bands), (call.step, 1))
            case Lstm():
                made = self._lstm(x, name, weights)
            case Dense():
                made = self._dense(x, name, layer, weights, call)
            case _:
                raise AssertionError(f"{layer.kind} has no operator")
        return made

    # Tensors and operators.

    def _tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        scale: float | Floats | None = None,
        zero_point: int = 0,
        data: npt.NDArray[Any] | None = None,
        **more: Any,
    ) -> int:
        scales = np.atleast_1d(np.asarray([] if scale is None else scale, np.float32))
        zeros = np.full(len(scales), zero_point, np.int64)
        self._graph.tensors.append(Tensor(name, shape, dtype, scales, zeros, data=data, **more))
        return len(self._graph.tensors) - 1

    def _op(self, operator: str, inputs: tuple[int, ...], outputs: tuple[int, ...], **options: Any) -> None:
        self._graph.operators.append(Operator(operator, inputs, outputs, options))

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return self._graph.tensors[tensor].shape

    def _like(self, name: str, x: int, shape: tuple[int, ...]) -> int:
        source = self._graph.tensors[x]
        return self._tensor(name, shape, INT8, source.scale, source.zero_point)

    def _constant(self, name: str, values: list[int] | list[tuple[int, int]]) -> int:
        data = np.array(values, np.int32)
        return self._tensor(name, data.shape, INT32, data=data)

    def _reshape(self, x: int, shape: tuple[int, ...]) -> int:
        if self._shape(x) == shape:
            return x
        out = self._like(f"{self._graph.tensors[x].name}/reshaped", x, shape)
        self._op("RESHAPE", (x, self._constant("shape", [*shape])), (out,))
        return out

    def _ranged(self, name: str, shape: tuple[int, ...]) -> int:
        return self._tensor(name, shape, INT8, *_format(*self._ranges[name]))

    # Layers.

    def _history(self, x: int, name: str, rows: int) -> int:
        if self._frames is not None:
            return self._pad(x, name, (rows, 0), (0, 0))
        shape = self._shape(x)
        kept = (1, rows, *shape[2:])
        shared = {"Container": b"", "SharedName": name.encode()}
        zeros = np.full(kept, self._graph.tensors[x].zero_point, np.int8)
        at = len(self._first.tensors)
        source = self._graph.tensors[x]
        self._first.tensors += [
            Tensor(name, (), _RESOURCE),
            Tensor(f"{name}/zeros", kept, INT8, source.scales, source.zero_points, data=zeros),
        ]
        self._first.operators.append(Operator("VAR_HANDLE", (), (at,), dict(shared)))
        self._first.operators.append(Operator("ASSIGN_VARIABLE", (at, at + 1), ()))
        handle = self._tensor(name, (), _RESOURCE)
        self._op("VAR_HANDLE", (), (handle,), **shared)
        read, both = self._like(f"{name}/kept", x, kept), self._like(name, x, (1, rows + shape[1], *shape[2:]))
        self._op("READ_VARIABLE", (handle,), (read,))
        self._op("CONCATENATION", (read, x), (both,), Axis=TIME)
        last = self._like(f"{name}/newest", x, kept)
        limits = ([0, shape[1], 0, 0], [1, shape[1] + rows, *shape[2:]], [1, 1, 1, 1])
        begin, end, strides = (self._constant(f"{name}/{what}", [*v]) for what, v in zip("bes", limits, strict=True))
        self._op("STRIDED_SLICE", (both, begin, end, strides), (last,), BeginMask=0, EndMask=0)
        self._op("ASSIGN_VARIABLE", (handle, last), ())
        return both

    def _pad(self, x: int, name: str, rows: tuple[int, int], bands: tuple[int, int]) -> int:
        shape = self._shape(x)
        out = self._like(name, x, (1, shape[1] + sum(rows), shape[2] + sum(bands), shape[3]))
        self._op("PAD", (x, self._constant(f"{name}/edges", [(0, 0), rows, bands, (0, 0)])), (out,))
        return out

    def _pool(self, x: int, name: str, operator: str, size: tuple[int, int], strides: tuple[int, int]) -> int:
        _, rows, bands, channels = self._shape(x)
        made = (1, (rows - size[0]) // strides[0] + 1, (bands - size[1]) // strides[1] + 1, channels)
        out = self._like(name, x, made)
        options = {"FilterHeight": size[0], "FilterWidth": size[1], "StrideH": strides[0], "StrideW": strides[1]}
        options |= {"Padding": VALID, "FusedActivationFunction": NONE}
        self._graph.operators.append(Operator(operator, (x,), (out,), options, options_table="Pool2DOptions"))
        return out

    def _matrix(self, name: str, x: int, kernel: Floats, bias: Floats, axis: int | None) -> tuple[int, int]:
        """Int8 weights, one scale for each place on ``axis`` or one in all, and int32 biases."""
        source = self._graph.tensors[x].scale
        axes = tuple(i for i in range(kernel.ndim) if i != axis)
        greatest = np.abs(kernel).max(axis=axes if axis is not None else None).astype(np.float64)
        # A bias must fit its sums' 32 bits, however small the weights are.
        largest = np.abs(bias) if axis is not None else np.abs(bias).max()
        scales = np.maximum(np.maximum(greatest / 127, largest / (source * _GREATEST_BIAS)), _LEAST_RANGE / 127)
        scales = scales.astype(np.float32).astype(np.float64)
        along = scales if axis is None else scales.reshape([-1 if i == axis else 1 for i in range(kernel.ndim)])
        data = np.clip(np.rint(kernel / along), -127, 127).astype(np.int8)
        w = self._tensor(f"{name}/weights", kernel.shape, INT8, scales, data=data, channel_axis=axis or 0)
        sums = source * scales
        values = np.rint(bias / sums).astype(np.int32)
        return w, self._tensor(f"{name}/bias", bias.shape, INT32, sums, data=values)

    def _convolution(
        self, x: int, name: str, operator: str, kernel: Floats, weights: Weights, strides: tuple[int, int], relu: int
    ) -> int:
        _, rows, bands, _ = self._shape(x)
        axis = 0 if operator == "CONV_2D" else 3
        w, b = self._matrix(name, x, kernel, weights["bias"], axis)
        _, high, wide, _ = kernel.shape
        made = (1, (rows - high) // strides[0] + 1, (bands - wide) // strides[1] + 1, kernel.shape[axis])
        out = self._ranged(f"{name}/output", made)
        options = {"Padding": VALID, "StrideH": strides[0], "StrideW": strides[1], "DilationHFactor": 1}
        options |= {"DilationWFactor": 1, "FusedActivationFunction": RELU if relu else NONE}
        if operator != "CONV_2D":
            options["DepthMultiplier"] = 1
        self._op(operator, (x, w, b), (out,), **options)
        return out

    def _dense(self, x: int, name: str, layer: Dense, weights: Weights, call: Call) -> int:
        kernel, bias = weights["kernel"], weights["bias"]
        last = layer is self._network.layers[-1]
        wake = last and self._network.wake
        if wake:
            kernel, bias = kernel[:, -1:], bias[-1:]
        if self._frames is not None and call.rows > 1:
            return self._dense_over_rows(x, name, layer, kernel, bias, call)
        x = self._reshape(x, (self._calls, call.size))
        w, b = self._matrix(name, x, np.ascontiguousarray(kernel.T), bias, None if wake else 0)
        out = self._ranged(f"{name}/output", (self._calls, len(bias)))
        activation = RELU if layer.relu else NONE
        self._op("FULLY_CONNECTED", (x, w, b), (out,), FusedActivationFunction=activation, KeepNumDims=False)
        return out if last else self._reshape(out, (1, self._calls, 1, len(bias)))

    def _dense_over_rows(self, x: int, name: str, layer: Dense, kernel: Floats, bias: Floats, call: Call) -> int:
        """A dense layer over the rows of a call as a convolution over those of a clip."""
        window = kernel.reshape(call.rows, call.bands, call.channels, -1).transpose(3, 0, 1, 2)
        out = self._convolution(x, name, "CONV_2D", window, {"bias": bias}, (call.step, 1), layer.relu)
        last = layer is self._network.layers[-1]
        return self._reshape(out, (self._calls, len(bias))) if last else out

    def _lstm(self, x: int, name: str, weights: Weights) -> int:
        inputs, units = len(weights["kernel"]), len(weights["recurrent"])
        x = self._reshape(x, (1, self._calls, inputs))
        h_scale, h_zero = _format(*self._ranges[f"{name}/hidden"])
        hidden = self._tensor(f"{name}/h", (1, units), INT8, h_scale, h_zero, is_variable=True)
        greatest = max(*(abs(v) for v in self._ranges[f"{name}/cell"]), 2.0**-9)
        power = math.ceil(math.log2(greatest)) - 15
        cell = self._tensor(f"{name}/c", (1, units), INT16, 2.0**power, is_variable=True)
        parts: dict[str, list[int]] = {"kernel": [], "recurrent": [], "bias": []}
        nothing = np.zeros(units, np.float32)
        for gate in range(4):
            columns = slice(gate * units, (gate + 1) * units)
            kernel, recurrent = (np.ascontiguousarray(weights[p][:, columns].T) for p in ("kernel", "recurrent"))
            w, b = self._matrix(f"{name}/input_{gate}", x, kernel, weights["bias"][columns], None)
            parts["kernel"].append(w)
            parts["bias"].append(b)
            r, _ = self._matrix(f"{name}/recurrent_{gate}", hidden, recurrent, nothing, None)
            self._graph.tensors.pop()  # these have no bias of their own
            parts["recurrent"].append(r)
        out = self._tensor(f"{name}/hidden", (1, self._calls, units), INT8, h_scale, h_zero)
        unused = [self._tensor(f"{name}/i{k}", (0,), INT16, 2.0**-12) for k in range(4)]
        unused.append(self._tensor(f"{name}/i4", (0,), INT8, h_scale, h_zero))
        absent = -1
        inputs_ = (x, *parts["kernel"], *parts["recurrent"], absent, absent, absent, *parts["bias"])
        inputs_ = (*inputs_, absent, absent, hidden, cell, absent, absent, absent, absent)
        options = {"FusedActivationFunction": TANH, "CellClip": CELL_CLIP, "TimeMajor": False}
        self._graph.operators.append(Operator(OPERATOR, inputs_, (out,), options, tuple(unused)))
        return self._reshape(out, (1, self._calls, 1, units))
