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
from kws.layers.packing import Words, dsp_factor

_EDGE = 2  # columns of a strip beyond those of the output
_UNPACKED = 9  # words of a channel with the DSP extension


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
    block = _dsp_block if arch is Arch.DSP else _helium_block
    return in_blocks(conv.weights, *prepared, OUTPUTS[arch], block)


def scratch_bytes(conv: DepthwiseConv2D, arch: Arch) -> int:
    """Bytes of memory that the device needs for it: strips of a block's pixels, and its unpacked weights or a pixel."""
    columns = conv.window.output[1] + _EDGE
    if arch is Arch.DSP:
        return 4 * OUTPUTS[arch] * (2 * columns + _UNPACKED)
    return OUTPUTS[arch] * (4 * columns + 1)


def _dsp_block(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], factors: list[Factor]) -> Parts:
    """For each channel: bias; for each column of taps bytes w0 w1 w1 w2, w0 being its first row; factor and step."""
    parts: Parts = []
    for channel, factor in enumerate(factors):
        columns = weights[[0, 1, 1, 2], :, channel].T.copy()
        parts += [bias[channel : channel + 1], columns, np.array(dsp_factor(factor), "<i4")]
    return parts


def _helium_block(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], factors: list[Factor]) -> Parts:
    """Each channel's 0 and columns of taps w0 w1 w2 0, as words; 0; each one's bias, factor and shift."""
    words = np.zeros((len(factors), 4, 4), np.int8)
    words[:, 1:, :3] = weights.transpose(2, 1, 0)
    numbers = [(b, f.value, -f.right_shift) for b, f in zip(bias, factors, strict=True)]
    return [words, np.zeros(1, "<i4"), np.array(numbers, "<i4")]
