"""Networks of the field by their shapes, with random weights: MLPerf Tiny's DS-CNN and micro_speech's."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_identical, lively, random_inputs
from random_layers import Layers
from random_models import INT8

from kws.codegen.layers import NetworkSource
from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.model.file import Model
from kws.tflite import build

RELU = 1


class Networks(Layers):
    """Operators of given shapes."""

    def zero_point(self):
        return -128

    def scale(self):
        return 0.04

    def window(self, name, x, kernel, stride, outputs, size):
        """CONV_2D, or DEPTHWISE_CONV_2D, with SAME padding and a ReLU."""
        depth = self.shape(x)[3]
        spatial = name == "DEPTHWISE_CONV_2D"
        shape = (1, *kernel, outputs) if spatial else (outputs, *kernel, depth)
        fan_in = kernel[0] * kernel[1] * (1 if spatial else depth)
        weights = np.clip(np.round(self.rng.normal(0, 45, shape)), -127, 127).astype(np.int8)
        w, b, scale = self._sums(x, weights, outputs, 3 if spatial else 0, fan_in)
        out = self.tensor(name, (1, *size, outputs), INT8, scale, -128)
        options = {"Padding": 0, "StrideH": stride, "StrideW": stride, "FusedActivationFunction": RELU}
        options |= {"DilationHFactor": 1, "DilationWFactor": 1}
        if spatial:
            options["DepthMultiplier"] = outputs // depth
        self.add_op(name, (x, w) if b < 0 else (x, w, b), (out,), **options)
        return out

    def head(self, x, outputs):
        """FULLY_CONNECTED and SOFTMAX."""
        x = self.reshape(x, (1, int(np.prod(self.shape(x)))))
        weights = np.clip(np.round(self.rng.normal(0, 45, (outputs, self.shape(x)[1]))), -127, 127).astype(np.int8)
        w, b, _ = self._sums(x, weights, outputs, 0, weights.shape[1])
        sums = self.graph.tensors[x].scale * float(self.graph.tensors[w].scales.mean()) * 3600
        out = self.tensor("dense", (1, outputs), INT8, sums * weights.shape[1] ** 0.5 / 60, 0)
        self.add_op("FULLY_CONNECTED", (x, w, b), (out,), FusedActivationFunction=0)
        return self.softmax(out)

    def model(self, x, out):
        self.graph.inputs, self.graph.outputs = (x,), (out,)
        return Model.from_bytes(build(self.graph))


def ds_cnn(seed):
    """MLPerf Tiny, keyword spotting: 49 frames of 10 coefficients, four separable blocks of 64 channels."""
    n = Networks(np.random.default_rng(seed))
    first = x = n.tensor("input", (1, 49, 10, 1), INT8, 0.58, 83)
    x = n.window("CONV_2D", x, (10, 4), 2, 64, (25, 5))
    for _ in range(4):
        x = n.window("DEPTHWISE_CONV_2D", x, (3, 3), 1, 64, (25, 5))
        x = n.window("CONV_2D", x, (1, 1), 1, 64, (25, 5))
    pooled = n.like("pooled", x, (1, 1, 1, 64))
    options = {"Padding": 1, "StrideH": 25, "StrideW": 5, "FilterHeight": 25, "FilterWidth": 5}
    n.add_op("AVERAGE_POOL_2D", (x,), (pooled,), **options, FusedActivationFunction=0)
    return n.model(first, n.head(pooled, 12))


def micro_speech(seed):
    """49 frames of 40 bands, a depthwise convolution of 8 channels, four labels."""
    n = Networks(np.random.default_rng(seed))
    first = n.tensor("input", (1, 1960), INT8, 0.1, -128)
    x = n.window("DEPTHWISE_CONV_2D", n.reshape(first, (1, 49, 40, 1)), (10, 8), 2, 8, (25, 20))
    return n.model(first, n.head(x, 4))


@pytest.mark.parametrize(
    ("make", "layers", "ram", "macs"),
    [(ds_cnn, 12, 17936, 2656768), (micro_speech, 3, 4160, 336000)],
    ids=["ds_cnn", "micro_speech"],
)
def test_network(make, layers, ram, macs):
    model = make(2)
    network = model.network
    x = random_inputs(2, 4, network.input_size)
    assert lively(model, x)
    assert (len(network.layers), network.macs) == (layers, macs)
    assert NetworkSource(network).network_bytes == ram
    assert_identical(model, x, [TflmEngine(model), CEngine(model)])
