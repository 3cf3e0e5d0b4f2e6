"""DEPTHWISE_CONV_2D: reading and writing. What it computes: kws/fixedpoint/layers/depthwise_conv_2d.py."""

from __future__ import annotations

from kws.errors import KwsError
from kws.fixedpoint.layers.depthwise_conv_2d import DepthwiseConv2D
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, bias, check_sums, weights
from kws.layers.window import emit_convolution, output_of, window


def read(o: Operands) -> tuple[DepthwiseConv2D, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: weights, scales or a window that the kernel does not have.
    """
    tensor = o.activation(1)
    w = weights(tensor, "weights", axes=4)
    first, rows, columns, outputs = w.shape
    frame = window(o, (rows, columns))
    if first != 1 or outputs % frame.channels:
        raise KwsError(f"its weights of shape {list(w.shape)} do not fit an input of {frame.channels} channels")
    b = bias(o.at(2), outputs, "biases")
    check_sums(w.reshape(-1, outputs).T, b, o.source.zero_point)
    kernel = DepthwiseConv2D(frame, w[0], b, o.source.zero_point, output_of(o, tensor, outputs, 3))
    return kernel, (1, *frame.output, outputs)


def write(name: str, layer: Layer) -> Constants:
    """Weights, biases, factors and the structure ``kws_depthwise_conv_2d``."""
    kernel = layer.kernel
    assert isinstance(kernel, DepthwiseConv2D)
    flat = kernel.weights.reshape(-1, kernel.outputs).T
    return emit_convolution(name, "kws_depthwise_conv_2d", kernel, flat, {"multiplier": kernel.multiplier})


KIND = Kind(operators=("DEPTHWISE_CONV_2D",), read=read, kernel=DepthwiseConv2D, name="depthwise_conv_2d", emit=write)
