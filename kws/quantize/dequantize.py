"""An int8 model as the float network it stands for, so that training can go on from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.errors import KwsError
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE, FEATURE_ZERO_POINT
from kws.model.file import Model
from kws.quantize.float_reference import CELL_CLIP, FloatLstm, FloatNetwork
from kws.tflite import Graph, Operator

Floats = npt.NDArray[np.float32]

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_NO_ACTIVATION = 0


def dequantize(model: Model) -> FloatNetwork:
    """The float network whose weights are those of an int8 model, each times its scale.

    Biases have the scale of the sums they are added to: the input's times the weights', as in
    the kernels. Nothing else is undone: what rounding took from the weights stays lost, and the
    rounding of activations, which a float network does not have, is left out.

    Raises:
        KwsError: other layers than `kws convert` makes: LSTMs of the front end's features whose
            cell is limited as in training, a dense layer without activation, softmax.
    """
    graph = model.graph
    names = [op.name for op in graph.operators]
    count = len(names) - 2
    if count < 1 or names != [*[_LSTM] * count, "FULLY_CONNECTED", "SOFTMAX"]:
        raise KwsError(
            f"{model.source} has other layers than kws trains: {', '.join(names)}; take a model of kws's own"
        )
    source = graph.tensors[graph.inputs[0]]
    if (source.scale, source.zero_point) != (FEATURE_SCALE, FEATURE_ZERO_POINT):
        raise KwsError(f"{model.source} does not read the front end's features; take a model of kws's own")
    lstms = tuple(_lstm(graph, op, model.source) for op in graph.operators[:count])
    dense = graph.operators[count]
    if int(dense.options.get("FusedActivationFunction", _NO_ACTIVATION)) != _NO_ACTIVATION:
        raise KwsError(f"{model.source} has an activation in its dense layer; take a model of kws's own")
    kernel = _weights(graph, dense, 1)
    return FloatNetwork(lstms, kernel, _bias(graph, dense, 2, weights=1))


def _lstm(graph: Graph, op: Operator, source: str) -> FloatLstm:
    clip = float(op.options.get("CellClip", 0.0))
    if clip != CELL_CLIP:
        raise KwsError(
            f"{source} limits its cells to {clip:g} and training to {CELL_CLIP:g}; take a model of kws's own"
        )
    # Both have the gates in the order input, forget, cell, output.
    gates = range(4)
    return FloatLstm(
        np.concatenate([_weights(graph, op, 1 + gate) for gate in gates], axis=1),
        np.concatenate([_weights(graph, op, 5 + gate) for gate in gates], axis=1),
        np.concatenate([_bias(graph, op, 12 + gate, weights=1 + gate) for gate in gates]),
    )


def _weights(graph: Graph, op: Operator, position: int) -> Floats:
    """float32 [inputs, outputs] of int8 [outputs, inputs]."""
    tensor = graph.tensors[op.inputs[position]]
    assert tensor.data is not None  # or the file would not have become a model
    scales = np.broadcast_to(tensor.scales, tensor.data.shape[0])
    return np.ascontiguousarray((tensor.data * scales[:, None]).T, np.float32)


def _bias(graph: Graph, op: Operator, position: int, weights: int) -> Floats:
    kernel = graph.tensors[op.inputs[weights]]
    outputs = kernel.shape[0]
    index = op.inputs[position] if position < len(op.inputs) else -1
    data = graph.tensors[index].data if index >= 0 else None
    if data is None:
        return np.zeros(outputs, np.float32)  # the converter drops the data of an all-zero bias
    scale = graph.tensors[op.inputs[0]].scale * np.broadcast_to(kernel.scales.astype(np.float64), outputs)
    return np.asarray(data.reshape(outputs) * scale, np.float32)
