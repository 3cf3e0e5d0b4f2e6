"""What the layers of a stack have in common: the rows of a call, weights, states.

Between layers lies a picture of a stream, float32 [streams, rows, bands, channels]. A call of the network sees the
newest rows of it: ``step`` new ones and ``extra`` earlier ones. So ``calls * step + extra`` rows are there in all,
and what is computed in pieces of calls is what the whole stream gives: a layer that needs more rows than a call
brings has a `History` before it, which begins with zeros.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np

from kws.errors import KwsError
from kws.types import Floats

Weights = Mapping[str, Floats]
States = tuple[Floats, ...]


@dataclass(frozen=True)
class Call:
    """The picture that a layer sees in one call.

    Attributes:
        step: rows that are new.
        extra: earlier rows before them.
        bands: columns.
        channels: values of a row's band.
    """

    step: int
    extra: int
    bands: int
    channels: int

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.step + self.extra

    @property
    def row_size(self) -> int:
        """Values of a row."""
        return self.bands * self.channels

    @property
    def size(self) -> int:
        """Values in all."""
        return self.rows * self.row_size

    def after_window(self, rows: int, bands: int, channels: int) -> Call:
        """What is left when each window of ``rows`` rows, moved by ``step``, has become one row.

        Raises:
            KwsError: a call does not hold a whole number of them.
        """
        extra, rest = divmod(self.extra + self.step - rows, self.step)
        if rest or extra < 0:
            raise KwsError(
                f"a window of {rows} rows, moved by {self.step}, does not fit the {self.rows} rows of a call"
            )
        return Call(1, extra, bands, channels)

    def views(self, x: Floats) -> Floats:
        """What each call sees: [streams, rows in all, bands, channels] as [streams, calls, values]."""
        calls = (x.shape[1] - self.extra) // self.step
        at = np.arange(calls)[:, None] * self.step + np.arange(self.rows)
        return x[:, at].reshape(len(x), calls, self.size)


class Layer(ABC):
    """A layer without its weights: a frozen dataclass of whole numbers.

    Attributes:
        kind: its name in weights' names.
        parts: names of its weights.
    """

    kind: ClassVar[str]
    parts: ClassVar[tuple[str, ...]] = ()

    def numbers(self) -> Floats:
        """The settings, as a file of weights holds them."""
        return np.array([float(getattr(self, f.name)) for f in fields(self)], np.float32)  # type: ignore[arg-type]

    @classmethod
    def of_numbers(cls, values: Floats) -> Self:
        """The inverse of :meth:`numbers`."""
        return cls(*(int(v) for v in values))

    @property
    def width(self) -> int | None:
        """Values of a position in its output, if it has weights."""
        return None

    @abstractmethod
    def after(self, call: Call) -> Call:
        """What the next layer sees.

        Raises:
            KwsError: the layer does not fit what it sees itself.
        """

    def shapes(self, call: Call) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by part."""
        return {}

    def state_shapes(self, call: Call) -> tuple[tuple[int, ...], ...]:
        """Shapes of what is carried from call to call, of one stream."""
        return ()

    @abstractmethod
    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """The next layer's picture, and the states left behind.

        Args:
            weights: by part.
            x: float32 [streams, rows, bands, channels].
            states: [streams, ...] each.
            call: what one call sees of ``x``.
        """

    def zeros(self, streams: int, call: Call) -> States:
        """The states after a reset."""
        return tuple(np.zeros((streams, *shape), np.float32) for shape in self.state_shapes(call))
