"""What networks that hear whole clips can tell and make: their settings, their weights, in Keras."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws.errors import KwsError
from kws.files import replacing
from kws.network.base import KerasNetwork, NetworkConfig
from kws.npz import DAMAGE
from kws.types import Floats


@dataclass(frozen=True)
class ClipWeights:
    """The weights of a network that hears whole clips.

    Attributes:
        arrays: float32, in the order of :attr:`KerasNetwork.variables`; the last two are the last layer's kernel
            [inputs, labels] and bias [labels].
    """

    arrays: tuple[Floats, ...]

    @classmethod
    def load(cls, path: Path) -> ClipWeights:
        """Read an .npz file that :meth:`save` wrote.

        Raises:
            KwsError: it is missing or damaged.
        """
        if not path.exists():
            raise KwsError(f"{path} is missing; train the teacher first")
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(tuple(np.asarray(file[name], np.float32) for name in sorted(file.files)))
        except DAMAGE as error:
            raise KwsError(f"{path} does not hold the teacher's weights ({error}); train it again") from error

    def save(self, path: Path) -> None:
        """Write the weights as an .npz file, numbered.

        Raises:
            KwsError: the file cannot be written.
        """
        named: dict[str, Any] = {f"{i:03}": array for i, array in enumerate(self.arrays)}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)

    @property
    def head(self) -> tuple[Floats, Floats]:
        """Kernel and bias of the last layer."""
        kernel, bias = self.arrays[-2:]
        return kernel, bias

    def with_head(self, kernel: Floats, bias: Floats) -> ClipWeights:
        """The same layers below another last one."""
        return ClipWeights((*self.arrays[:-2], kernel, bias))


class KerasClipNetwork(KerasNetwork):
    """A network that hears whole clips."""

    @abstractmethod
    def logits(self, features: Any, seed: Any = None) -> Any:
        """Logits of int8 tensor [n, frames, features], float32 [n, labels].

        Args:
            features: the clips.
            seed: int32 [2] of the draws of dropout; None where the network is not in training.
        """

    def get(self) -> ClipWeights:
        """The weights."""
        return ClipWeights(tuple(variable.numpy() for variable in self.variables))

    def set(self, weights: ClipWeights) -> None:
        """Take over weights of the same shapes.

        Raises:
            ValueError: they have other shapes.
        """
        for variable, array in zip(self.variables, weights.arrays, strict=True):
            variable.assign(array)

    def save(self, path: Path) -> None:
        """Write the weights as `ClipWeights.load` reads them."""
        self.get().save(path)

    def load(self, path: Path) -> None:
        """Take over the weights that :meth:`save` wrote.

        Raises:
            KwsError: they are missing, damaged or another network's.
        """
        weights = ClipWeights.load(path)
        try:
            self.set(weights)
        except ValueError as error:
            raise KwsError(f"{path} does not hold the teacher's weights ({error}); train it again") from error


class ClipNetworkConfig(NetworkConfig):
    """Settings of a network that hears whole clips, the future included: it can only teach others."""

    @abstractmethod
    def build(self, frames: int, features: int, labels: int, seed: int) -> KerasClipNetwork:
        """The network with initial weights.

        Args:
            frames: frames of a clip.
            features: features of a frame.
            labels: number of labels.
            seed: of the initial weights.

        Raises:
            KwsError: TensorFlow is not installed.
        """
