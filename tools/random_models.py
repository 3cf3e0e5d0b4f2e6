"""Models with random weights, scales and zero points, for tests and for measuring what shapes cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.decisions import DetectorConfig, SlidingMeanConfig
from kws.frontends import FrontendConfig, LogMelConfig, MicroFrontendConfig
from kws.model.file import Model, ModelInfo, with_info
from kws.tflite import Graph, Operator, Tensor, build

INT8, INT16, INT32 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32)


@dataclass
class Options:
    """How a random model is drawn; None means at random."""

    inputs: int = 40
    units: tuple[int, ...] = (32,)
    outputs: int = 12
    steps: int = 1
    head: str = "dense_softmax"  # or "none", "flatten", "last", "logistic", "frame_dense"
    per_channel: bool | None = None
    activation: int = 0
    bias: bool = True
    cell_power: int | None = None
    cell_clip: float = 10.0
    input_scale: float | None = None
    input_zero_point: int | None = None
    weights: str = "normal"  # or "saturated"
    time_major: bool = False
    gain: float = 2.5
    dense_gain: float = 2.5
    bias_gain: float = 1.0


class Builder:
    """A graph, put together operator by operator; every method returns the index of the tensor it makes."""

    def __init__(self, rng: np.random.Generator, options: Options) -> None:
        self.rng, self.o = rng, options
        self.graph = Graph([], [], (), ())

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        scale: npt.ArrayLike | None = None,
        zero_point: int = 0,
        data: npt.NDArray[Any] | None = None,
        is_variable: bool = False,
    ) -> int:
        """A tensor of the graph."""
        scales = np.atleast_1d(np.array([] if scale is None else scale, np.float32))
        zero_points = np.full(scales.size, zero_point, np.int64)
        self.graph.tensors.append(
            Tensor(name, tuple(shape), dtype, scales, zero_points, data=data, is_variable=is_variable)
        )
        return len(self.graph.tensors) - 1

    def weights(self, name: str, shape: tuple[int, int], gain: float, per_channel: bool = False) -> int:
        """Constant int8 weights."""
        if self.o.weights == "saturated":
            data = self.rng.choice([-127, 127], shape).astype(np.int8)
        else:
            data = np.clip(np.round(self.rng.normal(0, 45, shape)), -127, 127).astype(np.int8)
        count = shape[0] if per_channel else 1
        scale = self.rng.uniform(0.5, 2.0, count) * gain / math.sqrt(shape[1]) / 127
        return self.tensor(name, shape, INT8, scale, 0, data)

    def bias(self, name: str, count: int, scale: npt.NDArray[np.float64]) -> int:
        """Constant int32 biases."""
        if not self.o.bias:
            return self.tensor(name, (count,), INT32, scale, 0, np.zeros(count, np.int32))
        data = np.round(self.rng.normal(0, self.o.bias_gain, count) / np.broadcast_to(scale, count)).astype(np.int32)
        return self.tensor(name, (count,), INT32, scale, 0, data)

    def scale_of(self, tensor: int) -> npt.NDArray[np.float64]:
        """A tensor's scales."""
        return self.graph.tensors[tensor].scales.astype(np.float64)

    def lstm(self, x: int, units: int, index: int) -> int:
        """UNIDIRECTIONAL_SEQUENCE_LSTM."""
        source = self.graph.tensors[x]
        inputs = source.shape[-1]
        name = f"lstm_{index}"
        w = [self.weights(f"{name}_w{g}", (units, inputs), self.o.gain) for g in "ifco"]
        r = [self.weights(f"{name}_r{g}", (units, units), 2.5) for g in "ifco"]
        scales = [self.scale_of(x) * self.scale_of(t) for t in w]
        b = [self.bias(f"{name}_b{g}", units, scale) for g, scale in zip("ifco", scales, strict=True)]
        power = self.o.cell_power if self.o.cell_power is not None else int(self.rng.integers(-15, -9))
        h_scale = float(self.rng.uniform(0.5, 1.0)) / 127
        h_zero = int(self.rng.integers(-20, 20))
        h = self.tensor(f"{name}_h", (1, units), INT8, h_scale, h_zero, is_variable=True)
        c = self.tensor(f"{name}_c", (1, units), INT16, 2.0**power, 0, is_variable=True)
        out = self.tensor(f"{name}_out", (*source.shape[:-1], units), INT8, h_scale, h_zero)
        absent = -1
        inputs_ = (x, *w, *r, absent, absent, absent, *b, absent, absent, h, c, absent, absent, absent, absent)
        options = {"FusedActivationFunction": 4, "CellClip": self.o.cell_clip, "TimeMajor": self.o.time_major}
        # Desktop TFLite insists on these; they matter to layer norm and projection only.
        unused = [self.tensor(f"{name}_i{k}", (0,), INT16, 2.0**-12) for k in range(4)]
        unused.append(self.tensor(f"{name}_i4", (0,), INT8, h_scale, h_zero))
        op = Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs_, (out,), options, tuple(unused))
        self.graph.operators.append(op)
        return out

    def dense(self, x: int, outputs: int, shape: tuple[int, ...], keep: bool = False) -> int:
        """FULLY_CONNECTED."""
        per_channel = self.o.per_channel if self.o.per_channel is not None else bool(self.rng.integers(2))
        inputs = self.graph.tensors[x].shape[-1]
        w = self.weights("dense_w", (outputs, inputs), self.o.dense_gain, per_channel)
        b = self.bias("dense_b", outputs, self.scale_of(x) * self.scale_of(w)) if self.o.bias else -1
        scale, zero = float(self.rng.uniform(0.02, 0.1)), int(self.rng.integers(-30, 30))
        out = self.tensor("dense_out", shape, INT8, scale, zero)
        options = {"FusedActivationFunction": self.o.activation, "KeepNumDims": keep}
        self.graph.operators.append(Operator("FULLY_CONNECTED", (x, w, b), (out,), options))
        return out

    def reshape(self, x: int, shape: tuple[int, ...]) -> int:
        """RESHAPE."""
        source = self.graph.tensors[x]
        target = self.tensor("shape", (len(shape),), INT32, data=np.array(shape, np.int32))
        out = self.tensor("reshaped", shape, INT8, source.scale, source.zero_point)
        self.graph.operators.append(Operator("RESHAPE", (x, target), (out,)))
        return out

    def last_step(self, x: int) -> int:
        """STRIDED_SLICE that keeps the last step."""
        source = self.graph.tensors[x]
        limits = [
            self.tensor(n, (3,), INT32, data=np.array(v, np.int32))
            for n, v in (("begin", [0, -1, 0]), ("end", [0, 0, 0]), ("strides", [1, 1, 1]))
        ]
        out = self.tensor("last", (1, source.shape[2]), INT8, source.scale, source.zero_point)
        options = {"BeginMask": 5, "EndMask": 5, "ShrinkAxisMask": 2}
        self.graph.operators.append(Operator("STRIDED_SLICE", (x, *limits), (out,), options))
        return out

    def posterior(self, x: int, kind: str) -> int:
        """SOFTMAX or LOGISTIC."""
        out = self.tensor("posteriors", self.graph.tensors[x].shape, INT8, 1 / 256, -128)
        options = {"Beta": 1.0} if kind == "SOFTMAX" else {}
        self.graph.operators.append(Operator(kind, (x,), (out,), options))
        return out

    def build(self) -> Graph:
        """The whole graph, as the options say."""
        o = self.o
        scale = o.input_scale or float(self.rng.uniform(0.01, 0.06))
        zero = o.input_zero_point if o.input_zero_point is not None else int(self.rng.integers(-40, 40))
        shape = (o.steps, 1, o.inputs) if o.time_major else (1, o.steps, o.inputs)
        first = x = self.tensor("features", shape, INT8, scale, zero)
        for index, units in enumerate(o.units):
            x = self.lstm(x, units, index)
        if o.head == "last":
            x = self.last_step(x)
        elif o.head == "flatten":
            x = self.reshape(x, (1, o.steps * o.units[-1]))
        if o.head == "frame_dense":
            x = self.posterior(self.dense(x, o.outputs, (1, o.steps, o.outputs), keep=True), "SOFTMAX")
        elif o.head == "logistic":
            x = self.posterior(self.dense(x, o.outputs, (o.steps, o.outputs)), "LOGISTIC")
        elif o.head != "none":
            rows = o.steps if o.head == "dense_softmax" else 1
            x = self.posterior(self.dense(x, o.outputs, (rows, o.outputs)), "SOFTMAX")
        self.graph.inputs, self.graph.outputs = (first,), (x,)
        return self.graph


def random_graph(seed: int, **options: Any) -> Graph:
    """A graph whose shapes and layers are as :class:`Options` say, and whose numbers are random."""
    return Builder(np.random.default_rng(seed), Options(**options)).build()


def bare_model(seed: int = 0, **options: Any) -> Model:
    """A network without kws metadata."""
    return Model.from_bytes(build(random_graph(seed, **options)), f"random model {seed}")


def spotting_model(
    seed: int = 0,
    words: tuple[str, ...] = ("yes", "no", "up", "down"),
    frontend: FrontendConfig | None = None,
    detector: DetectorConfig | None = None,
    **options: Any,
) -> Model:
    """A whole model, PCM to detections, whose random network does detect things."""
    frontend = frontend or LogMelConfig()
    info = ModelInfo(
        ("_silence_", "_unknown_", *words), frontend, detector or DetectorConfig(3, 0.25, 5), {"note": "random weights"}
    )
    defaults = {"gain": 1.0, "dense_gain": 12.0, "bias_gain": 0.3}
    graph = random_graph(
        seed,
        inputs=frontend.features,
        outputs=len(info.labels),
        input_scale=frontend.scale,
        input_zero_point=frontend.zero_point,
        **{**defaults, **options},
    )
    return Model.from_bytes(with_info(graph, info), f"random spotting model {seed}")


def wake_model(seed: int = 0, word: str = "hey", rows: int = 3, decision: SlidingMeanConfig | None = None) -> Model:
    """A whole model of one word: the microfrontend, ``rows`` windows a call, one probability, a sliding mean."""
    frontend = MicroFrontendConfig(rows=rows)
    info = ModelInfo((word,), frontend, decision or SlidingMeanConfig(0.6, 3, 5), {"note": "random weights"})
    options = Options(inputs=frontend.features, outputs=1, units=(12,), head="logistic", gain=1.0, dense_gain=14.0)
    options.input_scale, options.input_zero_point = frontend.scale, frontend.zero_point
    graph = Builder(np.random.default_rng(seed), options).build()
    return Model.from_bytes(with_info(graph, info), f"random wake word model {seed}")
