"""What networks of stacked GRUs and of RNNs share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kws.fields import number, require, require_ranges
from kws.network.base import Frame
from kws.network.stack.config import GREATEST_CHANNELS, GREATEST_DEPTH, StackConfig
from kws.network.stack.layer import Layer
from kws.network.stack.layers import Dense
from kws.network.stack.network import StackNetwork
from kws.network.stack.recurrent import Recurrent


class CellNetwork(StackNetwork):
    """The network in NumPy."""

    @property
    def settings(self) -> dict[str, Any]:
        """``units``."""
        return {"units": tuple(layer.units for layer in self.layers if isinstance(layer, Recurrent))}


@dataclass(frozen=True)
class CellConfig(StackConfig):
    """Stacked layers of one kind, one dense layer, softmax.

    Attributes:
        units: width of each.
        dropout: dropout rate before the dense layer and between the others, in training.
        round_state: whether training rounds h after each frame to the steps that it has on a device.
    """

    cell: ClassVar[type[Recurrent]]

    units: tuple[int, ...] = number((64,), 1, GREATEST_CHANNELS)
    dropout: float = number(0.1, 0, 1, below=True)
    round_state: bool = True

    def __post_init__(self) -> None:
        require_ranges("network", self)
        require(
            1 <= len(self.units) <= GREATEST_DEPTH,
            f"network.units must be 1 to {GREATEST_DEPTH} widths, not {len(self.units)}",
        )

    def layers(self, frame: Frame, labels: int) -> list[Layer]:
        """The recurrent layers, the dense one."""
        return [*(self.cell(n) for n in self.units), Dense(labels)]
