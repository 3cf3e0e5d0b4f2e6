"""The fast paths of convolutions on emulated cores against the NumPy harness, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from layers.oracle import agree, check_board, small_model
from random_layers import convolutions
from random_models import INT8, INT32

from kws.boards import EMULATED
from kws.fixedpoint.layers.conv_2d import Conv2D
from kws.fixedpoint.layers.depthwise_conv_2d import DepthwiseConv2D
from kws.layers import kind_of
from kws.layers.depthwise_packing import packed
from kws.layers.kind import Arch
from kws.tflite import Operator

needs_board = needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
FAST = ("mps2_an386", "mps3_an547")


def depthwise(
    channels,
    kernel=(3, 3),
    scales=0.01,
    out_scale=0.5,
    low=-127,
    high=127,
    bias=2000,
    multiplier=1,
    size=(4, 3),
    stride=1,
    relu=3,
):
    """A depthwise convolution alone, with weights from ``low`` to ``high``, SAME."""
    rng = np.random.default_rng(channels)
    outputs = channels * multiplier

    def make(builder, x):
        data = rng.integers(low, high + 1, (1, *kernel, outputs)).astype(np.int8)
        each = np.broadcast_to(np.asarray(scales, float), (outputs,)).copy()
        w = builder.tensor("weights", data.shape, INT8, each, 0, data)
        builder.graph.tensors[w].channel_axis = 3
        values = rng.integers(-bias, bias + 1, outputs).astype(np.int32)
        b = builder.tensor("bias", (outputs,), INT32, 0.1 * each, 0, values)
        made = tuple(-(-n // stride) for n in size)
        out = builder.tensor("out", (1, *made, outputs), INT8, out_scale, -7)
        options = {"Padding": 0, "StrideH": stride, "StrideW": stride, "FusedActivationFunction": relu}
        options |= {"DilationHFactor": 1, "DilationWFactor": 1, "DepthMultiplier": multiplier}
        builder.graph.operators.append(Operator("DEPTHWISE_CONV_2D", (x, w, b), (out,), options))
        return out

    return small_model(1, (1, *size, channels), 0.1, 9, make)


def lowest(model):
    """The same kernel with -128 in both taps of a pair."""
    kernel = model.network.layers[0].kernel
    weights = kernel.weights.copy()
    weights[0, :2, 3] = -128
    return DepthwiseConv2D(kernel.window, weights, kernel.bias, kernel.input_zero_point, kernel.output)


@pytest.mark.parametrize(
    ("options", "dsp", "helium"),
    [
        ({"channels": 16}, True, True),
        ({"channels": 37}, True, True),
        ({"channels": 15}, True, False),
        ({"channels": 3}, False, False),
        ({"channels": 16, "multiplier": 2}, False, False),
        ({"channels": 16, "out_scale": 0.0015}, False, False),
        ({"channels": 16, "scales": [1e-14, *[0.01] * 15]}, True, True),
        ({"channels": 16, "bias": 3 * 2**29}, False, False),
    ],
)
def test_depthwise_convolutions_that_can_be_packed_are(options, dsp, helium):
    kernel = depthwise(**options).network.layers[0].kernel
    assert isinstance(kernel, DepthwiseConv2D)
    found = {arch: packed(kernel, arch) for arch in (Arch.DSP, Arch.HELIUM)}
    assert {arch: words is not None for arch, words in found.items()} == {Arch.DSP: dsp, Arch.HELIUM: helium}
    taps = 2 * -(-kernel.window.taps // 2)
    if dsp:
        assert found[Arch.DSP].size == -(-kernel.outputs // 4) * (4 + taps + 8)
    if helium:
        assert found[Arch.HELIUM].size == -(-kernel.outputs // 16) * (16 + 4 * taps + 32)


def test_a_pair_of_lowest_weights_does_not_fit_int16():
    kernel = lowest(depthwise(16))
    assert packed(kernel, Arch.DSP) is not None
    assert packed(kernel, Arch.HELIUM) is None


def test_of_one_channel_it_is_a_convolution():
    """With the same bytes as TFLM's depthwise kernel."""
    model = depthwise(1, multiplier=8)
    assert isinstance(model.network.layers[0].kernel, Conv2D)
    agree(model)


@pytest.mark.parametrize("channels", [4, 5, 16, 18])
def test_a_patch_is_scratch(channels):
    model = convolutions(1, channels).model
    for layer in model.network.layers:
        if isinstance(layer.kernel, Conv2D):
            emit = kind_of(layer.kernel).emit
            assert emit is not None
            row = 4 * -(-layer.kernel.weights[0].size // 4)
            assert emit("a", layer).scratch == {Arch.DSP: 2 * row, Arch.HELIUM: row}


# Groups, dilation, padding and a zero point that is not 0 are among the first two.
DRAWN = [(23, 6, 9), (4, 18, 5), (3, 20, None), (1, 3, 9)]


@needs_board
@pytest.mark.parametrize("board", FAST)
@pytest.mark.parametrize("drawn", DRAWN[:2])
def test_random_convolutions(drawn, board):
    seed, channels, outputs = drawn
    check_board(convolutions(seed, channels, outputs).model, board)


@needs_board
@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
@pytest.mark.parametrize("drawn", DRAWN)
def test_random_convolutions_on_every_core(drawn, board):
    seed, channels, outputs = drawn
    check_board(convolutions(seed, channels, outputs, count=3).model, board)


# Quarters of small sums: every other one is a half after the first rounding.
HALVES = {"kernel": (1, 1), "scales": 0.5, "out_scale": 0.2, "low": -1, "high": 2, "bias": 20, "relu": 0}
EXTREMES = {
    "halves": {"channels": 16, **HALVES},
    "halves of a convolution": {"channels": 1, "multiplier": 8, **HALVES},
    "far beyond int16": {"channels": 16, "low": 127, "high": 127, "out_scale": 0.0021},
    "strides": {"channels": 20, "size": (5, 11), "stride": 2},
    "odd blocks, even kernel": {"channels": 19, "kernel": (2, 3)},
    "a factor of zero": {"channels": 16, "scales": [1e-14, *[0.01] * 15], "bias": 100000},
    "factors near a half": {"channels": 16, "out_scale": 0.0021},
    "left shifts": {"channels": 16, "out_scale": 0.0004},
    "great biases": {"channels": 16, "bias": 2**29, "out_scale": 3e4},
    "lowest weights": {"channels": 17, "low": -128, "kernel": (5, 4)},
}


@needs_board
@pytest.mark.parametrize(
    "name", ["far beyond int16", "strides", "odd blocks, even kernel", "halves", "halves of a convolution"]
)
@pytest.mark.parametrize("board", FAST)
def test_extreme_depthwise_convolutions(name, board):
    check_board(depthwise(**EXTREMES[name]), board)


@needs_board
@pytest.mark.slow
@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("board", FAST)
def test_more_extreme_depthwise_convolutions(name, board):
    check_board(depthwise(**EXTREMES[name]), board)
