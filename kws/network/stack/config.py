"""Settings of a network that is a stack of layers."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from kws.fields import require
from kws.network.base import Frame, StreamNetworkConfig
from kws.network.stack.keras import KerasStack
from kws.network.stack.layer import Layer
from kws.network.stack.network import StackNetwork, calls_of, sizes_of

GREATEST_CHANNELS = 1024
GREATEST_ROWS = 256
GREATEST_DEPTH = 8
"""Recurrent layers."""


class StackConfig(StreamNetworkConfig):
    """What the kinds share: each lists its layers.

    Attributes:
        dropout: rate before dense layers and between LSTMs, in training.
        batch_norm: whether convolutions have batch normalisation in training.
        round_state: whether GRU and RNN have their h in int8's steps, in training.
    """

    stack: ClassVar[type[StackNetwork]]
    dropout: float
    batch_norm: bool = False
    round_state: bool = False

    @abstractmethod
    def layers(self, frame: Frame, labels: int) -> list[Layer]:
        """The layers in order, the dense one with the logits last.

        Raises:
            KwsError: they cannot read such frames.
        """

    def sizes(self, frame: Frame, labels: int) -> tuple[int, ...]:
        """As `FloatNetwork.sizes`."""
        return sizes_of(frame.size, self.layers(frame, labels), self.one_probability)

    def check(self, frame: Frame) -> None:
        """Refuse frames that the layers cannot read."""
        calls_of(frame, self.layers(frame, 1))

    def build(self, frame: Frame, labels: int, seed: int) -> KerasStack:
        """The network with initial weights drawn from ``seed``."""
        layers = self.layers(frame, labels)
        return KerasStack(
            self.stack, frame, layers, seed, self.one_probability, self.dropout, self.batch_norm, self.round_state
        )


def require_pair(name: str, value: tuple[int, ...]) -> None:
    """Refuse what is not two numbers.

    Raises:
        KwsError: it is not.
    """
    require(len(value) == 2, f"network.{name} must be [rows, bands], not {list(value)}")


def kept_rows(name: str, rows: int, frame: Frame) -> int:
    """Earlier rows that a window of ``rows`` rows over the front end's needs, for a window a call.

    Raises:
        KwsError: a call brings more rows than the window has.
    """
    require(rows >= frame.rows, f"network.{name} = {rows} rows is less than frontend.rows = {frame.rows}")
    return rows - frame.rows
