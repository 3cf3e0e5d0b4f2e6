"""A depthwise convolution's weights for the DSP extension, and what Helium may add in int16.

Twin of ``firmware/src/arch/depthwise_dsp.h`` and ``depthwise_helium.h``.
"""

from __future__ import annotations

import numpy as np

from kws.fixedpoint.arithmetic import INT16_MAX
from kws.fixedpoint.layers.depthwise_conv_2d import DepthwiseConv2D
from kws.layers.kind import folded
from kws.layers.packing import Words

DSP_OUTPUTS, HELIUM_OUTPUTS = 4, 16
"""Outputs that the device makes at once; with fewer in all it makes one after another."""

_GREATEST = 128  # the magnitude of an int8
_SUM_LIMIT = 2**30  # a factor of zero makes zero of what is smaller: kws.layers.packing.dsp_factor


def packed_weights(conv: DepthwiseConv2D) -> Words | None:
    """Words of four outputs and two taps, or None if the device does not take four outputs at once.

    For each four outputs and each two taps t and u two words, whose bytes from the lowest are outputs 0 of t, 1 of t,
    0 of u, 1 of u; and outputs 2 and 3 likewise. An odd number of taps has one of zeros behind it. The last four
    outputs are the last ones there are, whether or not some of them belong to four before.
    """
    flat = conv.weights.reshape(conv.window.taps, conv.outputs)
    sums = np.abs(folded(conv.bias, flat.T, conv.input_zero_point)) + _GREATEST * np.abs(flat.astype(np.int64)).sum(0)
    if conv.multiplier != 1 or conv.outputs < DSP_OUTPUTS or sums.max() >= _SUM_LIMIT:
        return None
    taps = np.zeros((-(-conv.window.taps // 2) * 2, conv.outputs), np.int8)
    taps[: conv.window.taps] = flat
    starts = [min(i, conv.outputs - DSP_OUTPUTS) for i in range(0, conv.outputs, DSP_OUTPUTS)]
    quads = np.stack([taps[:, i : i + DSP_OUTPUTS] for i in starts])
    pairs = quads.reshape(len(starts), -1, 2, 2, 2)  # [quads, pairs of taps, tap, half of the quad, output]
    return np.frombuffer(pairs.transpose(0, 1, 3, 2, 4).tobytes(), "<u4").astype(np.uint32)


def taps_at_once(conv: DepthwiseConv2D) -> int:
    """The most taps one after another whose sum fits int16 whatever they see; 0 if the device takes single outputs.

    A product of two int8 always fits.
    """
    if conv.multiplier != 1 or conv.outputs < HELIUM_OUTPUTS:
        return 0
    greatest = _GREATEST * np.abs(conv.weights.reshape(conv.window.taps, conv.outputs).astype(np.int64))
    total = np.concatenate([np.zeros((1, conv.outputs), np.int64), greatest.cumsum(axis=0)])
    count = 1
    while count < min(conv.window.taps, 255) and _most(total, count + 1) <= INT16_MAX:
        count += 1
    return count


def _most(total: np.ndarray, count: int) -> int:
    """The greatest sum of blocks of ``count`` taps, of running totals [taps + 1, outputs]."""
    starts = np.arange(0, len(total) - 1, count)
    ends = np.minimum(starts + count, len(total) - 1)
    return int((total[ends] - total[starts]).max())
