"""An LSTM's weights as packed rows: the rows are a unit's gates, the parts its input and its hidden state."""

from __future__ import annotations

import numpy as np

from kws.fixedpoint.layers.lstm import Lstm, LstmGate
from kws.layers.kind import folded
from kws.layers.packing import Part, Words, can_pack, pack


def gate_parts(lstm: Lstm) -> tuple[Part, Part]:
    """Weights int8 [units, gates, columns] and biases [units, gates] of the input and the recurrent part."""
    zeros = np.zeros(lstm.units, np.int32)

    def both(rows: list[Part]) -> Part:
        return np.stack([w for w, _ in rows], axis=1), np.stack([b for _, b in rows], axis=1)

    def from_input(g: LstmGate) -> Part:
        return g.input_weights, folded(g.bias, g.input_weights, lstm.input_zero_point)

    def from_hidden(g: LstmGate) -> Part:
        return g.recurrent_weights, folded(zeros, g.recurrent_weights, lstm.hidden_zero_point)

    return both([from_input(g) for g in lstm.gates]), both([from_hidden(g) for g in lstm.gates])


def packed_weights(lstm: Lstm) -> Words | None:
    """Weights and biases in the order in which the device reads them, or None if they cannot be packed."""
    parts = gate_parts(lstm)
    return pack(*parts) if all(can_pack(*part) for part in parts) else None
