"""CONV_2D: reading and writing. What it computes: kws/fixedpoint/layers/conv_2d.py."""

from __future__ import annotations

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.conv_2d import Conv2D
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, bias, check_sums, folded, weights
from kws.layers.window import emit_factors, emit_window, output_fields, output_of, window


def read(o: Operands) -> tuple[Conv2D, Shape]:
    """The kernel and the output's dimensions.

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
    kernel = Conv2D(frame, w, b, o.source.zero_point, output_of(o, tensor, outputs, 0))
    return kernel, (1, *frame.output, outputs)


def write(name: str, layer: Layer) -> Constants:
    """Weights, biases, factors and the structure ``kws_conv_2d``."""
    kernel = layer.kernel
    assert isinstance(kernel, Conv2D)
    flat = kernel.weights.reshape(kernel.outputs, -1)
    fields: dict[str, str | int] = {
        "weights": f"{name}_weights",
        "bias": f"{name}_bias",
        "window": emit_window(kernel.window),
        "groups": kernel.groups,
        "outputs": kernel.outputs,
        "input_zero_point": kernel.input_zero_point,
        **output_fields(name, kernel.output),
    }
    return Constants(
        (
            emit.array("int8_t", f"{name}_weights", kernel.weights.reshape(-1), align=4),
            emit.array("int32_t", f"{name}_bias", folded(kernel.bias, flat, kernel.input_zero_point)),
            emit_factors(f"{name}_factors", kernel.output.factors),
            emit.structure("kws_conv_2d", name, fields),
        )
    )


KIND = Kind(operators=("CONV_2D",), read=read, kernel=Conv2D, name="conv_2d", emit=write)
