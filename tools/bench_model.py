"""A model with random weights of any shape, for measuring what shapes cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kws.decisions import DetectorConfig
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.frontends import LogMelConfig
from kws.model.file import Model, ModelInfo, with_info
from kws.tflite import Graph, Operator, Tensor

_INT8, _INT16, _INT32 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32)
_ABSENT = -1


class _Builder:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = Graph([], [], (), ())

    def tensor(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], scale: float, zero: int = 0, **more: Any
    ) -> int:
        scales, zeros = np.array([scale], np.float32), np.array([zero], np.int64)
        self.graph.tensors.append(Tensor(name, shape, dtype, scales, zeros, **more))
        return len(self.graph.tensors) - 1

    def weights(self, name: str, rows: int, columns: int, gain: float) -> int:
        data = np.clip(np.round(self.rng.normal(0, 45, (rows, columns))), -127, 127).astype(np.int8)
        return self.tensor(name, (rows, columns), _INT8, gain / math.sqrt(columns) / 127, data=data)

    def bias(self, name: str, count: int, *scales_of: int) -> int:
        scale = float(np.prod([self.graph.tensors[t].scale for t in scales_of]))
        data = np.round(self.rng.normal(0, 0.3 / scale, count)).astype(np.int32)
        return self.tensor(name, (count,), _INT32, scale, data=data)

    def lstm(self, x: int, units: int, name: str) -> int:
        inputs = self.graph.tensors[x].shape[-1]
        w = [self.weights(f"{name}_w{g}", units, inputs, 1.0) for g in "ifco"]
        r = [self.weights(f"{name}_r{g}", units, units, 2.5) for g in "ifco"]
        b = [self.bias(f"{name}_b{g}", units, x, t) for g, t in zip("ifco", w, strict=True)]
        h = self.tensor(f"{name}_h", (1, units), _INT8, 1 / 128, is_variable=True)
        c = self.tensor(f"{name}_c", (1, units), _INT16, 2.0**-11, is_variable=True)
        out = self.tensor(f"{name}_out", (1, 1, units), _INT8, 1 / 128)
        inputs_ = (x, *w, *r, *[_ABSENT] * 3, *b, *[_ABSENT] * 2, h, c, *[_ABSENT] * 4)
        options = {"FusedActivationFunction": 4, "CellClip": 10.0, "TimeMajor": False}
        self.graph.operators.append(Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs_, (out,), options))
        return out


def random_model(units: tuple[int, ...] = (64,), inputs: int = 40, labels: int = 12, seed: int = 1) -> Model:
    """Front end, LSTMs of the given widths, a fully connected layer and a softmax.

    Args:
        units: widths of the LSTMs.
        inputs: bands of the front end.
        labels: outputs, the first two being no words.
        seed: of the weights.
    """
    builder = _Builder(seed)
    graph = builder.graph
    x = first = builder.tensor("features", (1, 1, inputs), _INT8, FEATURE_SCALE)
    for index, width in enumerate(units):
        x = builder.lstm(x, width, f"lstm_{index}")
    w = builder.weights("dense_w", labels, units[-1], 4.0)
    dense = builder.tensor("dense_out", (1, labels), _INT8, 0.05)
    options = {"FusedActivationFunction": 0, "KeepNumDims": False}
    graph.operators.append(
        Operator("FULLY_CONNECTED", (x, w, builder.bias("dense_b", labels, x, w)), (dense,), options)
    )
    y = builder.tensor("posteriors", (1, labels), _INT8, 1 / 256, -128)
    graph.operators.append(Operator("SOFTMAX", (dense,), (y,), {"Beta": 1.0}))
    graph.inputs, graph.outputs = (first,), (y,)
    names = ("_silence_", "_unknown_", *(f"word{i}" for i in range(labels - 2)))
    info = ModelInfo(names, LogMelConfig(bands=inputs), DetectorConfig(), {"note": "random weights"})
    return Model.from_bytes(with_info(graph, info), f"LSTM {'+'.join(map(str, units))}, {inputs} inputs, random")
