"""The int8 LSTM with an int16 cell, exactly as TFLM's reference kernel computes it.

Twin of ``firmware/src/layers/lstm.c``; specified in docs/SPEC.md, "LSTM". Source: TFLM
``kernels/lstm_eval.h`` (``LstmStep``) and ``lstm_eval_common.cc`` (parameters). The plain LSTM
of Hochreiter & Schmidhuber with a forget gate: no peepholes, projection or layer norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kws.fixedpoint.activation import sigmoid_lookup, tanh_lookup
from kws.fixedpoint.arithmetic import (
    INT8_MAX,
    INT8_MIN,
    Factor,
    clamp,
    columns,
    multiply,
    multiply_by,
    sat16,
    wrap,
)
from kws.fixedpoint.arrays import Int8, Int32
from kws.fixedpoint.layers.kernel import Kernel, State, Values, rows_of

GATES = ("input", "forget", "cell", "output")
GATE_SCALE_POWER = -12
"""Gate pre-activations are int16 in Q3.12."""
HIDDEN, CELL = 0, 1
"""Places of the states."""


@dataclass(frozen=True)
class LstmGate:
    """One gate's weights.

    Attributes:
        input_weights: int8 [units, inputs].
        recurrent_weights: int8 [units, units].
        bias: int32 [units], at the scale of input times input weights.
        input_factor: requantization of the input part to Q3.12.
        recurrent_factor: requantization of the recurrent part to Q3.12.
    """

    input_weights: Int8
    recurrent_weights: Int8
    bias: Int32
    input_factor: Factor
    recurrent_factor: Factor


class _Stacked:
    """The four gates' parameters side by side, so that one product serves them all."""

    def __init__(self, gates: tuple[LstmGate, ...], input_zero_point: int, hidden_zero_point: int) -> None:
        # float64 products are exact: every sum is far below 2^53, and BLAS is fast.
        w = np.concatenate([g.input_weights for g in gates]).astype(np.int64)
        r = np.concatenate([g.recurrent_weights for g in gates]).astype(np.int64)
        bias = np.concatenate([g.bias for g in gates]).astype(np.int64)
        self.input_weights = np.ascontiguousarray(w.T, np.float64)
        self.recurrent_weights = np.ascontiguousarray(r.T, np.float64)
        self.input_bias = bias - input_zero_point * w.sum(axis=1)
        self.recurrent_bias = -hidden_zero_point * r.sum(axis=1)
        self.input_factors = columns([g.input_factor for g in gates for _ in g.bias])
        self.recurrent_factors = columns([g.recurrent_factor for g in gates for _ in g.bias])


@dataclass(frozen=True)
class Lstm(Kernel):
    """An LSTM layer; gates are in the file's order: input, forget, cell, output.

    Attributes:
        gates: the four gates.
        input_zero_point: zero point of the input.
        hidden_zero_point: zero point of h, which is also the output.
        keep_factor: requantization of ``f * c``.
        add_factor: requantization of ``i * g``.
        hidden_factor: requantization of ``o * tanh(c)``.
        cell_scale_power: the cell's scale is 2 to this power.
        cell_clip: limit of |c| in the cell's scale; 0 for none.
    """

    gates: tuple[LstmGate, LstmGate, LstmGate, LstmGate]
    input_zero_point: int
    hidden_zero_point: int
    keep_factor: Factor
    add_factor: Factor
    hidden_factor: Factor
    cell_scale_power: int
    cell_clip: int
    _stacked: _Stacked = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_stacked", _Stacked(self.gates, self.input_zero_point, self.hidden_zero_point))

    @property
    def units(self) -> int:
        """Width of the layer."""
        return len(self.gates[0].bias)

    @property
    def inputs(self) -> int:
        """Width of the input."""
        return int(self.gates[0].input_weights.shape[1])

    @property
    def states(self) -> tuple[State, ...]:
        """The hidden state h, which after a reset is at its zero point, and the cell c."""
        return (
            State("hidden", "int8", (self.units,), self.hidden_zero_point),
            State("cell", "int16", (self.units,), 0),
        )

    @property
    def macs_per_output(self) -> int:
        """Four gates read the input and the hidden state."""
        return 4 * (self.inputs + self.units)

    @property
    def weight_bytes(self) -> int:
        """int8 weights and int32 biases of the input and of the recurrent part."""
        return 4 * self.units * (self.inputs + self.units + 8)

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """One step a row: int8 [streams, calls, ..., inputs] to int8 [streams, calls, rows, units]."""
        p, units = self._stacked, self.units
        x = rows_of(inputs[0], self.inputs)
        streams, calls, rows, _ = x.shape
        steps = calls * rows
        # The input part of a gate does not depend on the state: one product for all steps.
        products = (x.reshape(-1, self.inputs).astype(np.float64) @ p.input_weights).astype(np.int64) + p.input_bias
        from_input = sat16(multiply_by(products, *p.input_factors))  # LSTM/1
        from_input = from_input.reshape(streams, steps, 4 * units)
        sigmoid, tanh, tanh_of_cell = (
            sigmoid_lookup(),
            tanh_lookup(GATE_SCALE_POWER),
            tanh_lookup(self.cell_scale_power),
        )
        hidden, cell = states
        # After a call of one row h is the output.
        output = hidden[:, 1:] if rows == 1 else np.empty((streams, steps, units), np.int8)
        h, c = hidden[:, 0], cell[:, 0].astype(np.int64)
        for t in range(steps):
            products = (h.astype(np.float64) @ p.recurrent_weights).astype(np.int64) + p.recurrent_bias
            recurrent = sat16(multiply_by(products, *p.recurrent_factors))  # LSTM/2
            gates = sat16(from_input[:, t] + recurrent) + 32768  # LSTM/3, as an index of the lookups
            # LSTM/4
            i, f = sigmoid[gates[:, :units]], sigmoid[gates[:, units : 2 * units]]
            g, o = tanh[gates[:, 2 * units : 3 * units]], sigmoid[gates[:, 3 * units :]]
            kept = sat16(multiply(f * c, self.keep_factor))  # LSTM/5
            added = sat16(multiply(i * g, self.add_factor))  # LSTM/6
            c = sat16(kept + added)  # LSTM/7
            if self.cell_clip > 0:
                c = clamp(c, -self.cell_clip, self.cell_clip)
            # LSTM/8
            product = multiply(o * tanh_of_cell[c + 32768], self.hidden_factor)
            h = clamp(wrap(product + self.hidden_zero_point), INT8_MIN, INT8_MAX).astype(np.int8)
            output[:, t] = h
            if (t + 1) % rows == 0:
                hidden[:, (t + 1) // rows] = h
                cell[:, (t + 1) // rows] = c
        # The caller may change the output, and not the state with it.
        return output.reshape(streams, calls, rows, units).copy()
