"""Depthwise convolutions of 3 by 3 taps in tiles on emulated cores against the NumPy harness, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from layers.oracle import agree, check_board, small_model
from random_models import INT8, INT32

from kws.fixedpoint.layers.depthwise_conv_2d import DepthwiseConv2D
from kws.layers import kind_of
from kws.layers.depthwise_packing import OUTPUTS
from kws.layers.depthwise_tiles import scratch_bytes, tiles
from kws.layers.kind import Arch
from kws.tflite import Operator

needs_board = needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
FAST = ("mps2_an386", "mps3_an547")
SAME, VALID = 0, 1


def model_of(channels, size, padding=SAME, scales=0.01, out_scale=0.5, zero_point=-128, bias=2000, relu=1, **options):
    """A depthwise convolution alone, 3 by 3, with weights of all values."""
    rng = np.random.default_rng(channels + 100 * size[1])

    def make(builder, x):
        low = options.pop("low", -128)
        data = rng.integers(low, 128, (1, 3, 3, channels)).astype(np.int8)
        each = np.broadcast_to(np.asarray(scales, float), (channels,)) * rng.uniform(0.5, 1.0, channels)
        w = builder.tensor("weights", data.shape, INT8, each, 0, data)
        builder.graph.tensors[w].channel_axis = 3
        values = rng.integers(-bias, bias + 1, channels).astype(np.int32)
        b = builder.tensor("bias", (channels,), INT32, 0.1 * each, 0, values)
        made = size if padding == SAME else tuple(n - 2 for n in size)
        out = builder.tensor("out", (1, *made, channels), INT8, out_scale, zero_point)
        settings = {"Padding": padding, "StrideH": 1, "StrideW": 1, "FusedActivationFunction": relu}
        settings |= {"DilationHFactor": 1, "DilationWFactor": 1, "DepthMultiplier": 1, **options}
        if settings["StrideH"] != 1:
            builder.graph.tensors[out].shape = (1, *(-(-n // settings["StrideH"]) for n in made), channels)
        builder.graph.operators.append(Operator("DEPTHWISE_CONV_2D", (x, w, b), (out,), settings))
        return out

    return small_model(1, (1, *size, channels), 0.1, 9, make)


@pytest.mark.parametrize(
    ("options", "dsp", "helium"),
    [
        ({"channels": 16, "size": (4, 3)}, True, True),
        ({"channels": 15, "size": (4, 3)}, True, False),
        ({"channels": 3, "size": (4, 3)}, False, False),
        ({"channels": 16, "size": (4, 1)}, False, False),
        ({"channels": 16, "size": (3, 4), "padding": VALID}, False, False),
        ({"channels": 16, "size": (4, 4), "padding": VALID}, True, True),
        ({"channels": 16, "size": (4, 4), "StrideH": 2, "StrideW": 2}, False, False),
        ({"channels": 16, "size": (4, 3), "zero_point": -127}, False, False),
        ({"channels": 16, "size": (4, 3), "zero_point": -7, "relu": 0}, False, False),
        ({"channels": 16, "size": (4, 3), "relu": 0}, True, True),
        ({"channels": 16, "size": (4, 3), "relu": 3, "out_scale": 0.03}, False, False),
        ({"channels": 16, "size": (4, 3), "out_scale": 0.0008}, False, False),
        ({"channels": 16, "size": (4, 3), "bias": 2**29, "out_scale": 3e4}, False, True),
    ],
)
def test_convolutions_that_fit_tiles_have_them(options, dsp, helium):
    layer = model_of(**options).network.layers[0]
    kernel = layer.kernel
    assert isinstance(kernel, DepthwiseConv2D)
    found = {arch: tiles(kernel, arch) for arch in OUTPUTS}
    assert {arch: words is not None for arch, words in found.items()} == {Arch.DSP: dsp, Arch.HELIUM: helium}
    emit = kind_of(kernel).emit
    assert emit is not None
    scratch = emit("a", layer).scratch
    for arch, words in found.items():
        if words is not None:
            blocks = -(-kernel.outputs // OUTPUTS[arch])
            assert words.size == blocks * (24 if arch is Arch.DSP else 113)
            assert scratch[arch] == scratch_bytes(kernel, arch)


def test_no_activation_clamps_the_same():
    """What is negative lies below an output of -128 with and without a ReLU."""
    agree(model_of(16, (3, 3), relu=0), calls=10, with_c=False)


# Rows and columns odd and even, the least there are, blocks of channels that overlap.
SHAPES = {
    "least": {"channels": 16, "size": (2, 2)},
    "odd": {"channels": 37, "size": (5, 3)},
    "even": {"channels": 32, "size": (4, 6)},
    "odd columns": {"channels": 21, "size": (2, 7)},
    "no padding": {"channels": 18, "size": (5, 6), "padding": VALID},
    "odd, no padding": {"channels": 17, "size": (7, 5), "padding": VALID},
    "far beyond": {"channels": 16, "size": (3, 4), "low": 127, "out_scale": 0.0021},
    "halves": {"channels": 19, "size": (3, 5), "low": -2, "scales": 0.5, "out_scale": 1.6, "bias": 20},
    "no activation": {"channels": 16, "size": (3, 3), "relu": 0},
    "a factor of zero": {"channels": 16, "size": (3, 3), "scales": [1e-14, *[0.01] * 15], "bias": 100000},
    "great biases": {"channels": 16, "size": (3, 2), "bias": 2**20, "out_scale": 60},
    "three rows, one column too many": {"channels": 16, "size": (3, 9)},
    "more rows than a strip": {"channels": 17, "size": (30, 2)},
    "one row more than a strip": {"channels": 18, "size": (29, 3)},
    "one row more than a strip with DSP": {"channels": 16, "size": (27, 2)},
    "strips, no padding": {"channels": 16, "size": (57, 5), "padding": VALID},
}


@needs_board
@pytest.mark.parametrize("name", ["odd", "no padding"])
@pytest.mark.parametrize("board", FAST)
def test_tiles_compute_the_same(name, board):
    model = model_of(**SHAPES[name])
    assert tiles(model.network.layers[0].kernel, Arch.DSP if board == FAST[0] else Arch.HELIUM) is not None
    check_board(model, board)


@needs_board
@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("board", FAST)
def test_tiles_of_more_shapes_compute_the_same(name, board):
    model = model_of(**SHAPES[name])
    assert tiles(model.network.layers[0].kernel, Arch.DSP if board == FAST[0] else Arch.HELIUM) is not None
    check_board(model, board)
