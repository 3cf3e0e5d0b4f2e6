"""Reading and writing what convolutions and pools share: the window, and how a sum becomes an int8."""

from __future__ import annotations

import numpy as np

from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.requantize import Output
from kws.fixedpoint.layers.window import Pair, Window
from kws.layers.kind import Operands, activation_range
from kws.tflite import Tensor

SAME, VALID = 0, 1
GREATEST_NUMBER = 65535
"""C holds strides and dilations in 16 bits."""


def image_of(shape: Shape) -> tuple[Pair, int]:
    """Rows and columns, and channels, of [1, rows, columns, channels].

    Raises:
        KwsError: it has other dimensions.
    """
    if len(shape) != 4 or shape[0] != 1:
        raise KwsError(f"its input has shape {list(shape)}, not [1, rows, columns, channels]")
    return (shape[1], shape[2]), shape[3]


def window(o: Operands, kernel: Pair) -> Window:
    """The window of an operator with options Padding, StrideH, StrideW and, where it has them, dilations.

    Raises:
        KwsError: they leave no output, or no stride.
    """
    image, channels = image_of(o.shape)
    stride = (o.option("StrideH"), o.option("StrideW"))
    dilation = (o.option("DilationHFactor", 1), o.option("DilationWFactor", 1))
    if min(*stride, *dilation, *kernel) < 1 or max(*stride, *dilation, *kernel) > GREATEST_NUMBER:
        raise KwsError(f"has kernel {kernel}, stride {stride} and dilation {dilation}")
    padding = o.option("Padding")
    if padding not in (SAME, VALID):
        raise KwsError(f"its padding (number {padding}) is neither SAME nor VALID")
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    if padding == SAME:
        output = [-(-n // s) for n, s in zip(image, stride, strict=True)]
    else:
        output = [(n - span + s) // s for n, span, s in zip(image, spans, stride, strict=True)]
    if min(output) < 1:
        raise KwsError(f"its window of {spans[0]} by {spans[1]} is larger than its input of {image[0]} by {image[1]}")
    before = [
        max(0, (out - 1) * s + span - n) // 2 for out, s, span, n in zip(output, stride, spans, image, strict=True)
    ]
    return Window(image, channels, (output[0], output[1]), kernel, stride, dilation, (before[0], before[1]))


def output_of(o: Operands, tensor: Tensor, outputs: int, axis: int) -> Output:
    """How the sums of weights ``tensor``, with scales along ``axis``, become int8.

    Raises:
        KwsError: scales that do not fit, or an activation that the firmware does not have.
    """
    scales = tensor.scales.astype(np.float64)
    if scales.size not in (1, outputs) or (scales.size > 1 and tensor.channel_axis != axis):
        raise KwsError(f"its weights have {scales.size} scales, not 1 or {outputs} along axis {axis}")
    low, high = activation_range(o.option("FusedActivationFunction"), o.out)
    factors = tuple(Factor.of(o.source.scale * float(s) / o.out.scale) for s in scales)
    return Output(factors, o.out.zero_point, low, high)


def emit_window(window: Window) -> str:
    """A kws_window initialiser."""
    pairs = (window.image, window.output, window.kernel, window.stride, window.dilation, window.before)
    return "{" + ", ".join(str(n) for n in (*(n for pair in pairs for n in pair), window.channels)) + "}"
