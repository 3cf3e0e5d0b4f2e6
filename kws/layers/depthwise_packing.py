"""A depthwise convolution's weights, biases and factors in the order in which the DSP extension and Helium read them.

Twin of ``firmware/src/arch/depthwise_dsp.h`` and ``depthwise_helium.h``. Outputs come in blocks; the last block is of
the last outputs there are, whether or not some of them are in the one before. Taps come in pairs, an odd number of them
with one of zeros behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arithmetic import INT16_MAX, Factor
from kws.fixedpoint.layers.depthwise_conv_2d import DepthwiseConv2D
from kws.layers.kind import Arch, folded
from kws.layers.packing import Words, dsp_factor
from kws.types import Int64

OUTPUTS = {Arch.DSP: 4, Arch.HELIUM: 16}
"""Outputs of a block."""

GREATEST = 128
"""The magnitude of an int8."""

Parts = list[npt.NDArray[np.int8] | npt.NDArray[np.int32]]
"""Of a block, in order."""

T = TypeVar("T")
"""What an output's sum becomes its byte by."""

_SUM_LIMIT = 2**30  # a factor of zero makes zero of what is smaller: kws.layers.packing.dsp_factor
_LANES = 4


def packed(conv: DepthwiseConv2D, arch: Arch) -> Words | None:
    """The blocks, or None if the device makes the outputs one after another.

    It does so with fewer outputs than a block has, with several outputs of a channel, where a factor is a half or
    more or, with Helium, where a pair of taps leaves int16 (both weights -128).

    Args:
        conv: the convolution.
        arch: DSP or HELIUM.
    """
    size = OUTPUTS[arch]
    prepared = prepare(conv, size)
    if prepared is None:
        return None
    taps = np.zeros((-(-conv.window.taps // 2) * 2, conv.outputs), np.int8)
    taps[: conv.window.taps] = conv.weights.reshape(-1, conv.outputs)
    pairs = GREATEST * np.abs(taps.astype(np.int64)).reshape(-1, 2, conv.outputs).sum(axis=1)
    if arch is Arch.HELIUM and pairs.max() > INT16_MAX:
        return None
    return in_blocks(taps, *prepared, size, _dsp_block if arch is Arch.DSP else _helium_block)


def prepare(conv: DepthwiseConv2D, size: int) -> tuple[Int64, list[Factor]] | None:
    """Folded biases and factors, one of each an output, or None if blocks of ``size`` outputs cannot have them."""
    flat = conv.weights.reshape(-1, conv.outputs)
    bias = folded(conv.bias, flat.T, conv.input_zero_point)
    factors = [f if f.value else Factor(2**30, -31) for f in conv.output.factors]
    if conv.multiplier != 1 or conv.outputs < size or any(f.right_shift < 1 for f in factors):
        return None
    if (np.abs(bias) + GREATEST * np.abs(flat.astype(np.int64)).sum(axis=0)).max() >= _SUM_LIMIT:
        return None
    return bias, factors * (conv.outputs // len(factors))


def in_blocks(
    weights: npt.NDArray[np.int8],
    bias: Int64,
    factors: list[T],
    size: int,
    block: Callable[[npt.NDArray[np.int8], npt.NDArray[np.int32], list[T]], Parts],
) -> Words:
    """The words of all blocks of ``size`` outputs, the last of which may have some of those before it.

    Args:
        weights: int8 [..., outputs].
        bias: [outputs].
        factors: one an output.
        size: of a block.
        block: the parts of one, of its weights, biases and factors.
    """
    outputs = weights.shape[-1]
    parts: Parts = []
    for start in range(0, outputs, size):
        some = slice(min(start, outputs - size), min(start + size, outputs))
        parts += block(weights[..., some], bias[some].astype("<i4"), factors[some])
    return np.frombuffer(b"".join(part.tobytes() for part in parts), "<u4").astype(np.uint32)


def _dsp_block(taps: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], factors: list[Factor]) -> Parts:
    """Four biases; for each two taps t and u bytes 0t 1t 0u 1u 2t 3t 2u 3u; for each output its factor and step."""
    pairs = taps.reshape(-1, 2, 2, 2)  # [pairs of taps, tap, half of the block, output]
    return [bias, pairs.transpose(0, 2, 1, 3), np.array([dsp_factor(f) for f in factors], "<i4")]


def _helium_block(taps: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], factors: list[Factor]) -> Parts:
    """Biases, of every fourth output together; the taps' rows; for every fourth output their factors and shifts."""
    order = np.arange(len(bias)).reshape(_LANES, -1).T.reshape(-1)
    numbers = np.array([(f.value, -f.right_shift) for f in factors], "<i4")[order]
    return [bias[order], taps, numbers.reshape(-1, _LANES, 2).transpose(0, 2, 1)]
