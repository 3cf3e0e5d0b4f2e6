"""DEPTHWISE_CONV_2D: reading and writing. What it computes: kws/fixedpoint/layers/depthwise_conv_2d.py."""

from __future__ import annotations

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.conv_2d import Conv2D
from kws.fixedpoint.layers.depthwise_conv_2d import DepthwiseConv2D
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer
from kws.layers.depthwise_packing import OUTPUTS, packed
from kws.layers.depthwise_tiles import scratch_bytes, tiles
from kws.layers.kind import Arch, Constants, Kind, Operands, bias, check_sums, folded, weights
from kws.layers.packing import by_arch
from kws.layers.rows import emit_factors, output_fields
from kws.layers.window import emit_window, output_of, window

_POINTER_BYTES = 4


def read(o: Operands) -> tuple[DepthwiseConv2D | Conv2D, Shape]:
    """The kernel and the output's dimensions.

    Over an image of one channel it is a convolution: the same sums, the same rounding, and all its ways of being fast.

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
    out, shape = output_of(o, tensor, outputs, 3), (1, *frame.output, outputs)
    if frame.channels == 1:
        return Conv2D(frame, w.transpose(3, 1, 2, 0), b, o.source.zero_point, out), shape
    return DepthwiseConv2D(frame, w[0], b, o.source.zero_point, out), shape


def write(name: str, layer: Layer) -> Constants:
    """Weights, biases and factors, packed where they can be, and the structure ``kws_depthwise_conv_2d``."""
    kernel = layer.kernel
    assert isinstance(kernel, DepthwiseConv2D)
    flat = kernel.weights.reshape(-1, kernel.outputs).T
    plain = [
        emit.array("int8_t", f"{name}_weights", kernel.weights.reshape(-1), align=4),
        emit.array("int32_t", f"{name}_bias", folded(kernel.bias, flat, kernel.input_zero_point)),
        emit_factors(f"{name}_factors", kernel.output.factors),
    ]
    # A pointer a tap, and one pixel.
    pixel_bytes = _POINTER_BYTES * 2 * -(-kernel.window.taps // 2) + kernel.window.channels
    arrays: dict[Arch, list[str]] = {}
    members: dict[Arch, list[str]] = {}
    scratch: dict[Arch, int] = {}
    for arch in OUTPUTS:
        member, words, needed = "tile_weights", tiles(kernel, arch), scratch_bytes(kernel, arch)
        if words is None:
            member, words, needed = "packed_weights", packed(kernel, arch), pixel_bytes
        if words is not None:
            arrays[arch] = [emit.array("uint32_t", f"{name}_{member}", words, hexadecimal=True)]
            members[arch] = _pointers(name, (member,))
            scratch[arch] = needed
    fields: dict[str, str | int] = {
        "window": emit_window(kernel.window),
        "multiplier": kernel.multiplier,
        "outputs": kernel.outputs,
        "input_zero_point": kernel.input_zero_point,
        **output_fields(kernel.output),
    }
    lead = by_arch(members, _pointers(name, ("weights", "bias", "factors")))
    structure = emit.structure("kws_depthwise_conv_2d", name, fields, lead=lead)
    return Constants((*by_arch(arrays, plain), structure), scratch)


def _pointers(name: str, chosen: tuple[str, ...]) -> list[str]:
    """The members that point to arrays: to those ``chosen``, else NULL."""
    all_of = ("weights", "bias", "factors", "packed_weights", "tile_weights")
    return emit.members({key: f"{name}_{key}" if key in chosen else "NULL" for key in all_of})


KIND = Kind(operators=("DEPTHWISE_CONV_2D",), read=read, kernel=DepthwiseConv2D, name="depthwise_conv_2d", emit=write)
