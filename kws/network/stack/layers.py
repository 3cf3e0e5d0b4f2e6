"""The layers of a stack in NumPy; each takes windows of rows without padding, so that a stream has no edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.errors import KwsError
from kws.network.stack.layer import Call, Layer, States, Weights
from kws.network.stack.recurrent import Gru, Lstm, Rnn
from kws.types import Floats


def _windows(x: Floats, rows: int, bands: int, strides: tuple[int, int]) -> Floats:
    """A view [streams, rows, bands, channels, kernel rows, kernel bands] of the windows over rows and bands."""
    every = np.lib.stride_tricks.sliding_window_view(x, (rows, bands), axis=(1, 2))
    taken: Floats = every[:, :: strides[0], :: strides[1]]
    return taken


def _activated(x: Floats, relu: int) -> Floats:
    return np.maximum(x, np.float32(0)) if relu else x


@dataclass(frozen=True)
class History(Layer):
    """Earlier rows before the new ones.

    Attributes:
        rows: how many.
    """

    kind: ClassVar[str] = "history"

    rows: int

    def after(self, call: Call) -> Call:
        """More rows."""
        if call.extra:
            raise KwsError("earlier rows are kept of a picture that has some already")
        return Call(call.step, self.rows, call.bands, call.channels)

    def state_shapes(self, call: Call) -> tuple[tuple[int, ...], ...]:
        """The rows kept."""
        return ((self.rows, call.bands, call.channels),)

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """Put the rows kept in front."""
        both = np.concatenate([states[0], x], axis=1)
        return both, (both[:, both.shape[1] - self.rows :],)


@dataclass(frozen=True)
class PadBands(Layer):
    """Zeros beside the bands.

    Attributes:
        before: bands of zeros below the lowest.
        behind: bands of zeros above the highest.
    """

    kind: ClassVar[str] = "pad"

    before: int
    behind: int

    def after(self, call: Call) -> Call:
        """More bands."""
        return Call(call.step, call.extra, call.bands + self.before + self.behind, call.channels)

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """Put them on."""
        return np.pad(x, ((0, 0), (0, 0), (self.before, self.behind), (0, 0))), ()


@dataclass(frozen=True)
class Conv(Layer):
    """A convolution whose window moves by a call's new rows.

    Attributes:
        rows: of the kernel.
        bands: of the kernel.
        channels: of the output.
        band_stride: bands from window to window.
        relu: 1 for ReLU, 0 for none.
    """

    kind: ClassVar[str] = "conv"
    parts: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    rows: int
    bands: int
    channels: int
    band_stride: int = 1
    relu: int = 1

    @property
    def width(self) -> int:
        """Channels."""
        return self.channels

    def after(self, call: Call) -> Call:
        """One row a window."""
        if self.bands > call.bands:
            raise KwsError(f"a kernel of {self.bands} bands does not fit {call.bands}")
        return call.after_window(self.rows, (call.bands - self.bands) // self.band_stride + 1, self.channels)

    def shapes(self, call: Call) -> dict[str, tuple[int, ...]]:
        """Kernel [rows, bands, inputs, outputs] and bias."""
        return {"kernel": (self.rows, self.bands, call.channels, self.channels), "bias": (self.channels,)}

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """Products and sums, and the activation."""
        seen = _windows(x, self.rows, self.bands, (call.step, self.band_stride))
        # [n, rows, bands, channels, kernel rows, kernel bands] times [channels, kernel rows, kernel bands, outputs].
        flat = seen.reshape(*seen.shape[:3], -1) @ weights["kernel"].transpose(2, 0, 1, 3).reshape(-1, self.channels)
        return _activated(flat + weights["bias"], self.relu), ()


@dataclass(frozen=True)
class Depthwise(Layer):
    """A convolution of each channel by itself.

    Attributes:
        rows: of the kernel.
        bands: of the kernel.
        relu: 1 for ReLU, 0 for none.
    """

    kind: ClassVar[str] = "depthwise"
    parts: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    rows: int
    bands: int
    relu: int = 1

    @property
    def width(self) -> int:
        """Kernel values of a channel: the channels are those of the layer before."""
        return self.rows * self.bands

    def after(self, call: Call) -> Call:
        """One row a window."""
        if self.bands > call.bands or call.step != 1:
            raise KwsError(f"a depthwise kernel of {self.bands} bands does not fit {call}")
        return call.after_window(self.rows, call.bands - self.bands + 1, call.channels)

    def shapes(self, call: Call) -> dict[str, tuple[int, ...]]:
        """Kernel [rows, bands, channels] and bias."""
        return {"kernel": (self.rows, self.bands, call.channels), "bias": (call.channels,)}

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """Products and sums, and the activation."""
        seen = _windows(x, self.rows, self.bands, (1, 1))
        sums = np.einsum("nrbcij,ijc->nrbc", seen, weights["kernel"], optimize=True)
        return _activated(np.asarray(sums + weights["bias"], np.float32), self.relu), ()


@dataclass(frozen=True)
class MaxPool(Layer):
    """The greatest of neighbouring bands.

    Attributes:
        bands: how many become one.
    """

    kind: ClassVar[str] = "max_pool"

    bands: int

    def after(self, call: Call) -> Call:
        """Fewer bands."""
        if self.bands > call.bands:
            raise KwsError(f"a pool of {self.bands} bands does not fit {call.bands}")
        return Call(call.step, call.extra, call.bands // self.bands, call.channels)

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """Pool."""
        bands = x.shape[2] // self.bands
        kept = x[:, :, : bands * self.bands]
        return kept.reshape(*x.shape[:2], bands, self.bands, x.shape[3]).max(axis=3), ()


@dataclass(frozen=True)
class Average(Layer):
    """The mean of each channel over all rows of a call and all bands."""

    kind: ClassVar[str] = "average"

    def after(self, call: Call) -> Call:
        """One position."""
        return Call(1, 0, 1, call.channels)

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """Mean."""
        seen = call.views(x).reshape(len(x), -1, call.rows * call.bands, call.channels)
        return seen.mean(axis=2, dtype=np.float32)[:, :, None], ()


@dataclass(frozen=True)
class Dense(Layer):
    """A dense layer over all that a call sees.

    Attributes:
        units: of the output.
        relu: 1 for ReLU, 0 for none.
    """

    kind: ClassVar[str] = "dense"
    parts: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    units: int
    relu: int = 0

    @property
    def width(self) -> int:
        """Units."""
        return self.units

    def after(self, call: Call) -> Call:
        """One row of the units."""
        return Call(1, 0, 1, self.units)

    def shapes(self, call: Call) -> dict[str, tuple[int, ...]]:
        """Kernel [inputs, outputs] and bias."""
        return {"kernel": (call.size, self.units), "bias": (self.units,)}

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """Products and sums, and the activation."""
        sums = call.views(x) @ weights["kernel"] + weights["bias"]
        return _activated(sums[:, :, None], self.relu), ()


LAYERS: dict[str, type[Layer]] = {
    kind.kind: kind for kind in (History, PadBands, Conv, Depthwise, MaxPool, Average, Dense, Lstm, Gru, Rnn)
}
