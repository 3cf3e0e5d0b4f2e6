"""Random models of every operator that kws runs: one alone, or many in a graph that branches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from random_images import Images
from random_models import INT8, INT16, INT32

from kws.model.file import Model
from kws.tflite import Graph, Operator, Tensor, build

RESOURCE = np.dtype(np.void)
GREATEST_TENSOR = 3000
"""Values of a tensor; graphs of many operators must fit the memory that 16 bits can address."""


class Layers(Images):
    """Every operator with random shapes, numbers, scales and options; each method returns the tensor that it makes."""

    def _pair(self, x: int, name: str) -> int:
        shape = self.shape(x)
        kind = self.number(0, 3)
        other = shape
        if kind >= 2:
            other = tuple(1 if self.number(0, 1) else n for n in shape)[self.number(0, len(shape) - 1) :]
        a, scale = self.graph.tensors[x], float(self.graph.tensors[x].scale)
        if kind == 0:
            y, other_scale = x, scale
        elif kind == 1:
            y = self.quantize(x)
            other_scale = self.graph.tensors[y].scale
        else:
            other_scale = scale * float(10 ** self.rng.uniform(-1.5, 1.5))
            data = self.rng.integers(-128, 128, other).astype(np.int8)
            y = self.tensor("other", other, INT8, other_scale, self.zero_point(), data)
        spread = 100 * scale * 100 * other_scale if name == "MUL" else 100 * max(scale, other_scale)
        made = float(spread * 10 ** self.rng.uniform(-0.5, 0.7) / 100)
        out = self.tensor("pair", tuple(np.broadcast_shapes(a.shape, other)), INT8, made, self.zero_point())
        inputs = (x, y) if self.number(0, 1) else (y, x)
        self.add_op(name, inputs, (out,), FusedActivationFunction=self.number(0, 3))
        return out

    def add(self, x: int) -> int:
        """ADD."""
        return self._pair(x, "ADD")

    def sub(self, x: int) -> int:
        """SUB."""
        return self._pair(x, "SUB")

    def mul(self, x: int) -> int:
        """MUL."""
        return self._pair(x, "MUL")

    def mean(self, x: int) -> int:
        """MEAN."""
        shape = self.shape(x)
        axes = sorted(int(a) for a in self.rng.choice(len(shape), self.number(1, len(shape)), replace=False))
        # Something must be left for what follows.
        if len(axes) == len(shape):
            axes = axes[1:] or axes
        keep = self.number(0, 1) or len(axes) == len(shape)
        made = tuple(1 if a in axes else n for a, n in enumerate(shape) if keep or a not in axes)
        scale = self.graph.tensors[x].scale * float(10 ** self.rng.uniform(-1.5, 0.5))
        out = self.tensor("mean", made, INT8, scale, self.zero_point())
        given = [a - len(shape) if self.number(0, 3) == 0 else a for a in axes]
        self.add_op("MEAN", (x, self.constant("axes", given)), (out,), KeepDims=keep)
        return out

    def pad(self, x: int) -> int:
        """PAD."""
        shape = self.shape(x)
        edges = [[self.number(0, 2), self.number(0, 2)] if n > 1 else [0, 0] for n in shape]
        out = self.like("padded", x, tuple(n + sum(e) for n, e in zip(shape, edges, strict=True)))
        self.add_op("PAD", (x, self.constant("edges", edges)), (out,))
        return out

    def concatenation(self, x: int) -> int:
        """CONCATENATION of the tensor with itself, or with slices of itself."""
        shape = self.shape(x)
        axis = self.number(0, len(shape) - 1)
        parts = [x]
        for _ in range(self.number(1, 3)):
            size = self.number(1, shape[axis])
            parts.append(x if size == shape[axis] else self._slice(x, axis, 0, size))
        order = [int(i) for i in self.rng.permutation(len(parts))]
        total = sum(self.shape(p)[axis] for p in parts)
        out = self.like("joined", x, (*shape[:axis], total, *shape[axis + 1 :]))
        named = axis - len(shape) if self.number(0, 1) else axis
        self.add_op("CONCATENATION", tuple(parts[i] for i in order), (out,), Axis=named)
        return out

    def pack(self, x: int) -> int:
        """PACK of the tensor with itself, or with another of its shape, scale and zero point."""
        if len(self.shape(x)) > 3:
            x = self.reshape(x, (1, math.prod(self.shape(x))))
        shape = self.shape(x)
        parts = [x]
        for _ in range(self.number(1, 2)):
            flat = self.reshape(x, (math.prod(shape),))
            parts.append(self.reshape(flat, shape) if self.number(0, 1) else x)
        axis = self.number(0, len(shape))
        out = self.like("packed", x, (*shape[:axis], len(parts), *shape[axis:]))
        named = axis - len(shape) - 1 if self.number(0, 1) else axis
        self.add_op("PACK", tuple(parts), (out,), Axis=named, ValuesCount=len(parts))
        return out

    def _slice(self, x: int, axis: int, begin: int, end: int) -> int:
        shape = self.shape(x)
        low, high = [0] * len(shape), list(shape)
        low[axis], high[axis] = begin, end
        limits = [self.constant("limit", v) for v in (low, high, [1] * len(shape))]
        out = self.like("part", x, (*shape[:axis], end - begin, *shape[axis + 1 :]))
        self.add_op("STRIDED_SLICE", (x, *limits), (out,))
        return out

    def strided_slice(self, x: int) -> int:
        """STRIDED_SLICE."""
        shape = self.shape(x)
        begin: list[int] = []
        end: list[int] = []
        strides: list[int] = []
        made: list[int] = []
        masks = {"BeginMask": 0, "EndMask": 0, "ShrinkAxisMask": 0}
        for axis, n in enumerate(shape):
            low = self.number(0, n - 1)
            high = self.number(low + 1, n)
            stride = self.number(1, 3)
            if len(shape) - len(made) > 1 and self.number(0, 5) == 0 and sum(shape[axis + 1 :]) > 1:
                masks["ShrinkAxisMask"] |= 1 << axis
                begin.append(low - n if self.number(0, 1) else low)
                end.append(low + 1)
                strides.append(1)
                continue
            if self.number(0, 3) == 0:
                masks["BeginMask"] |= 1 << axis
            if self.number(0, 3) == 0:
                masks["EndMask"] |= 1 << axis
            first = 0 if masks["BeginMask"] >> axis & 1 else low
            last = n if masks["EndMask"] >> axis & 1 else high
            made.append(len(range(first, last, stride)))
            begin.append(low - n if self.number(0, 3) == 0 else low)
            end.append(high - n if high < n and self.number(0, 3) == 0 else high)
            strides.append(stride)
        if not made:
            return self._slice(x, 0, 0, shape[0])
        limits = [self.constant("limit", v) for v in (begin, end, strides)]
        out = self.like("slice", x, tuple(made))
        self.add_op("STRIDED_SLICE", (x, *limits), (out,), **masks)
        return out

    def split(self, x: int) -> int:
        """SPLIT; what is not returned is left to be read."""
        return self._split(x, by_size=False)

    def split_v(self, x: int) -> int:
        """SPLIT_V; what is not returned is left to be read."""
        return self._split(x, by_size=True)

    def _split(self, x: int, by_size: bool) -> int:
        shape = self.shape(x)
        axis = self.number(0, len(shape) - 1)
        n = shape[axis]
        if by_size:
            count = self.number(1, min(4, n))
            cuts = sorted(int(c) for c in self.rng.choice(np.arange(1, n), count - 1, replace=False)) if n > 1 else []
            sizes = [b - a for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
        else:
            count = int(self.rng.choice([c for c in range(1, 5) if n % c == 0]))
            sizes = [n // count] * count
        outs = [self.like("piece", x, (*shape[:axis], size, *shape[axis + 1 :])) for size in sizes]
        at = self.constant("axis", [axis - len(shape) if self.number(0, 1) else axis])
        if by_size:
            self.add_op("SPLIT_V", (x, self.constant("sizes", sizes), at), tuple(outs), NumSplits=count)
        else:
            self.add_op("SPLIT", (at, x), tuple(outs), NumSplits=count)
        self.unread += outs[1:]
        return outs[0]

    def quantize(self, x: int) -> int:
        """QUANTIZE."""
        scale = self.graph.tensors[x].scale * float(10 ** self.rng.uniform(-1, 1))
        out = self.tensor("quantized", self.shape(x), INT8, scale, self.zero_point())
        self.add_op("QUANTIZE", (x,), (out,))
        return out

    def tanh(self, x: int) -> int:
        """TANH."""
        out = self.tensor("tanh", self.shape(x), INT8, 1 / 128, 0)
        self.add_op("TANH", (x,), (out,))
        return out

    def logistic(self, x: int) -> int:
        """LOGISTIC."""
        out = self.tensor("logistic", self.shape(x), INT8, 1 / 256, -128)
        self.add_op("LOGISTIC", (x,), (out,))
        return out

    def softmax(self, x: int) -> int:
        """SOFTMAX."""
        out = self.tensor("softmax", self.shape(x), INT8, 1 / 256, -128)
        self.add_op("SOFTMAX", (x,), (out,), Beta=1.0)
        return out

    def history(self, x: int) -> int:
        """A variable: rows of earlier calls in front of this call's, as converters write them."""
        shape = self.shape(x)
        if len(shape) < 2 or shape[0] != 1:
            x = self.reshape(x, (1, math.prod(shape)))
            shape = self.shape(x)
        kept = (1, self.number(1, 6), *shape[2:])
        if not self.graph.subgraphs:
            self.graph.subgraphs.append(Graph([], [], (), ()))
            self.graph.operators.insert(0, Operator("CALL_ONCE", (), (), {"InitSubgraphIndex": 1}))
        first = self.graph.subgraphs[0]
        name = {"SharedName": f"states_{len(first.tensors)}".encode()}
        data = np.full(kept, self.graph.tensors[x].zero_point, np.int8)
        first.tensors += [Tensor("handle", (), RESOURCE), Tensor("zeros", kept, INT8, data=data)]
        at = len(first.tensors) - 2
        first.operators.append(Operator("VAR_HANDLE", (), (at,), dict(name)))
        first.operators.append(Operator("ASSIGN_VARIABLE", (at, at + 1), ()))
        handle = self.tensor("handle", (), RESOURCE)
        self.graph.operators.append(Operator("VAR_HANDLE", (), (handle,), dict(name)))
        read = self.like("read", x, kept)
        self.add_op("READ_VARIABLE", (handle,), (read,))
        out = self.like("both", x, (1, kept[1] + shape[1], *shape[2:]))
        self.add_op("CONCATENATION", (read, x), (out,), Axis=1)
        last = self._slice(out, 1, shape[1], shape[1] + kept[1])
        self.add_op("ASSIGN_VARIABLE", (handle, last), ())
        return out

    def svdf(self, x: int) -> int:
        """SVDF, with a state of int16."""
        x = self.reshape(x, (1, math.prod(self.shape(x))))
        inputs = self.shape(x)[1]
        units, rank, memory = self.number(1, 6), self.number(1, 3), self.number(1, 8)
        filters = units * rank
        source = self.graph.tensors[x].scale
        w_scale, t_scale = self.scale() / 100, self.scale() / 10000
        s_scale = source * w_scale * 60 * 60 * math.sqrt(inputs) / 20000 * float(10 ** self.rng.uniform(-1, 0.5))
        spread = s_scale * 8000 * t_scale * 800 * math.sqrt(rank * memory)
        w = self.tensor("features", (filters, inputs), INT8, w_scale, 0, self.values((filters, inputs)))
        data = self.rng.normal(0, 800, (filters, memory)).astype(np.int16)
        t = self.tensor("time", (filters, memory), INT16, t_scale, 0, data)
        b = self.tensor(
            "bias", (units,), INT32, s_scale * t_scale, 0, self.rng.integers(-(10**6), 10**6, units).astype(np.int32)
        )
        state = self.tensor("state", (1, filters * memory), INT16, s_scale, 0, is_variable=True)
        out = self.tensor(
            "svdf", (1, units), INT8, spread / 100 * float(10 ** self.rng.uniform(-0.5, 0.7)), self.zero_point()
        )
        self.add_op("SVDF", (x, w, t, b, state), (out,), Rank=rank, FusedActivationFunction=1)
        return out


Make = Callable[[Layers, int], int]
OPERATORS: dict[str, Make] = {
    "CONV_2D": Layers.conv_2d,
    "DEPTHWISE_CONV_2D": Layers.depthwise_conv_2d,
    "FULLY_CONNECTED": Layers.fully_connected,
    "AVERAGE_POOL_2D": Layers.average_pool_2d,
    "MAX_POOL_2D": Layers.max_pool_2d,
    "ADD": Layers.add,
    "SUB": Layers.sub,
    "MUL": Layers.mul,
    "MEAN": Layers.mean,
    "PAD": Layers.pad,
    "CONCATENATION": Layers.concatenation,
    "STRIDED_SLICE": Layers.strided_slice,
    "SPLIT": Layers.split,
    "SPLIT_V": Layers.split_v,
    "QUANTIZE": Layers.quantize,
    "TANH": Layers.tanh,
    "LOGISTIC": Layers.logistic,
    "SOFTMAX": Layers.softmax,
    "READ_VARIABLE": Layers.history,
    "SVDF": Layers.svdf,
    "PACK": Layers.pack,
}
"""How each operator is drawn."""


@dataclass(frozen=True)
class Drawn:
    """A random model.

    Attributes:
        model: the model.
        counts: how often each operator is in it.
    """

    model: Model
    counts: dict[str, int]


def _first(layers: Layers) -> int:
    shape = (1, layers.number(1, 10), layers.number(1, 8), layers.number(1, 9))
    if layers.number(0, 5) == 0:
        shape = (1, layers.number(1, 8), layers.number(1, 30))  # type: ignore[assignment]
    return layers.tensor("input", shape, INT8, layers.scale(), layers.zero_point())


def _finished(layers: Layers, x: int, source: str) -> Drawn:
    """The model, with every tensor that nothing reads joined into one output."""
    graph = layers.graph
    # What is only kept in a variable is not read.
    kept = {op.inputs[1] for op in graph.operators if op.name == "ASSIGN_VARIABLE"}
    read = kept | {i for op in graph.operators if not kept & set(op.outputs) for i in op.inputs}
    loose = [i for op in graph.operators for i in op.outputs if i not in read and i != x]
    if loose:
        scale, zero = layers.scale(), layers.zero_point()
        parts = []
        for i in (x, *loose):
            flat = layers.reshape(i, (1, math.prod(layers.shape(i))))
            same = layers.tensor("loose", layers.shape(flat), INT8, scale, zero)
            layers.add_op("QUANTIZE", (flat,), (same,))
            parts.append(same)
        while len(parts) > 1:
            some, parts = parts[:10], parts[10:]
            out = layers.like("all", some[0], (1, sum(layers.shape(p)[1] for p in some)))
            layers.add_op("CONCATENATION", tuple(some), (out,), Axis=1)
            parts.append(out)
        x = parts[0]
    graph.outputs = (x,)
    counts: dict[str, int] = {}
    for op in graph.operators:
        counts[op.name] = counts.get(op.name, 0) + 1
    # As good as sealed: an interpreter need not be tried on it in a process of its own first.
    return Drawn(replace(Model.from_bytes(build(graph), source), sealed=True), counts)


def alone(operator: str, seed: int) -> Drawn:
    """A model of one operator, as far as it can be alone."""
    layers = Layers(np.random.default_rng([seed, sorted(OPERATORS).index(operator)]))
    first = x = _first(layers)
    layers.graph.inputs = (first,)
    if operator in ("SPLIT", "SPLIT_V", "STRIDED_SLICE", "PAD", "QUANTIZE"):
        # Where it leaves all as it is it makes no layer, and a model needs one.
        x = layers.logistic(x)
    return _finished(layers, OPERATORS[operator](layers, x), f"random {operator} {seed}")


def is_curved(layers: Layers, x: int) -> bool:
    """Whether the kernels of TANH, LOGISTIC and SOFTMAX take a tensor's scale and width."""
    return 1e-6 < layers.graph.tensors[x].scale < 8 and layers.shape(x)[-1] <= 511


def graph(seed: int, count: int = 12) -> Drawn:
    """A graph of ``count`` random operators, each reading the input or what an earlier one wrote."""
    layers = Layers(np.random.default_rng([seed, 99]))
    pool = [_first(layers)]
    layers.graph.inputs = (pool[0],)
    names = list(OPERATORS)
    while len(layers.graph.operators) < count:
        # Recent ones more often, so that chains become long.
        x = pool[-1 - min(int(layers.rng.geometric(0.5)) - 1, len(pool) - 1)]
        name = names[layers.number(0, len(names) - 1)]
        curve = name in ("TANH", "LOGISTIC", "SOFTMAX")
        extreme = not 1e-4 < layers.graph.tensors[x].scale < 1e3
        if extreme or math.prod(layers.shape(x)) > GREATEST_TENSOR or (curve and not is_curved(layers, x)):
            x = pool[0]
        pool.append(OPERATORS[name](layers, x))
    return _finished(layers, pool[-1], f"random graph {seed}")


def convolutions(seed: int, channels: int, outputs: int | None = None, count: int = 4) -> Drawn:
    """``count`` convolutions and as many depthwise ones of one image, side by side.

    Args:
        seed: of the draws.
        channels: of the image.
        outputs: of the convolutions; drawn if not given.
        count: how many of each.
    """
    layers = Layers(np.random.default_rng([seed, channels, 98]))
    shape = (1, layers.number(1, 7), layers.number(1, 6), channels)
    x = layers.tensor("input", shape, INT8, layers.scale(), layers.zero_point())
    layers.graph.inputs = (x,)
    layers.outputs = outputs
    made = [make(x) for make in (layers.conv_2d, layers.depthwise_conv_2d) for _ in range(count)]
    return _finished(layers, made[-1], f"random convolutions {seed} of {channels} channels")
