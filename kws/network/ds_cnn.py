"""Network ``ds-cnn``: depthwise-separable convolutions over a stream, each with a buffer of earlier rows.

Zhang 2017 (arXiv:1711.07128); with kernels over time alone and one probability at the end it is what models of
microWakeWord are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kws.fields import number, require, require_ranges
from kws.network.base import FloatNetwork, Frame
from kws.network.stack.config import GREATEST_CHANNELS, GREATEST_ROWS, StackConfig, kept_rows, require_pair
from kws.network.stack.layer import Layer
from kws.network.stack.layers import Average, Conv, Dense, Depthwise, History, PadBands
from kws.network.stack.network import StackNetwork

GREATEST_DEPTH = 9


@dataclass(frozen=True)
class DsCnnNetwork(StackNetwork):
    """The network in NumPy."""

    kernel_operators: ClassVar[frozenset[str]] = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})

    @property
    def settings(self) -> dict[str, Any]:
        """All but ``dropout`` and ``batch_norm``."""
        first, *points = (layer for layer in self.layers if isinstance(layer, Conv))
        blocks = [layer for layer in self.layers if isinstance(layer, Depthwise)]
        behind = self.layers[-2]
        average = isinstance(behind, Average)
        kept = self.layers[-3] if average else behind
        return {
            "kernel": (first.rows, first.bands),
            "band_stride": first.band_stride,
            "channels": tuple(conv.channels for conv in (first, *points)),
            "rows": tuple(block.rows for block in blocks),
            "bands": blocks[0].bands,
            "last_rows": kept.rows + 1 if isinstance(kept, History) else 1,
            "average": average,
            "probability": self.wake,
        }


@dataclass(frozen=True)
class DsCnnConfig(StackConfig):
    """A convolution, then blocks of a depthwise and a pointwise one, a dense layer; all with ReLU but the last.

    Attributes:
        kernel: rows and bands of the first convolution's kernel; it moves by ``frontend.rows`` rows.
        band_stride: bands from one window of the first convolution to the next.
        channels: of the first convolution, then of each block.
        rows: rows of each block's depthwise kernel.
        bands: bands of the depthwise kernels, beside which there are zeros.
        last_rows: how many of the last block's rows the dense layer decides by.
        average: whether it sees their mean, over bands too, or each value.
        probability: whether the output is the probability of the one word alone, as models of microWakeWord have
            it; the decision is then of kind ``sliding_mean``.
        dropout: dropout rate before the dense layer, in training.
        batch_norm: whether convolutions have batch normalisation in training; a device computes nothing for it.
    """

    kind: ClassVar[str] = "ds-cnn"
    float_network: ClassVar[type[FloatNetwork]] = DsCnnNetwork
    stack: ClassVar[type[StackNetwork]] = DsCnnNetwork

    kernel: tuple[int, ...] = number((5, 40), 1, GREATEST_ROWS)
    band_stride: int = number(1, 1, 128)
    channels: tuple[int, ...] = number((64, 64, 64, 64, 64), 1, GREATEST_CHANNELS)
    rows: tuple[int, ...] = number((5, 7, 9, 13), 1, GREATEST_ROWS)
    bands: int = number(1, 1, 128)
    last_rows: int = number(25, 1, GREATEST_ROWS)
    average: bool = True
    probability: bool = False
    dropout: float = number(0.1, 0, 1, below=True)
    batch_norm: bool = True

    def __post_init__(self) -> None:
        require_ranges("network", self)
        require_pair("kernel", self.kernel)
        require(
            2 <= len(self.channels) <= GREATEST_DEPTH and len(self.rows) == len(self.channels) - 1,
            f"network.channels must be 2 to {GREATEST_DEPTH} numbers and network.rows one less, not"
            f" {len(self.channels)} and {len(self.rows)}",
        )

    @property
    def one_probability(self) -> bool:
        """``probability``."""
        return self.probability

    def layers(self, frame: Frame, labels: int) -> list[Layer]:
        """The first convolution, the blocks, the end."""
        rows, bands = self.kernel
        kept = kept_rows("kernel", rows, frame)
        layers: list[Layer] = [History(kept)] if kept else []
        layers.append(Conv(rows, bands, self.channels[0], self.band_stride))
        beside = self.bands - 1
        for rows, channels in zip(self.rows, self.channels[1:], strict=True):
            if rows > 1:
                layers.append(History(rows - 1))
            if beside:
                layers.append(PadBands(beside // 2, beside - beside // 2))
            layers += [Depthwise(rows, self.bands), Conv(1, 1, channels)]
        if self.last_rows > 1:
            layers.append(History(self.last_rows - 1))
        return [*layers, *([Average()] if self.average else []), Dense(labels)]
