"""What the kernels of convolutions have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.layers.kernel import Kernel
from kws.fixedpoint.layers.requantize import Output
from kws.fixedpoint.layers.window import Window


@dataclass(frozen=True)
class Convolution(Kernel):
    """Weights in a window that moves over an image.

    Attributes:
        window: what moves over the image.
        weights: int8 of four or three dimensions, as the kernel says, zero point 0.
        bias: int32 [outputs].
        input_zero_point: zero point of the input.
        output: from sums to int8.
    """

    window: Window
    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    input_zero_point: int
    output: Output

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Channels of the output."""

    @property
    def weight_bytes(self) -> int:
        """int8 weights and int32 biases."""
        return self.weights.size + 4 * self.outputs
