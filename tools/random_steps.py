"""Random step graphs: one to three states that are inputs and outputs, in cells wired at random, GRUs among them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from random_layers import Drawn, Layers
from random_models import INT8

from kws.model.file import Model
from kws.model.states import METADATA_NAME
from kws.tflite import build

GREATEST_SCALE = 7.0
"""TFLM's TANH and LOGISTIC take scales below 8."""


class Steps(Layers):
    """Cells; each takes what it hears and its state, and returns what the state becomes."""

    def state(self, name: str, units: int) -> int:
        """A state's input, mostly as an activation leaves it."""
        scale, zero = (
            (float(self.rng.uniform(0.4, 1.2)) / 128, self.zero_point()) if self.number(0, 2) else (1 / 128, 0)
        )
        return self.tensor(name, (1, units), INT8, scale, zero)

    def product(self, x: int, units: int) -> int:
        """A dense layer without an activation, whose values spread over some units."""
        inputs = self.shape(x)[-1]
        count = units if self.number(0, 1) else 1
        scales = self.rng.uniform(0.5, 2.0, count) / 60
        w = self.tensor("weights", (units, inputs), INT8, scales, 0, self.values((units, inputs)))
        spread = self.graph.tensors[x].scale * float(scales.mean()) * 45 * 60 * np.sqrt(inputs)
        biases = np.round(self.rng.normal(0, 40, units) * 60).astype(np.int32)
        sums = self.graph.tensors[x].scale * scales
        b = self.tensor("bias", (units,), np.dtype(np.int32), sums, 0, biases) if self.number(0, 3) else -1
        out = self.tensor("product", (1, units), INT8, min(spread / 50, GREATEST_SCALE), self.zero_point())
        self.add_op("FULLY_CONNECTED", (x, w, b), (out,), FusedActivationFunction=0)
        return out

    def pair(self, operator: str, a: int, b: int, like: int | None = None) -> int:
        """A sum, a difference or a product of two, in the format of ``like`` or one of its own."""
        shape = np.broadcast_shapes(self.shape(a), self.shape(b))
        if like is None:
            scales = [self.graph.tensors[i].scale for i in (a, b)]
            scale = 60 * scales[0] * scales[1] if operator == "MUL" else 1.3 * max(scales)
            out = self.tensor("pair", shape, INT8, min(scale, GREATEST_SCALE), self.zero_point())
        else:
            out = self.like("next", like, shape)
        self.add_op(operator, (a, b), (out,), FusedActivationFunction=0)
        return out

    def kept(self, x: int, h: int) -> int:
        """A tensor in the state's format: through QUANTIZE where it is in another."""
        a, b = self.graph.tensors[x], self.graph.tensors[h]
        if (a.scale, a.zero_point) == (b.scale, b.zero_point):
            return x
        out = self.like("next", h, self.shape(x))
        self.add_op("QUANTIZE", (x,), (out,))
        return out

    def halves(self, x: int) -> tuple[int, int]:
        """Both halves of the values, by SPLIT or by two slices."""
        units = self.shape(x)[1] // 2
        if self.number(0, 1):
            first, second = (self.like("half", x, (1, units)) for _ in range(2))
            self.add_op("SPLIT", (self.constant("axis", [1]), x), (first, second), NumSplits=2)
            return first, second
        return self._slice(x, 1, 0, units), self._slice(x, 1, units, 2 * units)

    def rnn(self, x: int, h: int, units: int) -> int:
        """tanh of a sum."""
        total = self.pair(str(self.rng.choice(["ADD", "SUB"])), self.product(x, units), self.product(h, units))
        return self.kept(self.tanh(total), h)

    def gru(self, x: int, h: int, units: int) -> int:
        """A GRU: gates in one product or in two, and either form of the new state."""
        if self.number(0, 1):
            gates = self.logistic(self.pair("ADD", self.product(x, 2 * units), self.product(h, 2 * units)))
            update, reset = self.halves(gates)
        else:
            update, reset = (
                self.logistic(self.pair("ADD", self.product(x, units), self.product(h, units))) for _ in range(2)
            )
        if self.number(0, 1):
            of_h = self.pair("MUL", reset, self.product(h, units))
        else:
            of_h = self.product(self.pair("MUL", reset, h), units)
        candidate = self.tanh(self.pair("ADD", self.product(x, units), of_h))
        if self.number(0, 1):
            difference = self.pair("SUB", h, candidate)
            return self.pair("ADD", candidate, self.pair("MUL", update, difference), like=h)
        one = self.tensor("one", (1, 1), INT8, 1 / 127, 0, np.full((1, 1), 127, np.int8))
        share = self.pair("SUB", one, update)
        return self.pair("ADD", self.pair("MUL", update, h), self.pair("MUL", share, candidate), like=h)

    def leaky(self, x: int, h: int, units: int) -> int:
        """A dense layer over the state and new values."""
        new = self.kept(self.product(x, units), h)
        joined = self.like("joined", h, (1, 2 * units))
        self.add_op("CONCATENATION", (h, new), (joined,), Axis=1)
        return self.kept(self.product(joined, units), h)


def step_graph(seed: int) -> Drawn:
    """A step graph of one to three layers, its inputs and outputs in a random order."""
    steps = Steps(np.random.default_rng([seed, 7]))
    x = heard = steps.tensor("heard", (1, steps.number(1, 40)), INT8, steps.scale(), steps.zero_point())
    states: list[tuple[int, int]] = []
    for number in range(steps.number(1, 3)):
        units = steps.number(1, 24)
        h = steps.state(f"state_{number}", units)
        kind = steps.number(0, 4)
        if kind == 0:
            # A delay: what follows hears the call before.
            states.append((h, steps.kept(steps.product(x, units), h)))
            x = h
            continue
        make = (steps.rnn, steps.gru, steps.gru, steps.leaky)[kind - 1]
        x = make(x, h, units)
        states.append((h, x))
    told = x
    delayed = x == states[-1][0]
    if delayed or steps.number(0, 4):
        told = steps.product(x, steps.number(1, 12))
        if delayed or steps.number(0, 1):
            told = steps.softmax(told)
    graph = steps.graph
    order = [int(i) for i in steps.rng.permutation(len(states))]
    graph.inputs = (heard, *(states[i][0] for i in order))
    graph.outputs = (told, *(states[i][1] for i in order))
    if steps.number(0, 1):
        # In another order, which only the metadata tell.
        ins, outs = (steps.rng.permutation(len(graph.inputs)).tolist() for _ in range(2))
        pairs = [[ins.index(k), outs.index(k)] for k in range(1, len(ins))]
        graph.inputs, graph.outputs = tuple(graph.inputs[i] for i in ins), tuple(graph.outputs[i] for i in outs)
        graph.metadata[METADATA_NAME] = json.dumps(pairs).encode()
    counts: dict[str, int] = {"STATE": len(states)}
    for op in graph.operators:
        counts[op.name] = counts.get(op.name, 0) + 1
    return Drawn(replace(Model.from_bytes(build(graph), f"random steps {seed}"), sealed=True), counts)
