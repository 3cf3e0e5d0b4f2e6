"""An int8 graph that kws wrote, as layers and float weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kws.errors import KwsError
from kws.layers.kind import NONE, RELU
from kws.layers.window import VALID
from kws.network.base import Format, Frame
from kws.network.graphs import bias, dequantized, weights
from kws.network.lstm_layer import CELL_CLIP, OPERATOR, PARTS, FloatLstm
from kws.network.stack.cells import OPERATORS
from kws.network.stack.layer import Layer, Weights
from kws.network.stack.layers import Average, Conv, Dense, Depthwise, History, MaxPool, PadBands
from kws.network.stack.recurrent import Cell, Lstm
from kws.tflite import Graph, Operator
from kws.types import Floats

KERNELS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", OPERATOR, "TANH", "MUL"})
"""By which operators kinds of networks differ."""
_AROUND = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "RESHAPE", "STRIDED_SLICE")
_POSTERIORS = ("SOFTMAX", "LOGISTIC")


def read(graph: Graph) -> tuple[Frame, list[Layer], list[Weights], bool]:
    """What the network reads, its layers with their weights, and whether its output is one probability.

    Raises:
        KwsError: it has an operator, or an option of one, that no stack has.
    """
    source = graph.tensors[graph.inputs[0]]
    if len(source.shape) != 3 or source.shape[0] != 1:
        raise KwsError(f"reads {list(source.shape)} and not [1, rows, bands]")
    frame = Frame(source.shape[1], source.shape[2], source.scale, source.zero_point)
    layers, found = [], []
    for operators in _computing(graph):
        if operators[-1].name not in _POSTERIORS:
            layer, values = _layer(graph, operators)
            layers.append(layer)
            found.append(values)
    if not layers:
        raise KwsError("has no layers")
    return frame, layers, found, graph.operators[-1].name == "LOGISTIC"


def _computing(graph: Graph) -> Iterator[list[Operator]]:
    """The operators of each layer."""
    left = [op for op in graph.operators if op.name not in _AROUND]
    while left:
        kind = _cell_at(left)
        count = 1 if kind is None else len(OPERATORS[kind])
        yield left[:count]
        left = left[count:]


def _cell_at(operators: list[Operator]) -> type[Cell] | None:
    names = tuple(op.name for op in operators)
    return next((kind for kind, own in OPERATORS.items() if names[: len(own)] == tuple(n for n, _ in own)), None)


def _option(op: Operator, name: str, default: int = 0) -> int:
    return int(op.options.get(name, default))


def _cell(graph: Graph, kind: type[Cell], operators: list[Operator]) -> tuple[Layer, Weights]:
    for op in operators:
        if _relu(op):
            raise KwsError(f"has a {op.name} with an activation inside a recurrent layer")
    steps = {step: op for op, (_, step) in zip(operators, OPERATORS[kind], strict=True)}
    products = {name: (weights(graph, steps[name], 1), bias(graph, steps[name], 2, weights=1)) for name in kind.sums}
    cell = kind.cell.of_products(products)
    return kind(cell.units), {part: getattr(cell, part) for part in kind.parts}


def _layer(graph: Graph, operators: list[Operator]) -> tuple[Layer, Weights]:
    kind = _cell_at(operators)
    if kind is not None:
        return _cell(graph, kind, operators)
    (op,) = operators
    shape = graph.tensors[op.inputs[0]].shape
    found: tuple[Layer, Weights] | None = None
    if op.name == "CONCATENATION" and len(shape) == 4:
        found = History(shape[1]), {}
    elif op.name == "PAD":
        found = _pad(graph, op)
    elif op.name in ("CONV_2D", "DEPTHWISE_CONV_2D") and _option(op, "Padding") == VALID:
        found = _convolution(graph, op)
    elif op.name == "MAX_POOL_2D" and _option(op, "FilterHeight") == 1:
        found = MaxPool(_option(op, "FilterWidth")), {}
    elif op.name == "AVERAGE_POOL_2D" and (_option(op, "FilterHeight"), _option(op, "FilterWidth")) == shape[1:3]:
        found = Average(), {}
    elif op.name == OPERATOR and float(op.options.get("CellClip", 0.0)) == CELL_CLIP:
        lstm = FloatLstm.from_operator(graph, op)
        found = Lstm(lstm.units), {part: getattr(lstm, part) for part in PARTS}
    elif op.name == "FULLY_CONNECTED":
        kernel = weights(graph, op, 1)
        found = Dense(kernel.shape[1], _relu(op)), {"kernel": kernel, "bias": bias(graph, op, 2, weights=1)}
    if found is None:
        raise KwsError(f"has a {op.name} as kws trains none")
    return found


def _pad(graph: Graph, op: Operator) -> tuple[Layer, Weights] | None:
    edges = graph.tensors[op.inputs[1]].data
    if edges is None or edges.shape != (4, 2) or edges[[0, 1, 3]].any():
        return None
    return PadBands(int(edges[2, 0]), int(edges[2, 1])), {}


def _relu(op: Operator) -> int:
    activation = _option(op, "FusedActivationFunction")
    if activation not in (NONE, RELU):
        raise KwsError(f"has a {op.name} with another activation than ReLU")
    return int(activation == RELU)


def _convolution(graph: Graph, op: Operator) -> tuple[Layer, Weights]:
    tensor = graph.tensors[op.inputs[1]]
    assert tensor.data is not None  # or the file would not have become a model
    depthwise = op.name != "CONV_2D"
    scales = tensor.scales if depthwise else tensor.scales.reshape(-1, *[1] * 3)
    real = np.asarray(tensor.data.astype(np.float32) * scales, np.float32)
    _, rows, bands, last = real.shape
    if depthwise:
        if _option(op, "DepthMultiplier", 1) != 1 or _option(op, "StrideW", 1) != 1:
            raise KwsError("has a DEPTHWISE_CONV_2D as kws trains none")
        return Depthwise(rows, bands, _relu(op)), {"kernel": real[0], "bias": _bias(graph, op, last)}
    kernel = np.ascontiguousarray(real.transpose(1, 2, 3, 0))
    layer = Conv(rows, bands, kernel.shape[3], _option(op, "StrideW", 1), _relu(op))
    return layer, {"kernel": kernel, "bias": _bias(graph, op, kernel.shape[3])}


def _bias(graph: Graph, op: Operator, count: int) -> Floats:
    index = op.inputs[2] if len(op.inputs) > 2 else -1
    tensor = graph.tensors[index] if index >= 0 else None
    if tensor is None or tensor.data is None:
        return np.zeros(count, np.float32)
    return dequantized(tensor.data[:, None], tensor)[:, 0]


def formats(graph: Graph) -> dict[str, Format]:
    """How the file holds what `StackNetwork.trace` names."""
    found: dict[str, Format] = {}
    count: dict[str, int] = {}
    for operators in _computing(graph):
        op = operators[-1]
        made = Format(graph.tensors[op.outputs[0]], op.outputs[0])
        if op.name in _POSTERIORS:
            found["posteriors"] = made
            continue
        layer: Any = _layer(graph, operators)[0]
        name = f"{layer.kind}_{count.get(layer.kind, 0)}"
        count[layer.kind] = count.get(layer.kind, 0) + 1
        if isinstance(layer, Lstm):
            found |= FloatLstm.formats(name, graph, op)
        elif isinstance(layer, Cell):
            for op, (_, step) in zip(operators, OPERATORS[type(layer)], strict=True):
                if step:
                    found[f"{name}/{step}"] = Format(graph.tensors[op.outputs[0]], op.outputs[0])
        elif layer.parts:
            found[f"{name}/output"] = made
    return found
