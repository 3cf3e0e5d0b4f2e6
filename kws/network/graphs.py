"""What the kinds of network share in reading and rewriting .tflite graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.tflite import Graph, Operator, Tensor
from kws.types import Floats


def one_frame_a_call(graph: Graph) -> Graph:
    """A network over whole clips, all of whose activations are [1, frames, values], with frames = 1.

    Tensors that no operator uses and metadata are left out.
    """
    used = sorted({i for op in graph.operators for i in (*op.inputs, *op.outputs, *op.intermediates) if i >= 0})
    place = {old: new for new, old in enumerate(used)}
    flowing = {*graph.inputs, *(i for op in graph.operators for i in op.outputs)}
    tensors = []
    for index in used:
        tensor = graph.tensors[index]
        if index in flowing:
            batch, _, size = tensor.shape
            tensor = replace(tensor, shape=(batch, 1, size))
        tensors.append(tensor)
    operators = [op.moved(place) for op in graph.operators]
    return Graph(tensors, operators, (place[graph.inputs[0]],), (place[graph.outputs[0]],))


def dequantized(values: npt.NDArray[Any], tensor: Tensor) -> Floats:
    """Integers in a tensor's format as float32; a scale a channel is one a row."""
    scales = tensor.scales if tensor.scales.size == 1 else tensor.scales[:, None]
    return np.asarray((values.astype(np.float32) - tensor.zero_point) * scales, np.float32)


def weights(graph: Graph, op: Operator, position: int) -> Floats:
    """An operator's int8 [outputs, inputs] weights as float32 [inputs, outputs]."""
    tensor = graph.tensors[op.inputs[position]]
    assert tensor.data is not None  # or the file would not have become a model
    return np.ascontiguousarray(dequantized(tensor.data, tensor).T)


def bias(graph: Graph, op: Operator, position: int, weights: int) -> Floats:
    """An operator's int32 biases as float32 [outputs].

    They have the scale of the sums that they are added to, the input's times the weights', as in the kernels.

    Args:
        graph: where the operator is.
        op: the operator.
        position: of the biases among its inputs.
        weights: of the weights among its inputs.
    """
    kernel = graph.tensors[op.inputs[weights]]
    outputs = kernel.shape[0]
    index = op.inputs[position] if position < len(op.inputs) else -1
    data = graph.tensors[index].data if index >= 0 else None
    if data is None:
        return np.zeros(outputs, np.float32)  # the converter drops the data of an all-zero bias
    scale = graph.tensors[op.inputs[0]].scale * np.broadcast_to(kernel.scales.astype(np.float64), outputs)
    return np.asarray(data.reshape(outputs) * scale, np.float32)
