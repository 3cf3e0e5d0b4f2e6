"""Random operators of images, and the draws that all random operators share."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from random_models import INT8, INT32, Builder, Options

from kws.tflite import Operator

TABLES = {"MEAN": "ReducerOptions", "AVERAGE_POOL_2D": "Pool2DOptions", "MAX_POOL_2D": "Pool2DOptions"}
"""Tables of options that are not named after their operators."""


class Images(Builder):
    """Operators with random shapes, numbers, scales and options; each method returns the tensor that it makes."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, Options())
        self.unread: list[int] = []
        self.outputs: int | None = None
        """Outputs of a convolution's group, where they are not drawn."""

    # ---- draws ----

    def number(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def zero_point(self) -> int:
        """A zero point: often an end of the range, as a ReLU leaves it."""
        return int(self.rng.choice([-128, 127, 0, *self.rng.integers(-128, 128, 5)]))

    def scale(self) -> float:
        """A scale, over some powers of ten."""
        return float(10 ** self.rng.uniform(-3, 0))

    def shape(self, x: int) -> tuple[int, ...]:
        """A tensor's dimensions."""
        return tuple(self.graph.tensors[x].shape)

    def like(self, name: str, x: int, shape: tuple[int, ...]) -> int:
        """A tensor with another's scale and zero point."""
        source = self.graph.tensors[x]
        return self.tensor(name, shape, INT8, source.scale, source.zero_point)

    def constant(self, name: str, values: npt.ArrayLike) -> int:
        """int32 constants."""
        data = np.array(values, np.int32)
        return self.tensor(name, data.shape, INT32, data=data)

    def values(self, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
        """int8 weights: bell-shaped, or at the ends of the range, or of few values."""
        kind = self.number(0, 4)
        if kind == 0:
            return self.rng.choice([-127, 127], shape).astype(np.int8)
        if kind == 1:
            return self.rng.integers(-128, 128, shape).astype(np.int8)
        return np.clip(np.round(self.rng.normal(0, 45, shape)), -127, 127).astype(np.int8)

    def add_op(self, name: str, inputs: tuple[int, ...], outputs: tuple[int, ...], **options: int | float) -> None:
        """Append an operator."""
        self.graph.operators.append(Operator(name, inputs, outputs, dict(options), options_table=TABLES.get(name, "")))

    # ---- operators ----

    def image(self, x: int) -> int:
        """The tensor as [1, rows, columns, channels]; reshaped at random where it has other axes."""
        shape = self.shape(x)
        if len(shape) == 4 and shape[0] == 1:
            return x
        size = math.prod(shape)
        rows = int(self.rng.choice([n for n in range(1, 12) if size % n == 0]))
        columns = int(self.rng.choice([n for n in range(1, 9) if size // rows % n == 0]))
        made = (1, rows, columns, size // rows // columns)
        return self.reshape(x, made)

    def reshape(self, x: int, shape: tuple[int, ...]) -> int:
        """RESHAPE."""
        out = self.like("reshaped", x, shape)
        self.add_op("RESHAPE", (x, self.constant("shape", shape)), (out,))
        return out

    def _window(self, shape: tuple[int, ...], dilate: bool) -> tuple[tuple[int, int], dict[str, int], tuple[int, int]]:
        """A kernel, the options of a window, and the rows and columns of its output."""
        while True:
            kernel = (self.number(1, min(5, shape[1] + 1)), self.number(1, min(5, shape[2] + 1)))
            stride = (self.number(1, 3), self.number(1, 3))
            dilation = (self.number(1, 3), self.number(1, 3)) if dilate and self.number(0, 2) == 0 else (1, 1)
            padding = self.number(0, 1)
            out = []
            for n, k, s, d in zip(shape[1:3], kernel, stride, dilation, strict=True):
                out.append(-(-n // s) if padding == 0 else (n - (k - 1) * d - 1 + s) // s)
            if min(out) >= 1:
                break
        options = {"Padding": padding, "StrideH": stride[0], "StrideW": stride[1]}
        if dilate:
            options |= {"DilationHFactor": dilation[0], "DilationWFactor": dilation[1]}
        return kernel, options, (out[0], out[1])

    def _sums(
        self, x: int, weights: npt.NDArray[np.int8], outputs: int, axis: int, fan_in: int
    ) -> tuple[int, int, float]:
        """Weights, bias, and a scale at which the output's values spread."""
        count = outputs if self.number(0, 3) else 1
        scales = self.scale() * self.rng.uniform(0.5, 2.0, count) / 10
        w = self.tensor("weights", weights.shape, INT8, scales, 0, weights)
        self.graph.tensors[w].channel_axis = axis
        spread = self.graph.tensors[x].scale * float(scales.mean()) * 60 * 60 * math.sqrt(fan_in)
        b = -1
        if self.number(0, 3):
            each = self.graph.tensors[x].scale * np.broadcast_to(scales, outputs)
            data = np.round(self.rng.normal(0, 0.5, outputs) * spread / each).astype(np.int32)
            b = self.tensor("bias", (outputs,), INT32, self.graph.tensors[x].scale * scales, 0, data)
        return w, b, spread * float(10 ** self.rng.uniform(-0.5, 0.7)) / 100

    def conv_2d(self, x: int) -> int:
        """CONV_2D."""
        x = self.image(x)
        shape = self.shape(x)
        kernel, options, size = self._window(shape, True)
        groups = int(self.rng.choice([g for g in range(1, 5) if shape[3] % g == 0])) if self.number(0, 3) == 0 else 1
        outputs = groups * (self.outputs or self.number(1, 6))
        depth = shape[3] // groups
        w, b, scale = self._sums(x, self.values((outputs, *kernel, depth)), outputs, 0, kernel[0] * kernel[1] * depth)
        out = self.tensor("conv", (1, *size, outputs), INT8, scale, self.zero_point())
        self.add_op("CONV_2D", (x, w, b), (out,), **options, FusedActivationFunction=self.number(0, 3))
        return out

    def depthwise_conv_2d(self, x: int) -> int:
        """DEPTHWISE_CONV_2D."""
        x = self.image(x)
        shape = self.shape(x)
        kernel, options, size = self._window(shape, True)
        multiplier = self.number(1, 3)
        outputs = shape[3] * multiplier
        w, b, scale = self._sums(x, self.values((1, *kernel, outputs)), outputs, 3, kernel[0] * kernel[1])
        out = self.tensor("depthwise", (1, *size, outputs), INT8, scale, self.zero_point())
        options |= {"FusedActivationFunction": self.number(0, 3), "DepthMultiplier": multiplier}
        # With a third input that is absent, TFLM crashes.
        self.add_op("DEPTHWISE_CONV_2D", (x, w) if b < 0 else (x, w, b), (out,), **options)
        return out

    def fully_connected(self, x: int) -> int:
        """FULLY_CONNECTED."""
        shape = self.shape(x)
        if len(shape) < 2 or self.number(0, 1):
            x = self.reshape(x, (1, math.prod(shape)))
            shape = self.shape(x)
        outputs = self.number(1, 20)
        w, b, scale = self._sums(x, self.values((outputs, shape[-1])), outputs, 0, shape[-1])
        keep = self.number(0, 1)
        made = (*shape[:-1], outputs) if keep else (math.prod(shape[:-1]), outputs)
        out = self.tensor("dense", made, INT8, scale, self.zero_point())
        self.add_op("FULLY_CONNECTED", (x, w, b), (out,), FusedActivationFunction=self.number(0, 3), KeepNumDims=keep)
        return out

    def _pool(self, x: int, name: str) -> int:
        x = self.image(x)
        shape = self.shape(x)
        kernel, options, size = self._window(shape, False)
        out = self.like("pooled", x, (1, *size, shape[3]))
        options |= {"FilterHeight": kernel[0], "FilterWidth": kernel[1]}
        self.add_op(name, (x,), (out,), **options, FusedActivationFunction=self.number(0, 3))
        return out

    def average_pool_2d(self, x: int) -> int:
        """AVERAGE_POOL_2D."""
        return self._pool(x, "AVERAGE_POOL_2D")

    def max_pool_2d(self, x: int) -> int:
        """MAX_POOL_2D."""
        return self._pool(x, "MAX_POOL_2D")
