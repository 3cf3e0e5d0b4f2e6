"""Network ``rnn``: stacked plain recurrent layers with tanh, a dense layer on every frame, softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kws.network.base import FloatNetwork
from kws.network.stack.cell_config import CellConfig
from kws.network.stack.network import StackNetwork
from kws.network.stack.recurrent import Recurrent, Rnn


@dataclass(frozen=True)
class RnnNetwork(StackNetwork):
    """The network in NumPy."""

    kernel_operators: ClassVar[frozenset[str]] = frozenset({"TANH"})

    @property
    def settings(self) -> dict[str, Any]:
        """``units``."""
        return {"units": tuple(layer.units for layer in self.layers if isinstance(layer, Recurrent))}


@dataclass(frozen=True)
class RnnConfig(CellConfig):
    """Stacked recurrent layers, one dense layer, softmax.

    Attributes:
        units: width of each stacked layer.
        dropout: dropout rate before the dense layer and between recurrent ones, in training.
        round_state: whether training rounds h after each frame to the steps that it has on a device.
    """

    kind: ClassVar[str] = "rnn"
    float_network: ClassVar[type[FloatNetwork]] = RnnNetwork
    stack: ClassVar[type[StackNetwork]] = RnnNetwork
    cell: ClassVar[type[Recurrent]] = Rnn
