"""The whole pipeline once more, written from docs/SPEC.md alone: plain Python integers, one value at a time.

Slow and naive on purpose. The two long tables are read out of the document itself. From kws it
takes only what a .tflite file says (tensors and operators), never a derived number.
"""

from __future__ import annotations

import json
import math
import re
import struct
from fractions import Fraction
from pathlib import Path

from kws.tflite import Graph, Operator, Tensor

SPEC = (Path(__file__).resolve().parents[2] / "docs" / "SPEC.md").read_text()


def _block(name: str) -> list[int]:
    found = re.search(rf"```{name}\n(.*?)```", SPEC, re.DOTALL)
    assert found, f"docs/SPEC.md has no {name}"
    return [int(word) for word in found[1].split()]


SIGMOID = _block("sigmoid-table")
LOG2 = _block("log2-table")


class Checked:
    """Checks that a value fits the width that the specification states."""

    def __init__(self) -> None:
        self.greatest: dict[str, int] = {}

    def __call__(self, name: str, value: int, low: int, high: int) -> int:
        assert low <= value <= high, f"{name}: {value} is outside [{low}, {high}]"
        self.greatest[name] = max(self.greatest.get(name, 0), abs(value))
        return value


check = Checked()


def int32(name: str, value: int) -> int:
    return check(name, value, -(2**31), 2**31 - 1)


# Arithmetic


def clamp(x: int, low: int, high: int) -> int:
    return low if x < low else high if x > high else x


def sat16(x: int) -> int:
    return clamp(x, -32768, 32767)


def round_away(r: Fraction) -> int:
    whole = math.floor(abs(r) + Fraction(1, 2))
    return whole if r >= 0 else -whole


def rdhm(a: int, b: int) -> int:
    int32("rdhm operand", a)
    int32("rdhm operand", b)
    if a == b == -(2**31):
        return 2**31 - 1
    return int32("rdhm", (a * b + 2**30) >> 31)


def rshift(x: int, n: int) -> int:
    check("rshift count", n, 0, 31)
    return round_away(Fraction(int32("rshift operand", x), 2**n))


def wrap(x: int, n: int) -> int:
    low = x * 2**n % 2**32
    return low - 2**32 if low >= 2**31 else low


def satshift(x: int, n: int) -> int:
    return clamp(x * 2**n, -(2**31), 2**31 - 1)


def factor(r: float) -> tuple[int, int]:
    """(value, shift)."""
    if r == 0:
        return 0, 0
    f, shift = math.frexp(r)
    value = round_away(Fraction(f) * 2**31)
    if value == 2**31:
        value, shift = 2**30, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return 2**31 - 1, 30
    return value, shift


def multiply(x: int, by: tuple[int, int]) -> int:
    value, shift = by
    return rshift(rdhm(wrap(int32("sum of products", x), max(shift, 0)), value), max(-shift, 0))


# Activations


def sigmoid(x: int) -> int:
    v = 3 * x
    u = check("sigmoid index", abs(v) >> 9, 0, 192)
    t = (SIGMOID[u] << 9) + (abs(v) & 511) * (SIGMOID[u + 1] - SIGMOID[u])
    return check("sigmoid", (t + 512) >> 10 if v >= 0 else (2**25 - t + 511) >> 10, 0, 32767)


def tanh(x: int, p: int) -> int:
    d = 12 + p
    v = x * (3 << d) if d >= 0 else (3 * x + 2 ** (-d - 1)) >> -d
    u = abs(v) >> 8
    t = 65535 << 8 if u >= 255 else (SIGMOID[u] << 8) + (abs(v) & 255) * (SIGMOID[u + 1] - SIGMOID[u])
    return check("tanh", (t - 2**23 + 128) >> 8 if v >= 0 else (2**23 - t + 127) >> 8, -32767, 32767)


EXP = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}


def exp(a: int, m: int) -> int:
    if a == 0:
        return 2**31 - 1
    fraction = 31 - m
    quarter = 2 ** (fraction - 2)
    w = a % quarter - quarter
    r = w - a
    x = satshift(w, m) + 2**28
    x2 = rdhm(x, x)
    x3 = rdhm(x2, x)
    x4 = rdhm(x2, x2)
    y = rshift(rdhm(rshift(x4, 2) + x3, 715827883) + x2, 1)
    e = int32("exp", 1895147668 + rdhm(x + y, 1895147668))
    for k in range(-2, min(4, m - 1) + 1):
        if r >> (fraction + k) & 1:
            e = rdhm(e, EXP[k])
    return e


def newton(a: int) -> int:
    h = (check("recip operand", a, 0, 2**31 - 1) + 2**31) >> 1
    x = 1515870810 + rdhm(h, -1010580540)
    for _ in range(3):
        d = 2**29 - rdhm(h, x)
        x = int32("recip", x + satshift(rdhm(x, d), 2))
    return x


def recip(a: int) -> int:
    return satshift(newton(a), 1)


def logistic_q31(a: int, m: int) -> int:
    if a == 0:
        return 2**30
    return recip(exp(-a, m)) if a > 0 else 2**31 - 1 - recip(exp(a, m))


# Layers: objects with rows(list of rows) -> list of rows


def _matrix(tensor: Tensor) -> list[list[int]]:
    return tensor.data.tolist()


def _dot(weights: list[int], x: list[int], zero: int) -> int:
    total = 0
    for w, v in zip(weights, x, strict=True):
        total += w * (v - zero)
    return total


class LstmLayer:
    """UNIDIRECTIONAL_SEQUENCE_LSTM."""

    def __init__(self, graph: Graph, op: Operator) -> None:
        tensors = [graph.tensors[i] if i >= 0 else None for i in op.inputs]
        source, hidden, cell = tensors[0], tensors[18], tensors[19]
        self.inputs = source.shape[2]
        self.z_x, self.z_h = source.zero_point, hidden.zero_point
        self.weights = [_matrix(t) for t in tensors[1:5]]
        self.recurrent = [_matrix(t) for t in tensors[5:9]]
        self.units = len(self.weights[0])
        self.bias = [[0] * self.units if t is None or t.data is None else t.data.tolist() for t in tensors[12:16]]
        self.input_factor = [factor(source.scale * t.scale / 2.0**-12) for t in tensors[1:5]]
        self.recurrent_factor = [factor(hidden.scale * t.scale / 2.0**-12) for t in tensors[5:9]]
        self.keep = factor(2.0**-15)
        self.add = factor(2.0**-30 / cell.scale)
        self.hidden_factor = factor(2.0**-30 / hidden.scale)
        self.power = math.frexp(cell.scale)[1] - 1
        self.clip = int(min(max(op.options.get("CellClip", 0.0) / cell.scale, 0.0), 32767.0))
        self.reset()

    def reset(self) -> None:
        self.h, self.c = [self.z_h] * self.units, [0] * self.units
        # Both states after each call.
        self.seen: dict[str, list[list[int]]] = {"hidden": [], "cell": []}

    def _pre(self, gate: int, j: int, x: list[int]) -> int:
        a = multiply(self.bias[gate][j] + _dot(self.weights[gate][j], x, self.z_x), self.input_factor[gate])
        r = multiply(_dot(self.recurrent[gate][j], self.h, self.z_h), self.recurrent_factor[gate])
        return sat16(sat16(a) + sat16(r))

    def step(self, x: list[int]) -> list[int]:
        new = []
        for j in range(self.units):
            i, f = sigmoid(self._pre(0, j, x)), sigmoid(self._pre(1, j, x))
            g, o = tanh(self._pre(2, j, x), -12), sigmoid(self._pre(3, j, x))
            kept = check("kept", multiply(f * self.c[j], self.keep), -32768, 32767)
            added = sat16(multiply(i * g, self.add))
            c = sat16(kept + added)
            if self.clip > 0:
                c = clamp(c, -self.clip, self.clip)
            self.c[j] = c
            new.append(clamp(multiply(o * tanh(c, self.power), self.hidden_factor) + self.z_h, -128, 127))
        self.h = new
        return new

    def run(self, values: list[int]) -> list[int]:
        out = [v for row in _rows(values, self.inputs) for v in self.step(row)]
        self.seen["hidden"].append(list(self.h))
        self.seen["cell"].append(list(self.c))
        return out


def _rows(values: list[int], size: int) -> list[list[int]]:
    return [values[i : i + size] for i in range(0, len(values), size)]


class FullyConnectedLayer:
    """FULLY_CONNECTED."""

    def __init__(self, graph: Graph, op: Operator) -> None:
        source, weights, out = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]], graph.tensors[op.outputs[0]]
        bias = graph.tensors[op.inputs[2]] if len(op.inputs) > 2 and op.inputs[2] >= 0 else None
        self.weights = _matrix(weights)
        self.bias = [0] * len(self.weights) if bias is None or bias.data is None else bias.data.tolist()
        self.z_x, self.z_y = source.zero_point, out.zero_point
        factors = [factor(source.scale * float(s) / out.scale) for s in weights.scales]
        self.factors = factors * len(self.weights) if len(factors) == 1 else factors
        q = [self.z_y + round_away(Fraction(_divide_float32(v, out.scale))) for v in (-1.0, 0.0, 6.0, 1.0)]
        self.low, self.high = {
            0: (-128, 127),
            1: (max(-128, q[1]), 127),
            2: (max(-128, q[0]), min(127, q[3])),
            3: (max(-128, q[1]), min(127, q[2])),
        }[op.options.get("FusedActivationFunction", 0)]

    def run(self, values: list[int]) -> list[int]:
        out = []
        for row in _rows(values, len(self.weights[0])):
            for weights, bias, by in zip(self.weights, self.bias, self.factors, strict=True):
                out.append(clamp(multiply(bias + _dot(weights, row, self.z_x), by) + self.z_y, self.low, self.high))
        return out


def _divide_float32(a: float, b: float) -> float:
    # A double quotient of two float32 numbers, rounded to float32, is the float32 quotient.
    return struct.unpack("f", struct.pack("f", a / b))[0]


class SoftmaxLayer:
    """SOFTMAX."""

    def __init__(self, graph: Graph, op: Operator) -> None:
        source = graph.tensors[op.inputs[0]]
        self.size = source.shape[-1]
        self.value, self.shift = factor(min(op.options["Beta"] * source.scale * 2.0**26, 2.0**31 - 1))
        check("softmax shift", self.shift, 1, 30)
        self.difference_min = -(31 * 2**26 >> self.shift)

    def run(self, values: list[int]) -> list[int]:
        return [v for row in _rows(values, self.size) for v in self._row(row)]

    def _row(self, row: list[int]) -> list[int]:
        differences = [x - max(row) for x in row]
        terms = [
            None if d < self.difference_min else exp(rdhm(int32("softmax", d * 2**self.shift), self.value), 5)
            for d in differences
        ]
        total = sum(rshift(e, 12) for e in terms if e is not None)
        k = check("softmax headroom", 32 - total.bit_length(), 4, 12)
        r = recip(total * 2**k - 2**31)
        return [-128 if e is None else clamp(rshift(rdhm(r, e), 35 - k) - 128, -128, 127) for e in terms]


class LogisticLayer:
    """LOGISTIC."""

    def __init__(self, graph: Graph, op: Operator) -> None:
        source = graph.tensors[op.inputs[0]]
        self.zero = source.zero_point
        self.factor = factor(source.scale * 2.0**27)
        self.radius = 15 * 2**27 >> self.factor[1]

    def run(self, values: list[int]) -> list[int]:
        out = []
        for x in values:
            v = x - self.zero
            if v <= -self.radius:
                out.append(-128)
            elif v >= self.radius:
                out.append(127)
            else:
                out.append(clamp(rshift(logistic_q31(multiply(v, self.factor), 4), 23) - 128, -128, 127))
        return out


class SliceLayer:
    """STRIDED_SLICE of [1, steps, values] along time."""

    def __init__(self, graph: Graph, op: Operator) -> None:
        self.steps, self.size = graph.tensors[op.inputs[0]].shape[1:]
        begin, end, stride = (int(graph.tensors[i].data[1]) for i in op.inputs[1:4])
        if op.options["ShrinkAxisMask"] & 2:
            begin %= self.steps
            end, stride = begin + 1, 1
        self.rows = range(self.steps)[
            None if op.options["BeginMask"] & 2 and not op.options["ShrinkAxisMask"] & 2 else begin : None
            if op.options["EndMask"] & 2 and not op.options["ShrinkAxisMask"] & 2
            else end : stride
        ]

    def run(self, values: list[int]) -> list[int]:
        return [v for i in self.rows for v in _rows(values, self.size)[i]]


LAYERS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": LstmLayer,
    "FULLY_CONNECTED": FullyConnectedLayer,
    "SOFTMAX": SoftmaxLayer,
    "LOGISTIC": LogisticLayer,
    "STRIDED_SLICE": SliceLayer,
}


class Network:
    """A chain of layers; RESHAPE is none."""

    def __init__(self, graph: Graph) -> None:
        self.layers = [LAYERS[op.name](graph, op) for op in graph.operators if op.name != "RESHAPE"]

    def reset(self) -> None:
        for layer in self.layers:
            if isinstance(layer, LstmLayer):
                layer.reset()

    def call(self, values: list[int]) -> list[list[int]]:
        """One call; every layer's output."""
        outputs = []
        for layer in self.layers:
            values = layer.run(values)
            outputs.append(values)
        return outputs


# Front end


def log2(energy: int) -> int:
    n = energy.bit_length() - 1
    f = (energy >> (n - 16) if n >= 16 else energy << (16 - n)) & 65535
    i = f >> 11
    return (n << 16) + LOG2[i] + (((LOG2[i + 1] - LOG2[i]) * (f & 2047)) >> 11)


def mel(hertz: float) -> float:
    return 1127 * math.log1p(hertz / 700)


class Frontend:
    """One setting's tables and the features of one frame."""

    def __init__(self, settings: dict) -> None:
        self.n = n = round(settings["window_ms"] * 16000 / 1000)
        self.hop = round(settings["hop_ms"] * 16000 / 1000)
        self.rows = settings.get("rows", 1)
        self.n_fft, self.bands = settings["n_fft"], settings["bands"]
        self.points = self.n_fft // 2
        hann = [0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / n) for i in range(n)]
        self.window = [math.floor(round(w * 32767, 6) + 0.5) for w in hann]
        low, high = -(2**31), 2**31 - 1
        angles = [2 * math.pi * k / self.n_fft for k in range(self.points)]
        self.cos = [clamp(round(math.cos(a) * 2.0**31), low, high) for a in angles]
        self.sin = [clamp(round(math.sin(a) * 2.0**31), low, high) for a in angles]
        self.radices = {128: [2, 4, 4, 4], 256: [4, 4, 4, 4], 512: [2, 4, 4, 4, 4]}[self.points]
        first, last = mel(settings["low_hz"]), mel(settings["high_hz"])
        spacing = (last - first) / (self.bands + 1)
        edges = [first + i * spacing for i in range(self.bands + 1)] + [last]
        self.bins = []  # (bin, segment, weight)
        for k in range(1, self.points):
            m = mel(k * 16000 / self.n_fft)
            if edges[0] < m < edges[-1]:
                segment = max(s for s in range(self.bands + 1) if edges[s] <= m)
                self.bins.append((k, segment, round((m - edges[segment]) / spacing * 32768)))
        offset = 21.5 + 2 * math.log2(n / 480) + math.log2(self.n_fft / 512) - 2 * (len(self.radices) - 4)
        self.offset = round(offset * 65536)

    def place(self, n: int) -> int:
        place, block = 0, self.points
        for radix in reversed(self.radices):
            block //= radix
            place += n % radix * block
            n //= radix
        return place

    def twiddle(self, q: int) -> tuple[int, int]:
        p = self.points
        return (self.cos[q], self.sin[q]) if q < p else (-self.cos[q - p], -self.sin[q - p])

    def fft(self, z: list[tuple[int, int]]) -> list[tuple[int, int]]:
        p = self.points
        data = [(0, 0)] * p
        for n in range(p):
            data[self.place(n)] = z[n]
        size = 1
        for stage, radix in enumerate(self.radices):
            for base in range(0, p, radix * size):
                for k in range(size):
                    legs = []
                    for leg in range(radix):
                        re, im = data[base + leg * size + k]
                        if stage > 0 and leg == 0:
                            re, im = re >> 1, im >> 1
                        elif stage > 0:
                            c, s = self.twiddle(leg * k * p // (2 * size))
                            x, y = re * c + im * s, im * c - re * s
                            check("fft sum", max(abs(x), abs(y)), 0, 2**61 - 1)
                            re, im = x >> 32, y >> 32
                        legs.append((re, im))
                    for leg, out in enumerate(self._butterfly(legs)):
                        bound = 2**30.5 if p > 128 else 2**29.5
                        check("fft", max(abs(out[0]), abs(out[1])), 0, math.floor(bound))
                        data[base + leg * size + k] = out
            size *= radix
        return data

    @staticmethod
    def _butterfly(legs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if len(legs) == 2:
            (ax, ay), (bx, by) = legs
            return [(ax + bx, ay + by), (ax - bx, ay - by)]
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = legs
        sx, sy, tx, ty, ux, uy, vx, vy = ax + cx, ay + cy, ax - cx, ay - cy, bx + dx, by + dy, bx - dx, by - dy
        return [(sx + ux, sy + uy), (tx + vy, ty - vx), (sx - ux, sy - uy), (tx - vy, ty + vx)]

    def frame(self, pcm: list[int]) -> list[int]:
        """One frame's features."""
        energies, shift = self.energies(pcm)
        return [self._feature(e, shift) for e in energies]

    def energies(self, pcm: list[int]) -> tuple[list[int], int]:
        """The bands' energies and the frame's shift."""
        v = [check("windowed", (x * w) >> 5, 1024 - 2**25, 2**25 - 1024) for x, w in zip(pcm, self.window, strict=True)]
        v += [0] * (self.n_fft - self.n)
        z = self.fft([(v[2 * i], v[2 * i + 1]) for i in range(self.points)])
        m = 0
        for value in [x for pair in z for x in pair]:
            m |= value if value >= 0 else ~value
        shift = check("shift", 28 - m.bit_length(), -3, 28)
        z = [(x << shift, y << shift) if shift >= 0 else (x >> -shift, y >> -shift) for x, y in z]
        energies = [0] * self.bands
        for k, segment, weight in self.bins:
            power = self._power(k, z)
            if segment < self.bands:
                energies[segment] += power * weight
            if segment > 0:
                energies[segment - 1] += power * (32768 - weight)
        return energies, shift

    def _power(self, k: int, z: list[tuple[int, int]]) -> int:
        (x, y), (mx, my) = z[k], z[self.points - k]
        for value in (x, y, mx, my):
            check("normalised", value, -(2**28), 2**28 - 1)
        ex, ey, ox, oy = (x + mx) >> 1, (y - my) >> 1, (y + my) >> 1, (mx - x) >> 1
        c, s = self.cos[k], self.sin[k]
        real = ex + ((ox * c + oy * s) >> 31)
        imaginary = ey + ((oy * c - ox * s) >> 31)
        return check("power", (real * real + imaginary * imaginary + 2**26) >> 27, 0, 2**31 + 33)

    def _feature(self, energy: int, shift: int) -> int:
        if energy == 0:
            return -128
        check("energy", energy, 0, 2**55 - 1)
        log = log2(energy)
        scaled = check("log", (log - 2 * shift * 65536 - self.offset) * 5 + 32768, -(2**25), 2**25)
        return clamp(scaled >> 16, -128, 127)


# Detector and spotter


class Detector:
    """Posteriors to (frame, label, score)."""

    def __init__(self, settings: dict, labels: list[str]) -> None:
        self.average, self.cooldown_frames = settings["average_frames"], settings["cooldown_frames"]
        self.first_word = len([label for label in labels if label.startswith("_")])
        self.labels = len(labels)
        words = labels[self.first_word :]
        thresholds = settings.get("word_thresholds", []) or [settings["threshold"] for _ in words]
        self.thresholds = {}
        for word, threshold in zip(range(self.first_word, self.labels), thresholds, strict=True):
            units = round(threshold * 256 * 1000) * self.average
            self.thresholds[word] = clamp(math.ceil(Fraction(units, 1000)), 1, 255 * self.average)
        self.reset()

    def reset(self) -> None:
        self.ring = [[0] * self.labels for _ in range(self.average)]
        self.sums = [0] * self.labels
        self.slot = self.cooldown = 0
        self.held: int | None = None

    def step(self, posteriors: list[int]) -> tuple[int, int] | None:
        """The detected label and its score."""
        for i, posterior in enumerate(posteriors):
            self.sums[i] = check("sums", self.sums[i] + posterior + 128 - self.ring[self.slot][i], 0, 16320)
            self.ring[self.slot][i] = posterior + 128
        self.slot = (self.slot + 1) % self.average
        if self.held is not None and self.sums[self.held] < self.thresholds[self.held]:
            self.held = None
        if self.cooldown > 0:
            self.cooldown -= 1
            return None
        reached = [word for word, threshold in self.thresholds.items() if self.sums[word] >= threshold]
        if not reached:
            return None
        best = min(reached, key=lambda word: (-self.sums[word], word))
        if best == self.held:
            return None
        self.held, self.cooldown = best, self.cooldown_frames
        return best, self.sums[best]


class Grammar:
    """Posteriors to (label, score), phrases behind the labels."""

    def __init__(self, settings: dict, labels: list[str]) -> None:
        self.words = Detector(settings, labels)
        self.settings = settings
        words = labels[self.words.first_word :]
        own = dict(zip(words, settings.get("word_thresholds", []) or [settings["threshold"]] * len(words), strict=True))
        names = list(labels)
        self.phrases = []
        for phrase in settings["phrases"]:
            said, average = phrase["words"], self.words.average
            given = phrase["thresholds"] or [own[w] if k == 0 else round(0.6 * own[w], 4) for k, w in enumerate(said)]
            sums = [clamp(math.ceil(Fraction(round(t * 256 * 1000) * average, 1000)), 1, 255 * average) for t in given]
            self.phrases.append(([labels.index(w) for w in said], sums, phrase["within_frames"]))
            names.append(phrase["name"] or " ".join(said))
        self.wake = names.index(settings["wake"]) if settings["wake"] else None
        self.window = settings["window_frames"]
        self.reset()

    def reset(self) -> None:
        self.words.reset()
        self.wait = [[0] * len(labels) for labels, _, _ in self.phrases]
        self.above = [[False] * len(labels) for labels, _, _ in self.phrases]
        self.quiet = self.open = 0

    def step(self, posteriors: list[int]) -> tuple[int, int] | None:
        """The label or phrase that is reported, and its score."""
        found = self.words.step(posteriors)
        complete = [i for i in range(len(self.phrases)) if self.phrase(i)]
        quiet, self.quiet = self.quiet > 0, max(self.quiet - 1, 0)
        if complete:
            last = self.phrases[complete[0]][0][-1]
            found = (self.words.labels + complete[0], self.words.sums[last])
            self.quiet = self.words.cooldown_frames
        elif quiet or (found and not self.settings["report_words"] and found[0] != self.wake):
            found = None
        if self.window == 0:
            return found
        is_open, self.open = self.open > 0, max(self.open - 1, 0)
        if found and found[0] == self.wake:
            self.open = self.window
            return found
        return found if is_open else None

    def phrase(self, number: int) -> bool:
        """Whether the phrase is complete in this frame."""
        labels, sums, within = self.phrases[number]
        wait, above = self.wait[number], self.above[number]
        complete = False
        for k in reversed(range(len(labels))):
            reaches = self.words.sums[labels[k]] >= sums[k]
            rises, above[k] = reaches and not above[k], reaches
            awaited = k == 0 or wait[k] > 0
            wait[k] = max(wait[k] - 1, 0)
            if complete or not (rises and awaited):
                continue
            wait[k] = 0
            if k + 1 < len(labels):
                wait[k + 1] = within
            else:
                complete = True
        if complete:
            self.wait[number] = [0] * len(labels)
        return complete


class Gate:
    """Features to whether, and with which frames, the network is called."""

    def __init__(self, settings: dict, frontend: Frontend, labels: list[str]) -> None:
        def frames(milliseconds: float) -> int:
            return max(1, round(milliseconds * 16000 / 1000 / frontend.hop))

        self.bands = frontend.bands
        self.margin = round(settings["margin"] * 256)
        self.limit = max(1, round(settings["threshold"] * 256 * self.bands))
        self.rise = clamp(round(settings["rise"] * 256 * frontend.hop / 16000), 1, 32767)
        self.shift, self.lowest, self.calls = settings["fall_shift"], settings["lowest"] * 256, settings["calls"]
        self.settle_frames = frames(settings["settle_ms"])
        self.hold_frames, self.places = frames(settings["hold_ms"]), frames(settings["history_ms"])
        self.asleep = [127 if i == 0 and label.startswith("_") else -128 for i, label in enumerate(labels)]
        self.reset()

    def reset(self) -> None:
        self.floors = [127 * 256] * self.bands
        self.hold = self.settle_frames
        self.waiting: list[list[int]] = []

    def step(self, features: list[int]) -> list[list[int]]:
        """The frames that the network is called with."""
        total = 0
        for b, x in enumerate(features):
            above = 256 * x - self.floors[b]
            total += max(0, above - self.margin)
            change = min(above, self.rise) if above > 0 else above >> self.shift
            self.floors[b] = check("floor", max(self.floors[b] + change, self.lowest), -32768, 32767)
        self.hold = max(self.hold - 1, self.hold_frames if total >= self.limit else 0)
        self.waiting = [*self.waiting, features][-self.places :]
        if self.hold == 0:
            return []
        now, self.waiting = self.waiting[: self.calls], self.waiting[self.calls :]
        return now


DECISIONS = {"detector": Detector, "grammar": Grammar}


class Spotter:
    """The pipeline; metadata as the model file has them."""

    def __init__(self, graph: Graph) -> None:
        info = json.loads(graph.metadata["kws.model"])
        assert info["version"] == 1
        self.frontend = Frontend(info["frontend"])
        self.network = Network(graph)
        self.detector = DECISIONS[info["detector"].get("kind", "detector")](info["detector"], info["labels"])
        self.gate = Gate(info["gate"], self.frontend, info["labels"]) if "gate" in info else None
        self.reset()

    def reset(self) -> None:
        self.network.reset()
        self.detector.reset()
        if self.gate:
            self.gate.reset()

    def process(self, pcm: list[int]) -> tuple[list[list[int]], list[list[list[int]]], list[tuple[int, int, int]]]:
        """A whole stream: features, every layer's output of every call, detections (frame, label, score)."""
        features, outputs, detections = [], [], []
        self.posteriors = []
        f = self.frontend
        n, hop = f.n + (f.rows - 1) * f.hop, f.rows * f.hop
        count = 0 if len(pcm) < n else 1 + (len(pcm) - n) // hop
        for t in range(count):
            windows = (pcm[at : at + f.n] for at in range(t * hop, (t + 1) * hop, f.hop))
            features.append([value for window in windows for value in f.frame(window)])
            calls = self.gate.step(features[-1]) if self.gate else [features[-1]]
            outputs += [self.network.call(x) for x in calls]
            self.posteriors.append(outputs[-1][-1] if calls else self.gate.asleep)
            found = self.detector.step(self.posteriors[-1])
            if found:
                detections.append((t, *found))
        return features, outputs, detections
