"""Random models with tensors of int16: at their ends, and between operators of int8."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from random_layers import OPERATORS, Drawn, Layers, is_curved
from random_models import INT8, INT16

from kws.fixedpoint.layers.quantize16 import BYTES
from kws.fixedpoint.network import Network
from kws.model.file import Model
from kws.tflite import build

FLOAT = np.dtype(np.float32)
BODY = ("FULLY_CONNECTED", "LOGISTIC", "MEAN", "PAD", "MUL", "STRIDED_SLICE", "CONV_2D")


class Wide(Layers):
    """Layers of int8 with QUANTIZE to and from int16 around them and in between."""

    def wide_zero_point(self) -> int:
        """A zero point of an int16: mostly 0, as converters leave it."""
        return int(self.rng.choice([0, 0, 0, -32768, 32767, self.number(-32768, 32767)]))

    def widened(self, x: int) -> int:
        """QUANTIZE to int16, mostly of finer steps."""
        scale = self.graph.tensors[x].scale * float(10 ** self.rng.uniform(-3, 0.5))
        out = self.tensor("wide", self.shape(x), INT16, scale, self.wide_zero_point())
        self.add_op("QUANTIZE", (x,), (out,))
        return out

    def narrowed(self, x: int) -> int:
        """QUANTIZE from int16 to int8."""
        scale = self.graph.tensors[x].scale * float(10 ** self.rng.uniform(-0.5, 3))
        out = self.tensor("narrow", self.shape(x), INT8, scale, self.zero_point())
        self.add_op("QUANTIZE", (x,), (out,))
        return out

    def more(self, x: int) -> int:
        """What may follow an int16: another one, or other dimensions, or nothing."""
        kind = self.number(0, 3)
        if kind == 0:
            return self.widened(x)
        if kind == 1:
            shape = (1, math.prod(self.shape(x)))
            source = self.graph.tensors[x]
            out = self.tensor("reshaped", shape, INT16, source.scale, source.zero_point)
            self.add_op("RESHAPE", (x, self.constant("shape", shape)), (out,))
            return out
        return x

    def between(self, x: int) -> int:
        """int8 to int16 and back, read once or twice."""
        wide = self.more(self.widened(x))
        narrow = self.narrowed(wide)
        if self.number(0, 2):
            return narrow
        other = self.narrowed(wide)
        scale = max(self.graph.tensors[i].scale for i in (narrow, other)) * 1.5
        out = self.tensor("sum", self.shape(narrow), INT8, scale, self.zero_point())
        self.add_op("ADD", (narrow, other), (out,), FusedActivationFunction=0)
        return out


def int16_graph(seed: int) -> Drawn:
    """A graph of up to three operators of int8, with int16 at one end, or both, or in between."""
    layers = Wide(np.random.default_rng([seed, 16]))
    first, last = layers.number(0, 2), layers.number(0, 3)
    shape = (1, layers.number(1, 6), layers.number(1, 6), layers.number(1, 5))
    if first == 0:
        x = given = layers.tensor("input", shape, INT8, layers.scale(), layers.zero_point())
    else:
        x = given = layers.tensor("input", shape, INT16, layers.scale() / 30, layers.wide_zero_point())
        if first == 2:
            # As the converter leaves a float input: QUANTIZE alone reads it.
            given = layers.tensor("float_input", shape, FLOAT)
            layers.add_op("QUANTIZE", (given,), (x,))
        x = layers.narrowed(layers.more(x))
    inside = not first and not last
    for step in range(layers.number(1, 3)):
        name = str(layers.rng.choice(BODY))
        extreme = not 1e-4 < layers.graph.tensors[x].scale < 1e3
        if extreme or (name == "LOGISTIC" and not is_curved(layers, x)):
            name = "PAD"
        x = OPERATORS[name](layers, x)
        if layers.number(0, 1) or (inside and step == 0):
            x = layers.between(x)
    told = x
    if last == 1:
        told = layers.more(layers.widened(x))
    elif last > 1:
        wide = layers.widened(x)
        told = layers.tensor("float_output", layers.shape(x), FLOAT)
        layers.add_op("DEQUANTIZE", (wide,), (told,))
    graph = layers.graph
    graph.inputs, graph.outputs = (given,), (told,)
    counts: dict[str, int] = {}
    for op in graph.operators:
        sides = [graph.tensors[i].dtype.name for i in (op.inputs[0], op.outputs[0])]
        name = f"{op.name} {' to '.join(sides)}" if op.name in ("QUANTIZE", "DEQUANTIZE") else op.name
        counts[name] = counts.get(name, 0) + 1
    return Drawn(replace(Model.from_bytes(build(graph), f"random int16 {seed}"), sealed=True), counts)


def with_ends(x: npt.NDArray[np.int8], network: Network) -> npt.NDArray[np.int8]:
    """int8 [calls, input size] with both ends of the input's range as the first two calls."""
    values = x.copy().view(BYTES[network.input_type])
    limits = np.iinfo(values.dtype)
    values[0], values[1] = limits.min, limits.max
    result: npt.NDArray[np.int8] = values.view(np.int8)
    return result
