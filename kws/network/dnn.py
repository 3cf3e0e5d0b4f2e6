"""Network ``dnn``: dense layers over a window of rows, computed anew in every call (Chen 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kws.fields import number, require, require_ranges
from kws.network.base import FloatNetwork, Frame
from kws.network.stack.config import GREATEST_CHANNELS, GREATEST_ROWS, StackConfig, kept_rows
from kws.network.stack.layer import Layer
from kws.network.stack.layers import Dense, History
from kws.network.stack.network import StackNetwork


@dataclass(frozen=True)
class DnnNetwork(StackNetwork):
    """The network in NumPy."""

    kernel_operators: ClassVar[frozenset[str]] = frozenset()

    @property
    def settings(self) -> dict[str, Any]:
        """``window_rows``, ``units``."""
        kept = sum(layer.rows for layer in self.layers if isinstance(layer, History))
        units = tuple(layer.units for layer in self.layers[:-1] if isinstance(layer, Dense))
        return {"window_rows": kept + self.frame.rows, "units": units}


@dataclass(frozen=True)
class DnnConfig(StackConfig):
    """Dense layers with ReLU, and a last one without.

    Attributes:
        window_rows: rows of the front end that a call hears.
        units: width of each hidden layer.
        dropout: dropout rate before each dense layer, in training.
    """

    kind: ClassVar[str] = "dnn"
    float_network: ClassVar[type[FloatNetwork]] = DnnNetwork
    stack: ClassVar[type[StackNetwork]] = DnnNetwork

    window_rows: int = number(32, 2, GREATEST_ROWS)
    units: tuple[int, ...] = number((64, 64), 1, GREATEST_CHANNELS)
    dropout: float = number(0.1, 0, 1, below=True)

    def __post_init__(self) -> None:
        require_ranges("network", self)
        require(1 <= len(self.units) <= 8, f"network.units must be 1 to 8 widths, not {len(self.units)}")

    def layers(self, frame: Frame, labels: int) -> list[Layer]:
        """A buffer of the window's rows, dense layers."""
        kept = kept_rows("window_rows", self.window_rows, frame)
        return [*([History(kept)] if kept else []), *(Dense(n, 1) for n in self.units), Dense(labels)]
