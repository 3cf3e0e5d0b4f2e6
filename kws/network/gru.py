"""Network ``gru``: stacked GRUs, a dense layer on every frame, softmax; on a device a graph of int8 operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kws.network.base import FloatNetwork
from kws.network.stack.cell_config import CellConfig, CellNetwork
from kws.network.stack.network import StackNetwork
from kws.network.stack.recurrent import Gru, Recurrent


@dataclass(frozen=True)
class GruNetwork(CellNetwork):
    """The network in NumPy."""

    kernel_operators: ClassVar[frozenset[str]] = frozenset({"TANH", "MUL"})


@dataclass(frozen=True)
class GruConfig(CellConfig):
    """Stacked GRUs, one dense layer, softmax.

    Attributes:
        units: width of each stacked GRU.
        dropout: dropout rate before the dense layer and between GRUs, in training.
        round_state: whether training rounds h after each frame to the steps that it has on a device.
    """

    kind: ClassVar[str] = "gru"
    float_network: ClassVar[type[FloatNetwork]] = GruNetwork
    stack: ClassVar[type[StackNetwork]] = GruNetwork
    cell: ClassVar[type[Recurrent]] = Gru
