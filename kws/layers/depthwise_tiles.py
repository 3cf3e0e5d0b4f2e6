"""A depthwise convolution of 3 by 3 taps as the DSP extension and Helium read it, channel by channel.

Twin of ``firmware/src/arch/depthwise_tiles_dsp.h`` and ``depthwise_tiles_helium.h``. Channels come in blocks as in
:mod:`kws.layers.depthwise_packing`, and a core interleaves a block's pixels before it multiplies: each is unpacked
once for all the products that it is in. What is computed at the end of a row or a column twice is the same twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, Factor
from kws.fixedpoint.layers.depthwise_conv_2d import DepthwiseConv2D
from kws.layers.depthwise_packing import OUTPUTS, Parts, in_blocks, prepare
from kws.layers.kind import Arch
from kws.layers.one_multiplication import OneMultiplication, one_multiplication
from kws.layers.packing import Words

_UNPACKED = 9  # words of a channel with the DSP extension
_STRIP_ROWS = {Arch.DSP: 28, Arch.HELIUM: 30}
_STEP = 4  # rows of outputs that Helium makes at once
_EDGE = 2  # rows that they see beside their own


def tiles(conv: DepthwiseConv2D, arch: Arch) -> Words | None:
    """The blocks, or None if the device takes another way.

    It does so unless taps are 3 by 3, side by side, with a stride of 1 and an output of 2 by 2 or more; unless what
    is negative is clamped to an output of -128, as with a ReLU, and nothing else is clamped; and where
    :func:`kws.layers.depthwise_packing.packed` says so of either core.

    Args:
        conv: the convolution.
        arch: DSP or HELIUM.
    """
    window, out = conv.window, conv.output
    square = window.kernel == (3, 3) and window.stride == window.dilation == (1, 1) and min(window.output) > 1
    if not square or (out.zero_point, out.low, out.high) != (INT8_MIN, INT8_MIN, INT8_MAX):
        return None
    prepared = prepare(conv, OUTPUTS[arch])
    if prepared is None:
        return None
    bias, factors = prepared
    if arch is Arch.HELIUM:
        return in_blocks(conv.weights, bias, factors, OUTPUTS[arch], _helium_block)
    ends = _ends(conv, factors)
    if ends is None:
        return None
    return in_blocks(conv.weights, conv.bias.astype(np.int64), ends, OUTPUTS[arch], _dsp_block)


def _ends(conv: DepthwiseConv2D, factors: list[Factor]) -> list[OneMultiplication] | None:
    """One multiplication for each output; None if one has none."""
    positive, negative = (np.maximum(s * conv.weights.astype(np.int64), 0).sum(axis=(0, 1)) for s in (1, -1))
    above, below = INT8_MAX - conv.input_zero_point, conv.input_zero_point - INT8_MIN
    low, high = conv.bias - positive * below - negative * above, conv.bias + positive * above + negative * below
    ends = []
    for factor, *sums in zip(factors, low, high, strict=True):
        end = one_multiplication(factor, *map(int, sums))
        if end is None:
            return None
        ends.append(end)
    return ends


def scratch_bytes(conv: DepthwiseConv2D, arch: Arch) -> int:
    """Bytes of memory that the device needs for it: strips of a block's pixels, and its unpacked weights or a pixel."""
    if arch is Arch.DSP:
        return 4 * OUTPUTS[arch] * (2 * _STRIP_ROWS[arch] + _UNPACKED)
    rows = -(-conv.window.output[0] // _STEP) * _STEP + _EDGE
    return OUTPUTS[arch] * (4 * min(rows, _STRIP_ROWS[arch]) + 1)


def _dsp_block(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], ends: list[OneMultiplication]) -> Parts:
    """For each channel: where its sum starts; for each row of taps bytes w0 w1 w2 and the scale; value and offset."""
    parts: Parts = []
    for channel, end in enumerate(ends):
        rows = np.full((3, 4), end.scale, np.int8)
        rows[:, :3] = weights[:, :, channel]
        start = (int(bias[channel]) << end.scale) + end.start
        parts += [np.array([start], "<i4"), rows, np.array([end.value, end.offset], "<i4")]
    return parts


def _helium_block(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], factors: list[Factor]) -> Parts:
    """Each channel's 0 and rows of taps w0 w1 w2 0, as words; 0; each one's bias, factor and shift."""
    words = np.zeros((len(factors), 4, 4), np.int8)
    words[:, 1:, :3] = weights.transpose(2, 0, 1)
    numbers = [(b, f.value, -f.right_shift) for b, f in zip(bias, factors, strict=True)]
    return [words, np.zeros(1, "<i4"), np.array(numbers, "<i4")]
