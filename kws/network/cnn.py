"""Network ``cnn``: two convolutions and dense layers over a window of rows, computed anew in every call.

After cnn-trad-fpool3 of Sainath 2015 ("Convolutional Neural Networks for Small-footprint Keyword Spotting").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kws.fields import number, require, require_ranges
from kws.network.base import FloatNetwork, Frame
from kws.network.stack.config import GREATEST_CHANNELS, GREATEST_ROWS, StackConfig, kept_rows
from kws.network.stack.layer import Layer
from kws.network.stack.layers import Conv, Dense, History, MaxPool
from kws.network.stack.network import StackNetwork


@dataclass(frozen=True)
class CnnNetwork(StackNetwork):
    """The network in NumPy."""

    kernel_operators: ClassVar[frozenset[str]] = frozenset({"CONV_2D"})

    @property
    def settings(self) -> dict[str, Any]:
        """``window_rows``, ``kernel``, ``second_kernel``, ``channels``, ``pool_bands``, ``units``."""
        convs = [layer for layer in self.layers if isinstance(layer, Conv)]
        pool = next((layer.bands for layer in self.layers if isinstance(layer, MaxPool)), 1)
        kept = sum(layer.rows for layer in self.layers if isinstance(layer, History))
        dense = [layer for layer in self.layers if isinstance(layer, Dense)]
        return {
            "window_rows": kept + self.frame.rows,
            "kernel": (convs[0].rows, convs[0].bands),
            "second_kernel": (convs[1].rows, convs[1].bands),
            "channels": tuple(conv.channels for conv in convs),
            "pool_bands": pool,
            "units": tuple(layer.units for layer in dense[:-1]),
        }


@dataclass(frozen=True)
class CnnConfig(StackConfig):
    """A convolution, a pool over bands, a second convolution, dense layers.

    Attributes:
        window_rows: rows of the front end that a call hears.
        kernel: rows and bands of the first convolution's kernel; it moves by ``frontend.rows`` rows.
        pool_bands: bands of which the greatest value is kept behind it.
        second_kernel: rows and bands of the second convolution's kernel.
        channels: of both convolutions.
        units: of the dense layers before the last; the first of them is linear, those after it have ReLU.
        dropout: dropout rate before dense layers, in training.
        batch_norm: whether convolutions have batch normalisation in training; a device computes nothing for it.
    """

    kind: ClassVar[str] = "cnn"
    float_network: ClassVar[type[FloatNetwork]] = CnnNetwork
    stack: ClassVar[type[StackNetwork]] = CnnNetwork

    window_rows: int = number(48, 1, GREATEST_ROWS)
    kernel: tuple[int, ...] = number((16, 8), 1, GREATEST_ROWS)
    pool_bands: int = number(3, 1, 128)
    second_kernel: tuple[int, ...] = number((4, 4), 1, GREATEST_ROWS)
    channels: tuple[int, ...] = number((16, 24), 1, GREATEST_CHANNELS)
    units: tuple[int, ...] = number((24, 64), 1, GREATEST_CHANNELS)
    dropout: float = number(0.1, 0, 1, below=True)
    batch_norm: bool = True

    def __post_init__(self) -> None:
        require_ranges("network", self)
        pairs = (self.kernel, self.second_kernel, self.channels)
        require(
            all(len(pair) == 2 for pair in pairs),
            "network.kernel, network.second_kernel and network.channels must be two numbers each",
        )
        require(len(self.units) <= 4, f"network.units may be 4 widths, not {len(self.units)}")

    def layers(self, frame: Frame, labels: int) -> list[Layer]:
        """A buffer of the window's rows, and all else without any."""
        kept = kept_rows("window_rows", self.window_rows, frame)
        layers: list[Layer] = [History(kept)] if kept else []
        layers.append(Conv(self.kernel[0], self.kernel[1], self.channels[0]))
        if self.pool_bands > 1:
            layers.append(MaxPool(self.pool_bands))
        layers.append(Conv(self.second_kernel[0], self.second_kernel[1], self.channels[1]))
        return [*layers, *(Dense(n, int(i > 0)) for i, n in enumerate(self.units)), Dense(labels)]
