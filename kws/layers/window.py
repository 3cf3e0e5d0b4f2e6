"""Reading and writing what convolutions and pools share: the window, and how a sum becomes an int8."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.convolution import Convolution
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.requantize import Output
from kws.fixedpoint.layers.window import Pair, Window
from kws.layers.kind import Constants, Operands, activation_range, folded
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


def emit_factors(name: str, factors: tuple[Factor, ...]) -> str:
    """An array of kws_factor."""
    rows = "".join(f"{emit.INDENT}{emit.factor(f)},\n" for f in factors)
    return f"static const kws_factor {name}[{len(factors)}] = {{\n{rows}}};"


def output_fields(name: str, output: Output) -> dict[str, str | int]:
    """The members of a structure that hold an :class:`Output`, in the order of their declaration."""
    return {
        "factors": f"{name}_factors",
        "per_channel": int(len(output.factors) > 1),
        "output_zero_point": output.zero_point,
        "activation_min": output.low,
        "activation_max": output.high,
    }


def emit_convolution(
    name: str, structure: str, kernel: Convolution, flat: npt.NDArray[np.int8], own: dict[str, int]
) -> Constants:
    """Weights, biases, factors and the structure of a convolution.

    Args:
        name: of the layer.
        structure: its type in C.
        kernel: the convolution.
        flat: its weights as int8 [outputs, weights of an output].
        own: the member that only this kind has, after the window.
    """
    fields: dict[str, str | int] = {
        "weights": f"{name}_weights",
        "bias": f"{name}_bias",
        "window": emit_window(kernel.window),
        **own,
        "outputs": kernel.outputs,
        "input_zero_point": kernel.input_zero_point,
        **output_fields(name, kernel.output),
    }
    return Constants(
        (
            emit.array("int8_t", f"{name}_weights", kernel.weights.reshape(-1), align=4),
            emit.array("int32_t", f"{name}_bias", folded(kernel.bias, flat, kernel.input_zero_point)),
            emit_factors(f"{name}_factors", kernel.output.factors),
            emit.structure(structure, name, fields),
        )
    )
