"""A GRU and a plain RNN as int8 operators, of one step a call, whose state is an input and an output of the graph."""

from __future__ import annotations

import numpy as np

from kws.errors import KwsError
from kws.fixedpoint.posterior import POSTERIOR_SCALE, POSTERIOR_ZERO_POINT
from kws.layers.kind import NONE
from kws.network.stack.layer import Call, Weights
from kws.network.stack.recurrent import Cell, Gru, Rnn
from kws.network.stack.tensors import INT8, Tensors, format_of

TANH_SCALE = 1 / 128
"""Of TANH's output, whose zero point is 0."""
GRU_OPERATORS = (
    ("FULLY_CONNECTED", "input_gates"),
    ("FULLY_CONNECTED", "recurrent_gates"),
    ("ADD", "gates"),
    ("LOGISTIC", "update_reset"),
    ("SPLIT", ""),
    ("FULLY_CONNECTED", "input_candidate"),
    ("FULLY_CONNECTED", "recurrent_candidate"),
    ("MUL", "reset_candidate"),
    ("ADD", "candidate_sum"),
    ("TANH", "candidate"),
    ("MUL", "kept"),
    ("SUB", "share"),
    ("MUL", "new"),
    ("ADD", "hidden"),
)
RNN_OPERATORS = (
    ("FULLY_CONNECTED", "input_sum"),
    ("FULLY_CONNECTED", "recurrent_sum"),
    ("ADD", "sum"),
    ("TANH", "hidden"),
)
OPERATORS: dict[type[Cell], tuple[tuple[str, str], ...]] = {Gru: GRU_OPERATORS, Rnn: RNN_OPERATORS}
"""A layer's operators in order, each with the step whose values it writes."""


class Cells(Tensors):
    """What writes them.

    Args:
        ranges: of the tensors whose range is measured.
    """

    _frames: int | None = None

    def _cell(self, x: int, name: str, layer: Cell, weights: Weights, call: Call) -> int:
        """The layer over all that a call sees; returns h, [1, 1, 1, units]."""
        if self._frames is not None:
            raise KwsError("a GRU or an RNN has no graph of a whole clip: its state is the caller's")
        x = self._reshape(x, (1, call.size))
        make = self._gru if isinstance(layer, Gru) else self._rnn
        before, after = make(x, name, layer, weights)
        self._states.append((before, after))
        return self._reshape(after, (1, 1, 1, layer.units))

    def _state(self, name: str, units: int, scale: float, zero_point: int) -> int:
        return self._tensor(f"{name}/state", (1, units), INT8, scale, zero_point)

    def _product(self, x: int, name: str, layer: Cell, weights: Weights, what: str) -> int:
        kernel, bias = layer.float_cell(weights).product(what)
        w, b = self._matrix(f"{name}/{what}", x, np.ascontiguousarray(kernel.T), bias, 0)
        out = self._ranged(f"{name}/{what}", (1, len(bias)))
        self._op("FULLY_CONNECTED", (x, w, b), (out,), FusedActivationFunction=NONE, KeepNumDims=False)
        return out

    def _pair(self, operator: str, a: int, b: int, out: int) -> int:
        self._op(operator, (a, b), (out,), FusedActivationFunction=NONE)
        return out

    def _rnn(self, x: int, name: str, layer: Cell, weights: Weights) -> tuple[int, int]:
        shape = (1, layer.units)
        h = self._state(name, layer.units, TANH_SCALE, 0)
        of_x = self._product(x, name, layer, weights, "input_sum")
        of_h = self._product(h, name, layer, weights, "recurrent_sum")
        total = self._pair("ADD", of_x, of_h, self._ranged(f"{name}/sum", shape))
        out = self._tensor(f"{name}/hidden", shape, INT8, TANH_SCALE, 0)
        self._op("TANH", (total,), (out,))
        return h, out

    def _gru(self, x: int, name: str, layer: Cell, weights: Weights) -> tuple[int, int]:
        shape = (1, layer.units)
        h = self._state(name, layer.units, *format_of(*self._ranges[f"{name}/hidden"]))
        of_x = self._product(x, name, layer, weights, "input_gates")
        of_h = self._product(h, name, layer, weights, "recurrent_gates")
        gates = self._pair("ADD", of_x, of_h, self._ranged(f"{name}/gates", (1, 2 * layer.units)))
        both = self._probability(f"{name}/update_reset", (1, 2 * layer.units))
        self._op("LOGISTIC", (gates,), (both,))
        update, reset = (self._like(f"{name}/{what}", both, shape) for what in ("update", "reset"))
        self._op("SPLIT", (self._constant("axis", [1]), both), (update, reset), NumSplits=2)
        of_x = self._product(x, name, layer, weights, "input_candidate")
        of_h = self._product(h, name, layer, weights, "recurrent_candidate")
        of_h = self._pair("MUL", reset, of_h, self._ranged(f"{name}/reset_candidate", shape))
        total = self._pair("ADD", of_x, of_h, self._ranged(f"{name}/candidate_sum", shape))
        candidate = self._tensor(f"{name}/candidate", shape, INT8, TANH_SCALE, 0)
        self._op("TANH", (total,), (candidate,))
        kept = self._pair("MUL", update, h, self._ranged(f"{name}/kept", shape))
        # 1 is the constant 127 at 1/127; 1 - update is exact, but 255/256 stands for 1.
        one = self._tensor(f"{name}/one", (1, 1), INT8, 1 / 127, data=np.full((1, 1), 127, np.int8))
        share = self._pair("SUB", one, update, self._probability(f"{name}/share", shape))
        new = self._pair("MUL", share, candidate, self._ranged(f"{name}/new", shape))
        return h, self._pair("ADD", kept, new, self._ranged(f"{name}/hidden", shape))

    def _probability(self, name: str, shape: tuple[int, ...]) -> int:
        return self._tensor(name, shape, INT8, POSTERIOR_SCALE, POSTERIOR_ZERO_POINT)
