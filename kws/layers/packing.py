"""Rows of weights as the dual 16-bit multiply-accumulate of Armv7E-M wants them (KWS_ARCH_DSP).

A 16-bit value holds 256 * a + b for weights a and b of two rows and one column, a word holds two
columns. One SMLAD over such words and a pair of inputs sums 256 * A + B of both rows; another one
over the sign-extended low bytes sums B alone. Four products take three operations, from no more
bytes than int8 takes. Rows come in groups of four, columns in parts, of which the device sums one or two a
call. Twin of ``firmware/src/arch/packed_dsp.h``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kws import emit
from kws.fixedpoint.arithmetic import INT8_MIN, Factor
from kws.layers.kind import Arch
from kws.types import Int64

COLUMNS = 4
"""Columns are padded with zeros to a multiple of this; the loop of the device takes so many at once."""

_SUM_LIMIT = 2**23  # 256 times a sum is taken modulo 2^32
_COLUMN_ORDER = (0, 2, 1, 3)  # SXTB16 of four bytes gives the even ones, rotated by 8 the odd ones
_PAIRS = ((0, 1), (2, 3))  # rows that share words

Words = npt.NDArray[np.uint32]
Part = tuple[npt.NDArray[np.int8], Int64]
"""Weights int8 [groups, 4, columns] and biases [groups, 4]."""


def can_pack(weights: npt.NDArray[np.int8], bias: Int64) -> bool:
    """Whether one part's weights [groups, 4, columns] can be packed and summed without loss.

    Each packed value must fit int16, which fails for a = -128 above a negative b only; and each
    sum, its bias included, must stay below 2^23 in magnitude whatever the inputs.
    """
    w = weights.astype(np.int64)
    fits = not any(np.any((w[:, a] == INT8_MIN) & (w[:, b] < 0)) for a, b in _PAIRS)
    greatest = np.abs(bias) + 128 * np.abs(w).sum(axis=2)
    return fits and bool(np.all(greatest < _SUM_LIMIT))


def _part_words(weights: npt.NDArray[np.int8], bias: Int64) -> Int64:
    """One part of every group, int64 [groups, words]: four biases, then the columns, four at a time."""
    groups, _, columns = weights.shape
    padded = np.zeros((groups, 4, -(-columns // COLUMNS) * COLUMNS), np.int64)
    padded[:, :, :columns] = weights
    pairs = np.stack([256 * padded[:, a] + padded[:, b] for a, b in _PAIRS], axis=1)
    quads = pairs.reshape(groups, 2, -1, COLUMNS)[..., _COLUMN_ORDER] & 0xFFFF
    words = quads[..., 0::2] | quads[..., 1::2] << 16  # [groups, row pair, quad, half of a quad]
    start = np.stack([v for a, b in _PAIRS for v in (256 * bias[:, a] + bias[:, b], bias[:, b])], axis=1)
    return np.concatenate([start, words.transpose(0, 2, 3, 1).reshape(groups, -1)], axis=1)


def pack(*parts: Part) -> Words:
    """Weights and biases in the order in which the device reads them, one part of a group after another.

    A part is four words of biases, as the four accumulators start with them, then for each four
    columns k: columns k and k + 2 of the first two rows, the same of the others, then columns k + 1
    and k + 3 likewise.
    """
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


def dsp_factors(name: str, factors: Sequence[Factor]) -> str:
    """An array of kws_dsp_factor."""
    prepared = (dsp_factor(f) for f in factors)
    rows = "".join(f"{emit.INDENT}{{{emit.number(m)}, {emit.number(s)}}},\n" for m, s in prepared)
    return f"static const kws_dsp_factor {name}[{len(factors)}] = {{\n{rows}}};"


def by_arch(cases: Mapping[Arch, Sequence[str]], other: Sequence[str]) -> list[str]:
    """Lines of C: each case's for its architecture, the others for every other one."""
    lines: list[str] = []
    for arch, text in cases.items():
        lines += [f"#{'el' if lines else ''}if KWS_ARCH == {arch}", *text]
    return [*lines, "#else", *other, "#endif"] if lines else list(other)
