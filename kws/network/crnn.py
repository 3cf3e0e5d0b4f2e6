"""Network ``crnn``: a convolution over time and frequency, LSTMs, a dense layer on every frame, softmax.

Arik 2017 (arXiv:1703.05390), with LSTMs; the convolution's window moves by a frame of the front end, so that with
``frontend.rows`` of 2 the LSTMs run half as often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kws.fields import number, require, require_ranges
from kws.network.base import FloatNetwork, Frame
from kws.network.lstm_layer import OPERATOR
from kws.network.stack.config import (
    GREATEST_CHANNELS,
    GREATEST_DEPTH,
    GREATEST_ROWS,
    StackConfig,
    kept_rows,
    require_pair,
)
from kws.network.stack.layer import Layer
from kws.network.stack.layers import Conv, Dense, History
from kws.network.stack.network import StackNetwork
from kws.network.stack.recurrent import Lstm


@dataclass(frozen=True)
class CrnnNetwork(StackNetwork):
    """The network in NumPy."""

    kernel_operators: ClassVar[frozenset[str]] = frozenset({"CONV_2D", OPERATOR})

    @property
    def settings(self) -> dict[str, Any]:
        """``kernel``, ``channels``, ``band_stride``, ``lstm_units``."""
        conv = next(layer for layer in self.layers if isinstance(layer, Conv))
        units = tuple(layer.units for layer in self.layers if isinstance(layer, Lstm))
        kernel = (conv.rows, conv.bands)
        return {"kernel": kernel, "channels": conv.channels, "band_stride": conv.band_stride, "lstm_units": units}


@dataclass(frozen=True)
class CrnnConfig(StackConfig):
    """One convolution with ReLU, stacked LSTMs, one dense layer, softmax.

    Attributes:
        kernel: rows and bands of the convolution's kernel; it moves by ``frontend.rows`` rows.
        channels: of the convolution.
        band_stride: bands from one window of the convolution to the next.
        lstm_units: width of each stacked LSTM layer.
        dropout: dropout rate before the dense layer and between LSTMs, in training.
        batch_norm: whether the convolution has batch normalisation in training; a device computes nothing for it.
    """

    kind: ClassVar[str] = "crnn"
    float_network: ClassVar[type[FloatNetwork]] = CrnnNetwork
    stack: ClassVar[type[StackNetwork]] = CrnnNetwork

    kernel: tuple[int, ...] = number((5, 8), 1, GREATEST_ROWS)
    channels: int = number(16, 1, GREATEST_CHANNELS)
    band_stride: int = number(4, 1, 128)
    lstm_units: tuple[int, ...] = number((64,), 1, GREATEST_CHANNELS)
    dropout: float = number(0.1, 0, 1, below=True)
    batch_norm: bool = True

    def __post_init__(self) -> None:
        require_ranges("network", self)
        require_pair("kernel", self.kernel)
        require(
            1 <= len(self.lstm_units) <= GREATEST_DEPTH,
            f"network.lstm_units must be 1 to {GREATEST_DEPTH} widths, not {len(self.lstm_units)}",
        )

    def layers(self, frame: Frame, labels: int) -> list[Layer]:
        """Convolution, LSTMs, dense layer."""
        rows, bands = self.kernel
        kept = kept_rows("kernel", rows, frame)
        conv = Conv(rows, bands, self.channels, self.band_stride)
        return [*([History(kept)] if kept else []), conv, *(Lstm(n) for n in self.lstm_units), Dense(labels)]
