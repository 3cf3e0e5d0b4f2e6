"""Layers of images and of several tensors once more, from docs/SPEC.md alone: plain integers, one value at a time.

A graph of any shape; what ``reference.py`` has for rows is taken from there.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from itertools import product

from reference import (
    FullyConnectedLayer,
    LogisticLayer,
    SoftmaxLayer,
    clamp,
    exp,
    factor,
    int32,
    multiply,
    newton,
    rshift,
    satshift,
    wrap,
)

from kws.tflite import Graph, Operator, Tensor

Indices = tuple[int, ...]


def indices(shape: Indices) -> Iterator[Indices]:
    """Every index, the last axis first."""
    return product(*(range(n) for n in shape))


class Values:
    """A tensor's values with its dimensions; to be asked by index, where an axis of 1 stands for any index."""

    def __init__(self, shape: Indices, values: list[int]) -> None:
        assert len(values) == math.prod(shape)
        self.shape, self.values = tuple(shape), values

    def __getitem__(self, index: Indices) -> int:
        index = index[len(index) - len(self.shape) :]
        at = 0
        for i, n in zip(index, self.shape, strict=True):
            at = at * n + (0 if n == 1 else i)
        return self.values[at]


def add_zero_point(x: int, zero_point: int, low: int, high: int) -> int:
    return clamp(wrap(x + zero_point, 0), low, high)


def limits(op: Operator, out: Tensor) -> tuple[int, int]:
    """Of a fused activation, as FULLY_CONNECTED's table has them."""
    from fractions import Fraction

    from reference import _divide_float32, round_away

    q = [out.zero_point + round_away(Fraction(_divide_float32(v, out.scale))) for v in (-1.0, 0.0, 1.0, 6.0)]
    return {
        0: (-128, 127),
        1: (max(-128, q[1]), 127),
        2: (max(-128, q[0]), min(127, q[2])),
        3: (max(-128, q[1]), min(127, q[3])),
    }[op.options.get("FusedActivationFunction", 0)]


class Window:
    """Taps of CONV_2D, DEPTHWISE_CONV_2D and the pools."""

    def __init__(self, op: Operator, shape: Indices, kernel: tuple[int, int]) -> None:
        o = op.options
        self.shape, self.kernel = shape, kernel
        self.stride = (o["StrideH"], o["StrideW"])
        self.dilation = (o.get("DilationHFactor", 1), o.get("DilationWFactor", 1))
        span = [(k - 1) * d + 1 for k, d in zip(kernel, self.dilation, strict=True)]
        n = shape[1:3]
        if o["Padding"] == 0:
            self.out = [math.ceil(a / s) for a, s in zip(n, self.stride, strict=True)]
        else:
            self.out = [(a - p + s) // s for a, p, s in zip(n, span, self.stride, strict=True)]
        self.before = [
            max(0, (out - 1) * s + p - a) // 2 for out, s, p, a in zip(self.out, self.stride, span, n, strict=True)
        ]

    def taps(self, row: int, column: int) -> Iterator[tuple[int, int, int, int]]:
        """Tap row, tap column, image row, image column of taps in the image."""
        for i, j in indices(self.kernel):
            y = row * self.stride[0] - self.before[0] + i * self.dilation[0]
            x = column * self.stride[1] - self.before[1] + j * self.dilation[1]
            if 0 <= y < self.shape[1] and 0 <= x < self.shape[2]:
                yield i, j, y, x


class Layers:
    """A graph; what it carries from call to call is in variables."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.variables: dict[object, Values] = {}
        # Carried states
        self.heard, self.states = self._pairs()
        # Float ends are no part of the network.
        self.operators = [op for op in graph.operators if not any(self._is_float(i) for i in (*op.inputs, *op.outputs))]
        if self._is_float(self.heard):
            (self.heard,) = next(op.outputs for op in graph.operators if op.inputs == (self.heard,))
        self.carried = {i: [self.tensor(i).zero_point] * math.prod(self.tensor(i).shape) for i in self.states}
        for body in graph.subgraphs:
            for handle, assign in zip(body.operators[::2], body.operators[1::2], strict=True):
                first = body.tensors[assign.inputs[1]]
                self.variables[handle.options["SharedName"]] = Values(first.shape, first.data.reshape(-1).tolist())

    def _pairs(self) -> tuple[int, dict[int, int]]:
        """The tensor that is heard, and each state's output by its input: as metadata say, or by place."""
        inputs, outputs = self.graph.inputs, self.graph.outputs
        told = self.graph.metadata.get("kws.states")
        pairs = json.loads(told) if told else [[k, k] for k in range(1, len(inputs))]
        (heard,) = set(range(len(inputs))) - {a for a, _ in pairs}
        return inputs[heard], {inputs[a]: outputs[b] for a, b in pairs}

    def tensor(self, i: int) -> Tensor:
        return self.graph.tensors[i]

    def _is_float(self, i: int) -> bool:
        return i >= 0 and self.tensor(i).dtype == "float32"

    def numbers(self, i: int) -> list[int]:
        return [int(v) for v in self.tensor(i).data.reshape(-1)]

    def call(self, values: list[int]) -> dict[int, list[int]]:
        """One call; what every operator writes, by tensor."""
        known = {
            i: Values(t.shape, self.numbers(i))
            for i, t in enumerate(self.graph.tensors)
            if t.data is not None and t.shape
        }
        known[self.heard] = Values(self.tensor(self.heard).shape, values)
        known |= {i: Values(self.tensor(i).shape, held) for i, held in self.carried.items()}
        names: dict[int, object] = {}
        for op in self.operators:
            if op.name == "VAR_HANDLE":
                names[op.outputs[0]] = op.options["SharedName"]
                continue
            if op.name == "ASSIGN_VARIABLE":
                self.variables[names[op.inputs[0]]] = known[op.inputs[1]]
                continue
            if op.name == "READ_VARIABLE":
                known[op.outputs[0]] = self.variables[names[op.inputs[0]]]
                continue
            for number, index in enumerate(op.outputs):
                run = getattr(self, op.name.lower())
                shape = self.tensor(index).shape
                made = run(op, known, Values(shape, [0] * math.prod(shape)), number)
                known[index] = Values(shape, made)
        self.carried = {i: known[after].values for i, after in self.states.items()}
        written = {i: known[i].values for op in self.operators for i in op.outputs if i in known}
        return {**written, **self.carried}

    # Rows, as before

    def fully_connected(self, op, known, out, _):
        return FullyConnectedLayer(self.graph, op).run(known[op.inputs[0]].values)

    def softmax(self, op, known, out, _):
        return SoftmaxLayer(self.graph, op).run(known[op.inputs[0]].values)

    def logistic(self, op, known, out, _):
        return LogisticLayer(self.graph, op).run(known[op.inputs[0]].values)

    def reshape(self, op, known, out, _):
        return known[op.inputs[0]].values

    # Windows

    def _convolve(self, op, known, out, reads):
        x, w, b = (*op.inputs, -1)[:3]
        source, weights, target = self.tensor(x), self.tensor(w), self.tensor(op.outputs[0])
        window = Window(op, source.shape, weights.shape[1:3])
        low, high = limits(op, target)
        bias = self.numbers(b) if b >= 0 else [0] * out.shape[3]
        made = []
        for _, row, column, channel in indices(out.shape):
            s = bias[channel]
            for i, j, y, xx in window.taps(row, column):
                for place, depth in reads(channel):
                    s += known[w][place(i, j, depth)] * (known[x][0, y, xx, depth[1]] - source.zero_point)
            scale = float(weights.scales[channel if weights.scales.size > 1 else 0])
            by = factor(source.scale * scale / target.scale)
            made.append(add_zero_point(multiply(int32("sum", s), by), target.zero_point, low, high))
        return made

    def conv_2d(self, op, known, out, _):
        depth = self.tensor(op.inputs[1]).shape[3]
        of_group = out.shape[3] // (self.tensor(op.inputs[0]).shape[3] // depth)

        def reads(channel):
            group = channel // of_group
            return [(lambda i, j, d: (channel, i, j, d[0]), (d, group * depth + d)) for d in range(depth)]

        return self._convolve(op, known, out, reads)

    def depthwise_conv_2d(self, op, known, out, _):
        multiplier = out.shape[3] // self.tensor(op.inputs[0]).shape[3]

        def reads(channel):
            return [(lambda i, j, d: (0, i, j, channel), (0, channel // multiplier))]

        return self._convolve(op, known, out, reads)

    def _pool(self, op, known, out, value):
        source = known[op.inputs[0]]
        window = Window(op, source.shape, (op.options["FilterHeight"], op.options["FilterWidth"]))
        low, high = limits(op, self.tensor(op.outputs[0]))
        return [
            clamp(value([source[0, y, x, channel] for _, _, y, x in window.taps(row, column)]), low, high)
            for _, row, column, channel in indices(out.shape)
        ]

    def average_pool_2d(self, op, known, out, _):
        def average(seen):
            s, n = sum(seen), len(seen)
            return (s + n // 2) // n if s > 0 else -((-s + n // 2) // n)

        return self._pool(op, known, out, average)

    def max_pool_2d(self, op, known, out, _):
        return self._pool(op, known, out, max)

    # Two tensors

    def _sum(self, op, known, out, sign):
        tensors = [self.tensor(i) for i in op.inputs]
        target = self.tensor(op.outputs[0])
        greatest = 2 * max(t.scale for t in tensors)
        by = [factor(t.scale / greatest) for t in tensors] + [factor(greatest / (2**20 * target.scale))]
        low, high = limits(op, target)
        made = []
        for index in indices(out.shape):
            a, b = (
                multiply((known[i][index] - t.zero_point) * 2**20, f)
                for i, t, f in zip(op.inputs, tensors, by[:2], strict=True)
            )
            made.append(add_zero_point(multiply(a + sign * b, by[2]), target.zero_point, low, high))
        return made

    def add(self, op, known, out, _):
        return self._sum(op, known, out, 1)

    def sub(self, op, known, out, _):
        return self._sum(op, known, out, -1)

    def mul(self, op, known, out, _):
        a, b = (self.tensor(i) for i in op.inputs)
        target = self.tensor(op.outputs[0])
        by, (low, high) = factor(a.scale * b.scale / target.scale), limits(op, target)
        return [
            add_zero_point(
                multiply((known[op.inputs[0]][i] - a.zero_point) * (known[op.inputs[1]][i] - b.zero_point), by),
                target.zero_point,
                low,
                high,
            )
            for i in indices(out.shape)
        ]

    # One tensor

    def mean(self, op, known, out, _):
        source, target = self.tensor(op.inputs[0]), self.tensor(op.outputs[0])
        axes = {a % len(source.shape) for a in self.numbers(op.inputs[1])}
        n = math.prod(source.shape[a] for a in axes)
        value, shift = factor(source.scale / target.scale)
        bits = min(n.bit_length() - 1, 32, 31 + shift)
        by = (value * 2**bits // n, shift - bits)
        sums: dict[Indices, int] = {}
        for index in indices(source.shape):
            kept = tuple(i for axis, i in enumerate(index) if axis not in axes)
            sums[kept] = sums.get(kept, 0) + known[op.inputs[0]][index]
        return [
            add_zero_point(multiply(s - n * source.zero_point, by), target.zero_point, -128, 127) for s in sums.values()
        ]

    def quantize(self, op, known, out, _):
        source, target = self.tensor(op.inputs[0]), self.tensor(op.outputs[0])
        by = factor(source.scale / target.scale)
        low, high = (-32768, 32767) if target.dtype == "int16" else (-128, 127)
        return [
            add_zero_point(multiply(x - source.zero_point, by), target.zero_point, low, high)
            for x in known[op.inputs[0]].values
        ]

    def tanh(self, op, known, out, _):
        source = self.tensor(op.inputs[0])
        by = factor(source.scale * 2.0**27)
        radius = 15 * 2**27 >> by[1] if by[1] >= 0 else 15 * 2**27 << -by[1]
        made = []
        for x in known[op.inputs[0]].values:
            v = x - source.zero_point
            if abs(v) >= radius:
                made.append(-128 if v < 0 else 127)
            else:
                made.append(clamp(rshift(tanh_q31(multiply(v, by), 4), 24), -128, 127))
        return made

    def svdf(self, op, known, out, _):
        x, w, t, _bias, state = (self.tensor(i) for i in op.inputs)
        target = self.tensor(op.outputs[0])
        single = lambda v: struct.unpack("f", struct.pack("f", v))[0]  # noqa: E731
        by = [factor(single(single(p.scale * q.scale) / r.scale)) for p, q, r in ((x, w, state), (state, t, target))]
        filters, memory = t.shape
        held = self.variables.setdefault(op.inputs[4], Values((filters, memory), [0] * filters * memory))
        totals = self.numbers(op.inputs[3])
        made = []
        for f in range(filters):
            s = sum(known[op.inputs[1]][f, i] * (v - x.zero_point) for i, v in enumerate(known[op.inputs[0]].values))
            new = clamp(multiply(s, by[0]), -32768, 32767)
            row = [*(held[f, m] for m in range(1, memory)), new]
            made += row
            unit = f // op.options["Rank"]
            totals[unit] = int32("SVDF", totals[unit] + sum(known[op.inputs[2]][f, m] * row[m] for m in range(memory)))
        self.variables[op.inputs[4]] = Values((filters, memory), made)
        return [add_zero_point(multiply(s, by[1]), target.zero_point, -128, 127) for s in totals]

    # Moves

    def pad(self, op, known, out, _):
        source = self.tensor(op.inputs[0])
        edges = self.tensor(op.inputs[1]).data.tolist()
        made = []
        for index in indices(out.shape):
            at = tuple(i - before for i, (before, _) in zip(index, edges, strict=True))
            inside = all(0 <= i < n for i, n in zip(at, source.shape, strict=True))
            made.append(known[op.inputs[0]][at] if inside else self.tensor(op.outputs[0]).zero_point)
        return made

    def concatenation(self, op, known, out, _):
        axis = op.options["Axis"] % len(out.shape)
        made = []
        for index in indices(out.shape):
            at = index[axis]
            for i in op.inputs:
                n = known[i].shape[axis]
                if at < n:
                    made.append(known[i][(*index[:axis], at, *index[axis + 1 :])])
                    break
                at -= n
        return made

    def pack(self, op, known, out, _):
        axis = op.options["Axis"] % len(out.shape)
        return [known[op.inputs[i[axis]]][(*i[:axis], *i[axis + 1 :])] for i in indices(out.shape)]

    def strided_slice(self, op, known, out, _):
        source = known[op.inputs[0]]
        begin, end, stride = (self.numbers(i) for i in op.inputs[1:4])
        picked = []
        for axis, n in enumerate(source.shape):
            if op.options.get("ShrinkAxisMask", 0) >> axis & 1:
                picked.append([begin[axis] % n])
                continue
            low = None if op.options.get("BeginMask", 0) >> axis & 1 else begin[axis]
            high = None if op.options.get("EndMask", 0) >> axis & 1 else end[axis]
            picked.append(list(range(n))[low : high : stride[axis]])
        return [source[index] for index in product(*picked)]

    def _part(self, known, out, x, axis, start):
        axis %= len(out.shape)
        return [known[x][(*i[:axis], i[axis] + start, *i[axis + 1 :])] for i in indices(out.shape)]

    def split(self, op, known, out, number):
        axis = self.numbers(op.inputs[0])[0]
        return self._part(known, out, op.inputs[1], axis, number * out.shape[axis])

    def split_v(self, op, known, out, number):
        axis, sizes = self.numbers(op.inputs[2])[0], self.numbers(op.inputs[1])
        return self._part(known, out, op.inputs[0], axis, sum(sizes[:number]))


def tanh_q31(a: int, bits: int) -> int:
    if a == 0:
        return 0
    magnitude = satshift(newton(exp(-abs(a), bits + 1)) - 2**29, 2)
    return magnitude if a > 0 else -magnitude
