"""Writing rows of weights and what makes int8 of their sums: the structure ``kws_rows``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws import emit
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.requantize import Output
from kws.layers.kind import Arch
from kws.layers.packing import Words, by_arch, can_pack, dsp_factors, pack
from kws.types import Int64

ROWS = ("weights", "bias", "factors")
PACKED = ("packed_weights", "packed_factors")
GROUP = 4
"""Rows that the device sums at once where they are packed; the last group's missing ones are zeros."""


def packed_rows(weights: npt.NDArray[np.int8], bias: Int64) -> Words | None:
    """Rows in groups of four, or None if they cannot be packed.

    Args:
        weights: int8 [outputs, inputs].
        bias: [outputs], the input's zero point folded in.
    """
    outputs, inputs = weights.shape
    groups = -(-outputs // GROUP)
    w = np.zeros((GROUP * groups, inputs), np.int8)
    w[:outputs] = weights
    b = np.zeros(GROUP * groups, np.int64)
    b[:outputs] = bias
    rows, biases = w.reshape(groups, GROUP, -1), b.reshape(groups, GROUP)
    if not can_pack(rows, biases):
        return None
    return pack((rows, biases))


@dataclass(frozen=True)
class Rows:
    """Rows on their way to C.

    Attributes:
        text: definitions of the arrays.
        member: lines of a structure that initialise its member ``rows``.
        packed: whether the rows are packed for KWS_ARCH_DSP.
    """

    text: tuple[str, ...]
    member: tuple[str, ...]
    packed: bool


def write_rows(
    name: str, weights: npt.NDArray[np.int8], bias: Int64, output: Output, vectors: int, groups: int = 1
) -> Rows:
    """The arrays and the ``kws_rows`` of a layer.

    Args:
        name: of the layer.
        weights: int8 [outputs, inputs].
        bias: [outputs], the input's zero point folded in.
        output: from sums to int8.
        vectors: that a call multiplies by them.
        groups: into which the rows fall, each with an input of its own; each is packed by itself.
    """
    outputs, inputs = weights.shape
    plain = [
        emit.array("int8_t", f"{name}_weights", weights.reshape(-1), align=4),
        emit.array("int32_t", f"{name}_bias", bias),
        emit_factors(f"{name}_factors", output.factors),
    ]
    fields: dict[str, str | int] = {
        "inputs": inputs,
        "outputs": outputs // groups,
        "vectors": vectors,
        **output_fields(output),
    }
    words = [
        packed_rows(w, b) for w, b in zip(weights.reshape(groups, -1, inputs), bias.reshape(groups, -1), strict=True)
    ]
    whole = [w for w in words if w is not None]
    if len(whole) < groups:
        lines = emit.members({**pointers(name, ROWS), **fields})
        return Rows(tuple(plain), _member(lines), packed=False)
    packed = [
        emit.array("uint32_t", f"{name}_packed_weights", np.concatenate(whole), hexadecimal=True),
        dsp_factors(f"{name}_packed_factors", _in_fours(output.factors, groups)),
    ]
    chosen = by_arch({Arch.DSP: emit.members(pointers(name, PACKED))}, emit.members(pointers(name, ROWS)))
    return Rows(tuple(by_arch({Arch.DSP: packed}, plain)), _member([*chosen, *emit.members(fields)]), packed=True)


def _in_fours(factors: Sequence[Factor], groups: int) -> Sequence[Factor]:
    """Of one a row, each group's with the last one repeated up to a multiple of :data:`GROUP`."""
    if len(factors) == 1:
        return factors
    each = np.arange(len(factors)).reshape(groups, -1)
    padded = np.pad(each, [(0, 0), (0, -each.shape[1] % GROUP)], mode="edge")
    return [factors[int(i)] for i in padded.reshape(-1)]


def _member(lines: Sequence[str]) -> tuple[str, ...]:
    return (f"{emit.INDENT}KWS_MEMBER(rows) {{", *lines, f"{emit.INDENT}}},")


def pointers(name: str, chosen: Sequence[str]) -> dict[str, str | int]:
    """The pointers of a ``kws_rows``: to the arrays ``chosen``, else NULL."""
    return {key: f"{name}_{key}" if key in chosen else "NULL" for key in (*ROWS, *PACKED)}


def emit_factors(name: str, factors: Sequence[Factor]) -> str:
    """An array of kws_factor."""
    rows = "".join(f"{emit.INDENT}{emit.factor(f)},\n" for f in factors)
    return f"static const kws_factor {name}[{len(factors)}] = {{\n{rows}}};"


def output_fields(output: Output) -> dict[str, str | int]:
    """The members of a structure that hold an :class:`Output`, but its factors, in the order of their declaration."""
    return {
        "per_channel": int(len(output.factors) > 1),
        "output_zero_point": output.zero_point,
        "activation_min": output.low,
        "activation_max": output.high,
    }
