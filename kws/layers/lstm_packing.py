"""An LSTM's weights as the dual 16-bit multiply-accumulate of Armv7E-M wants them (KWS_ARCH_DSP).

A 16-bit value holds 256 * a + b for weights a and b of two rows and one column, a word holds two
columns. One SMLAD over such words and a pair of inputs sums 256 * A + B of both rows; another one
over the sign-extended low bytes sums B alone. Four products take three operations, from no more
bytes than int8 takes. Twin of ``firmware/src/arch/lstm_dsp.h``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arithmetic import INT8_MIN, Factor
from kws.fixedpoint.layers.lstm import Lstm, LstmGate
from kws.layers.kind import folded
from kws.types import Int64

COLUMNS = 4
"""Columns are padded with zeros to a multiple of this; the loop of the device takes so many at once."""

_SUM_LIMIT = 2**23  # 256 times a sum is taken modulo 2^32
_COLUMN_ORDER = (0, 2, 1, 3)  # SXTB16 of four bytes gives the even ones, rotated by 8 the odd ones
_PAIRS = ((0, 1), (2, 3))  # rows that share words: gates input and forget, cell and output

Words = npt.NDArray[np.uint32]


def gate_parts(lstm: Lstm) -> tuple[tuple[npt.NDArray[np.int8], Int64], tuple[npt.NDArray[np.int8], Int64]]:
    """Weights int8 [units, gates, columns] and biases [units, gates] of the input and the recurrent part."""
    zeros = np.zeros(lstm.units, np.int32)

    def both(rows: list[tuple[npt.NDArray[np.int8], Int64]]) -> tuple[npt.NDArray[np.int8], Int64]:
        return np.stack([w for w, _ in rows], axis=1), np.stack([b for _, b in rows], axis=1)

    def from_input(g: LstmGate) -> tuple[npt.NDArray[np.int8], Int64]:
        return g.input_weights, folded(g.bias, g.input_weights, lstm.input_zero_point)

    def from_hidden(g: LstmGate) -> tuple[npt.NDArray[np.int8], Int64]:
        return g.recurrent_weights, folded(zeros, g.recurrent_weights, lstm.hidden_zero_point)

    return both([from_input(g) for g in lstm.gates]), both([from_hidden(g) for g in lstm.gates])


def can_pack(weights: npt.NDArray[np.int8], bias: Int64) -> bool:
    """Whether one part's weights [units, gates, columns] can be packed and summed without loss.

    Each packed value must fit int16, which fails for a = -128 above a negative b only; and each
    sum, its bias included, must stay below 2^23 in magnitude whatever the inputs.
    """
    w = weights.astype(np.int64)
    fits = not any(np.any((w[:, a] == INT8_MIN) & (w[:, b] < 0)) for a, b in _PAIRS)
    greatest = np.abs(bias) + 128 * np.abs(w).sum(axis=2)
    return fits and bool(np.all(greatest < _SUM_LIMIT))


def _part_words(weights: npt.NDArray[np.int8], bias: Int64) -> Int64:
    """One part of every unit, int64 [units, words]: four biases, then the columns, four at a time."""
    units, _, columns = weights.shape
    padded = np.zeros((units, 4, -(-columns // COLUMNS) * COLUMNS), np.int64)
    padded[:, :, :columns] = weights
    pairs = np.stack([256 * padded[:, a] + padded[:, b] for a, b in _PAIRS], axis=1)
    quads = pairs.reshape(units, 2, -1, COLUMNS)[..., _COLUMN_ORDER] & 0xFFFF
    words = quads[..., 0::2] | quads[..., 1::2] << 16  # [units, row pair, quad, half of a quad]
    start = np.stack([v for a, b in _PAIRS for v in (256 * bias[:, a] + bias[:, b], bias[:, b])], axis=1)
    return np.concatenate([start, words.transpose(0, 2, 3, 1).reshape(units, -1)], axis=1)


def packed_weights(lstm: Lstm) -> Words | None:
    """Weights and biases in the order in which the device reads them, or None if they cannot be packed.

    For each unit the input part, then the recurrent part. A part is four words of biases, as the
    four accumulators start with them, then for each four columns k: columns k and k + 2 of gates
    input and forget, the same of cell and output, then columns k + 1 and k + 3 likewise.
    """
    parts = gate_parts(lstm)
    if not all(can_pack(weights, bias) for weights, bias in parts):
        return None
    return (np.concatenate([_part_words(*part) for part in parts], axis=1) % 2**32).astype(np.uint32).reshape(-1)


def dsp_factor(factor: Factor) -> tuple[int, int]:
    """The fields of a ``kws_dsp_factor``: the multiplier doubled modulo 2^32, and the step.

    A factor of zero has no such form; 2^-32 takes its place, which makes zero of every sum below
    2^23 just as well.
    """
    if factor.value == 0:
        factor = Factor(2**30, -31)
    step = -(2 ** (32 - factor.right_shift)) if factor.right_shift else factor.left_shift
    return 2 * factor.value - 2**32, step
