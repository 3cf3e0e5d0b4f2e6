"""Network ``rnn``: stacked plain recurrent layers with tanh, a dense layer on every frame, softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kws.network.base import FloatNetwork
from kws.network.stack.cell_config import CellConfig, CellNetwork
from kws.network.stack.network import StackNetwork
from kws.network.stack.recurrent import Recurrent, Rnn


@dataclass(frozen=True)
class RnnNetwork(CellNetwork):
    """The network in NumPy."""

    kernel_operators: ClassVar[frozenset[str]] = frozenset({"TANH"})


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
