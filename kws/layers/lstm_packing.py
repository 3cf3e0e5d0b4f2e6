"""An LSTM's weights in other orders than rows, for the DSP extension and for Helium.

The rows are a unit's gates, the parts its input and its hidden state.
"""

from __future__ import annotations

import numpy as np

from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.lstm import Lstm, LstmGate
from kws.layers.kind import folded
from kws.layers.packing import Part, Words, can_pack, dsp_factor, pack


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


_GREATEST_RIGHT_SHIFT = 9
"""Up to here the second rounding's multiplier is right for all sums below 2^23."""

_GREATEST_LEFT_SHIFT = 8
"""Packed sums of the gates I and G are 256 times as large."""


def gate_factor(factor: Factor, high: bool) -> tuple[int, int, int] | None:
    """The fields of a ``kws_gate_factor``, or None where it has no such form.

    Args:
        factor: of one part of a gate.
        high: of the gates I and G, whose packed sums are 256 times as large.
    """
    value, right = dsp_factor(factor)[0], factor.right_shift
    if factor.value == 0:
        right = 31
    elif right > _GREATEST_RIGHT_SHIFT or factor.left_shift > _GREATEST_LEFT_SHIFT:
        return None
    # What the multiplier is off a power of two makes halves of a negative value go down.
    step = 0 if right == 0 else 2**31 - 1 if right == 1 else -(2 ** (32 - right)) - 1
    left = factor.left_shift if factor.value else 0
    return value, step, _GREATEST_LEFT_SHIFT - left if high else left


def gate_factors(lstm: Lstm) -> list[tuple[int, int, int]] | None:
    """The fields of each gate's two ``kws_gate_factor``, or None where one has no such form."""
    fields: list[tuple[int, int, int]] = []
    for index, gate in enumerate(lstm.gates):
        for factor in (gate.input_factor, gate.recurrent_factor):
            prepared = gate_factor(factor, high=index % 2 == 0)
            if prepared is None:
                return None
            fields.append(prepared)
    return fields


def packed_weights(lstm: Lstm) -> Words | None:
    """Weights and biases in the order in which the device reads them, or None if they cannot be packed."""
    parts = gate_parts(lstm)
    return pack(*parts) if gate_factors(lstm) is not None and all(can_pack(*part) for part in parts) else None


_TILE = 16
"""Columns that Helium takes at once."""


def lane_weights(lstm: Lstm) -> Words:
    """Weights and biases in the order in which Helium reads them: ``firmware/src/arch/lanes_helium.c``.

    For each two units the input part, then the recurrent part. A part is the eight biases of their
    gates, int32, then for each 16 columns the eight rows' weights, int8, one row after another; of the
    last columns as many as there are. A last unit without another has a unit of zeros. After all of it
    come 16 bytes that are read beyond a last row, and meet zeros.
    """
    pairs = -(-lstm.units // 2)
    blocks = []
    for weights, bias in gate_parts(lstm):
        columns = weights.shape[2]
        rows = np.zeros((2 * pairs, 4, columns), np.int8)
        rows[: lstm.units] = weights
        biases = np.zeros((2 * pairs, 4), "<i4")
        biases[: lstm.units] = bias
        tiles = [rows[..., at : at + _TILE].reshape(pairs, -1) for at in range(0, columns, _TILE)]
        blocks += [biases.reshape(pairs, 8).view(np.int8), *tiles]
    content = np.concatenate(blocks, axis=1).tobytes() + bytes(_TILE)
    return np.frombuffer(content, "<u4").astype(np.uint32)
