"""CONV_2D: reading and writing. What it computes: kws/fixedpoint/layers/conv_2d.py."""

from __future__ import annotations

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.conv_2d import Conv2D
from kws.fixedpoint.layers.fully_connected import FullyConnected
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer
from kws.layers.kind import Arch, Constants, Kind, Operands, bias, check_sums, folded, weights
from kws.layers.packing import COLUMNS
from kws.layers.rows import write_rows
from kws.layers.window import emit_window, output_of, window


def read(o: Operands) -> tuple[Conv2D | FullyConnected, Shape]:
    """The kernel and the output's dimensions.

    A window of one tap that looks at every pixel is a fully connected layer of each pixel's channels: the same sums,
    the same rounding, and all its ways of being fast.

    Raises:
        KwsError: weights, scales or a window that the kernel does not have.
    """
    tensor = o.activation(1)
    w = weights(tensor, "weights", axes=4)
    outputs, rows, columns, depth = w.shape
    frame = window(o, (rows, columns))
    if not depth or frame.channels % depth or outputs % (frame.channels // depth):
        raise KwsError(f"its weights for {depth} channels do not divide the {frame.channels} of its input")
    b = bias(o.at(2), outputs, "biases")
    check_sums(w.reshape(outputs, -1), b, o.source.zero_point)
    shape, out = (1, *frame.output, outputs), output_of(o, tensor, outputs, 0)
    if (rows, columns) == frame.stride == (1, 1) and depth == frame.channels:
        flat = w.reshape(outputs, depth)
        return FullyConnected(flat, b, o.source.zero_point, out.zero_point, out.factors, out.low, out.high), shape
    return Conv2D(frame, w, b, o.source.zero_point, out), shape


def write(name: str, layer: Layer) -> Constants:
    """Weights as rows, and packed where they can be, biases, factors and the structure ``kws_conv_2d``."""
    kernel = layer.kernel
    assert isinstance(kernel, Conv2D)
    flat = kernel.weights.reshape(kernel.outputs, -1)
    biases = folded(kernel.bias, flat, kernel.input_zero_point)
    rows = write_rows(name, flat, biases, kernel.output, layer.output_size // kernel.outputs, kernel.groups)
    fields: dict[str, str | int] = {
        "window": emit_window(kernel.window),
        "groups": kernel.groups,
        "input_zero_point": kernel.input_zero_point,
    }
    patch = COLUMNS * -(-flat.shape[1] // COLUMNS)
    text = (*rows.text, emit.structure("kws_conv_2d", name, fields, lead=rows.member))
    return Constants(text, {Arch.DSP: 2 * patch, Arch.HELIUM: patch})


KIND = Kind(operators=("CONV_2D",), read=read, kernel=Conv2D, name="conv_2d", emit=write)
