"""What every kind of layer is to the network: a kernel with declared states."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int8

Values = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class State:
    """What a layer carries from call to call, and what it holds after a reset.

    Attributes:
        name: for people; unique within the layer.
        dtype: ``int8``, ``int16`` or ``int32``.
        shape: dimensions.
        reset: the value of every element after a reset.
    """

    name: str
    dtype: str
    shape: Shape
    reset: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes that it takes."""
        return self.size * np.dtype(self.dtype).itemsize

    def initial(self, streams: int) -> Values:
        """The state after a reset: [streams, *shape]."""
        return np.full((streams, *self.shape), self.reset, self.dtype)


class Kernel(ABC):
    """The parameters of one layer and what it computes with them.

    Subclasses are frozen dataclasses. A kernel without weights or states declares none.
    """

    @property
    def states(self) -> tuple[State, ...]:
        """What survives from call to call, in the order of :meth:`run`'s argument."""
        return ()

    @property
    def feeds_back(self) -> bool:
        """Whether its output is its first state, which layers before it read as the call before left it."""
        return False

    @property
    def macs_per_output(self) -> int:
        """Multiply-accumulates of weights and values for each value of the output."""
        return 0

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights and biases as the generated C holds them."""
        return 0

    @abstractmethod
    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """Compute several calls in a row.

        Args:
            inputs: int8 [streams, calls, *shape] for each tensor read, ``shape`` as in the file.
            states: [streams, calls + 1, *shape] for each of :attr:`states`. Element 0 along the calls
                is the state before the first call; the kernel writes the others, each the state after
                a call.

        Returns:
            int8 [streams, calls, ...], the values of the output tensor in order.
        """


def rows_of(x: Int8, size: int) -> Int8:
    """int8 [streams, calls, ...] as [streams, calls, rows, size]."""
    # Not -1: it means nothing where there are no calls.
    rows = int(np.prod(x.shape[2:])) // size
    return x.reshape(*x.shape[:2], rows, size)
