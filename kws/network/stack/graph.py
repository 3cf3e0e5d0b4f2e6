"""A stack of layers as an int8 .tflite graph: written from float weights and ranges, and read back.

TensorFlow's converter makes no single-step graph of a convolution over time, so kws writes it: weights are
symmetric, one scale a channel (an LSTM's and a wake word's last layer one a matrix), activations have the range that
was measured, biases the scale of the sums that they are added to. Earlier rows are a variable, as in the files of
microWakeWord: READ_VARIABLE, CONCATENATION, STRIDED_SLICE, ASSIGN_VARIABLE. The state of a GRU or an RNN is an input
and an output.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kws.fixedpoint.posterior import POSTERIOR_SCALE, POSTERIOR_ZERO_POINT
from kws.layers.kind import NONE, RELU, TANH
from kws.layers.window import VALID
from kws.network.lstm_layer import CELL_CLIP, OPERATOR
from kws.network.stack.cells import Cells
from kws.network.stack.layer import Call, Layer, Weights
from kws.network.stack.layers import Average, Conv, Dense, Depthwise, History, MaxPool, PadBands
from kws.network.stack.recurrent import Gru, Lstm, Recurrent, Rnn
from kws.network.stack.tensors import INT8, INT16, Ranges, format_of
from kws.tflite import Graph, Operator, Tensor
from kws.types import Floats

if TYPE_CHECKING:
    from kws.network.stack.network import StackNetwork

_RESOURCE = np.dtype(np.void)
TIME = 1
"""Axis of rows."""


def ranged(network: StackNetwork) -> list[str]:
    """Names of the tensors whose range must be known."""
    names = []
    for name, layer in zip(network.names, network.layers, strict=True):
        if isinstance(layer, Recurrent):
            names += [f"{name}{tensor}" for tensor in layer.ranged]
        elif layer.parts:
            names.append(f"{name}/output")
    return names


class Writer(Cells):
    """A graph in the making.

    Args:
        network: the network.
        ranges: of :func:`ranged`.
        frames: of a whole clip that one call hears; None for one frame a call, with states.
    """

    def __init__(self, network: StackNetwork, ranges: Ranges, frames: int | None) -> None:
        super().__init__(ranges)
        self._network, self._frames = network, frames
        self._calls = 1 if frames is None else frames

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
        return self._closed(source, made)

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
            case Gru() | Rnn():
                made = self._cell(x, name, layer, weights, call)
            case Dense():
                made = self._dense(x, name, layer, weights, call)
            case _:
                raise AssertionError(f"{layer.kind} has no operator")
        return made

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
        h_scale, h_zero = format_of(*self._ranges[f"{name}/hidden"])
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
