"""What every kind of network can tell and make: its settings, in Keras, in plain NumPy, and in a .tflite file."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from kws.errors import KwsError
from kws.files import replacing
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE, FEATURE_ZERO_POINT
from kws.frontends import FrontendConfig
from kws.network.graphs import one_frame_a_call
from kws.npz import DAMAGE
from kws.tflite import Graph, Tensor
from kws.types import Floats, Int8

State = list[tuple[Floats, ...]]
"""What each recurrent layer of a float network carries from frame to frame, float32 [n, ...]."""
Rounding = Callable[[str, Floats], Floats]
"""From a tensor's name and values to the values to go on with."""


@dataclass(frozen=True)
class Frame:
    """What a network reads in one call: a frame of the front end.

    Attributes:
        rows: windows of sound in it.
        bands: features of a row.
        scale: of its int8 features.
        zero_point: of its int8 features.
    """

    rows: int
    bands: int
    scale: float
    zero_point: int

    @classmethod
    def of(cls, frontend: FrontendConfig) -> Frame:
        """What a front end makes."""
        return cls(frontend.rows, frontend.bands, frontend.scale, frontend.zero_point)

    @property
    def size(self) -> int:
        """Features in all."""
        return self.rows * self.bands

    @property
    def is_log_mel(self) -> bool:
        """Whether the features are scaled as those of ``log_mel``."""
        return (self.scale, self.zero_point) == (FEATURE_SCALE, FEATURE_ZERO_POINT)


@dataclass(frozen=True)
class Format:
    """How the file holds what a float network computes.

    Attributes:
        tensor: type, scale and zero point.
        place: index of the output of the layer that makes it; None where no call leaves it behind.
        state: which of the layer's states it is; None where it is the output.
    """

    tensor: Tensor
    place: int | None
    state: str | None = None


def scaled(features: Int8) -> Floats:
    """The front end's int8 features as a float network reads them."""
    return features.astype(np.float32) * np.float32(FEATURE_SCALE)


def softmax(logits: Floats) -> Floats:
    """Posteriors of logits float32 [..., labels]; each row sums to 1."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    posteriors: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return posteriors


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    # tanh never overflows, exp does.
    half = np.float32(0.5)
    return np.asarray(half * np.tanh(half * x) + half, np.float32)


class FloatNetwork(ABC):
    """A trained network in plain NumPy: what quantization is judged against, without TensorFlow."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read an .npz file that :meth:`save` wrote.

        Raises:
            KwsError: missing, damaged, or not the weights of such a network.
        """
        if not path.exists():
            raise KwsError(f"{path} is missing; run `kws train`, with --restart if it says that the run is complete")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: np.asarray(file[name], np.float32) for name in file.files}
            return cls.from_arrays(arrays)
        except DAMAGE as error:
            raise KwsError(
                f"{path} does not hold a network's weights ({error}); run `kws train` with --restart, which trains anew"
            ) from error

    def save(self, path: Path) -> None:
        """Write the weights as an .npz file.

        Raises:
            KwsError: the file cannot be written.
        """
        named: dict[str, Any] = {**self.arrays()}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)

    # The weights.

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> Self:
        """Build the network from named arrays, as :meth:`arrays` gives them.

        Raises:
            KeyError: an array is missing.
            ValueError: shapes that do not follow one another.
        """

    @abstractmethod
    def arrays(self) -> dict[str, Floats]:
        """The weights by layer and part, such as ``lstm_0/kernel``."""

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """Features of a frame, the width of each hidden layer, labels."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The keys of ``[network]`` that the weights' shapes fix, with their values."""

    @property
    @abstractmethod
    def head(self) -> tuple[Floats, Floats]:
        """The last layer, which alone knows the labels: kernel [inputs, labels] and bias [labels]."""

    @abstractmethod
    def with_head(self, kernel: Floats, bias: Floats) -> Self:
        """The same network with another last layer."""

    # What it computes.

    @abstractmethod
    def initial_state(self, n: int) -> State:
        """What the recurrent layers carry after a reset, for ``n`` streams."""

    @abstractmethod
    def run(self, features: Int8, state: State | None = None) -> Floats:
        """Posteriors after every frame.

        Args:
            features: int8 [n, frames, features] from the front end.
            state: where the streams go on, updated in place; None is from a reset.

        Returns:
            float32 [n, frames, labels]; each row sums to 1.
        """

    # What int8 does to it (`kws.quantize.noise`).

    @property
    @abstractmethod
    def tensors(self) -> tuple[str, ...]:
        """Names of the weight matrices and of what is computed, in order of computation; ``posteriors`` is last."""

    @abstractmethod
    def matrices(self) -> dict[str, Floats]:
        """The weight matrices by name, float32 [inputs, outputs], cut as the file has them."""

    @abstractmethod
    def with_matrix(self, name: str, values: Floats) -> Self:
        """The same network with another of :meth:`matrices`."""

    @abstractmethod
    def trace(self, features: Int8, rounding: Rounding | None = None) -> dict[str, Floats]:
        """What is computed, by name, from a reset.

        Args:
            features: int8 [n, frames, features].
            rounding: what becomes of each value, in every frame, before the network goes on with it.

        Returns:
            float32 [..., n, frames, values] of each of :attr:`tensors` that is not a weight matrix.
        """

    # In a .tflite file.

    @property
    @abstractmethod
    def operators(self) -> tuple[str, ...]:
        """Names of the operators that the converter makes of it, in order."""

    def equalized(self, calibration: Int8) -> Self:
        """The same function with other weights, which int8 hurts less; the network itself where there are none.

        Args:
            calibration: int8 [clips, frames, features], which say how large values come to be.
        """
        return self

    def quantized(self, calibration: Int8) -> Graph | None:
        """The int8 network of one frame a call, where kws writes it; None where TensorFlow's converter makes it.

        Args:
            calibration: int8 [clips, frames, features], which set the ranges.
        """
        return None

    @abstractmethod
    def keras_model(self, frames: int) -> Any:
        """The network in stock Keras for the converter: float32 [1, frames, features] to posteriors of every frame.

        All names are given: automatic ones would be numbered differently from time to time, and they
        are part of the file.
        """

    @classmethod
    @abstractmethod
    def reads(cls, operators: Sequence[str]) -> bool:
        """Whether a file with these operators is a network of this kind."""

    @classmethod
    @abstractmethod
    def objection(cls, graph: Graph) -> str | None:
        """What in a graph of this kind computes another thing than training does; None if nothing."""

    @classmethod
    @abstractmethod
    def from_graph(cls, graph: Graph) -> Self:
        """The float network whose weights are those of an int8 graph of this kind, each times its scale."""

    @classmethod
    @abstractmethod
    def formats(cls, graph: Graph) -> dict[str, Format]:
        """How an int8 graph of this kind holds what :meth:`trace` names."""

    @classmethod
    def single_step(cls, graph: Graph) -> Graph:
        """The converter's network over whole clips as a network of one frame a call."""
        return one_frame_a_call(graph)


class KerasNetwork(ABC):
    """A network in training: Keras variables and what they compute.

    Attributes:
        variables: all weights, in a fixed order.
        trainable: those that gradients move; the others move by themselves.
    """

    variables: list[Any]
    trainable: list[Any]

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the weights.

        Raises:
            KwsError: the file cannot be written.
        """


class KerasStreamNetwork(KerasNetwork):
    """A network that hears streams frame by frame.

    Attributes:
        head: the variables of the last layer.
    """

    head: list[Any]

    @abstractmethod
    def initial_state(self, n: int) -> Any:
        """What the recurrent layers carry after a reset, for ``n`` streams: nested lists of tensors."""

    @abstractmethod
    def logits(self, features: Any, state: Any, seed: Any = None) -> tuple[Any, Any]:
        """Logits after every frame, float32 [n, frames, labels], and the state left behind.

        Args:
            features: int8 tensor [n, frames, features].
            state: where the streams go on.
            seed: int32 [2] of the draws of dropout; None where the network is not in training.
        """

    @abstractmethod
    def get(self) -> FloatNetwork:
        """The weights."""

    @abstractmethod
    def set(self, network: FloatNetwork) -> None:
        """Take over weights of the same shapes.

        Raises:
            ValueError: they have other shapes.
        """

    def save(self, path: Path) -> None:
        """Write the weights as `FloatNetwork.load` reads them."""
        self.get().save(path)


class NetworkConfig(ABC):
    """Settings of a network: a frozen dataclass.

    Attributes:
        kind: its name in configurations.
    """

    kind: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values, ``kind`` first."""
        return {"kind": self.kind, **dataclasses.asdict(self)}  # type: ignore[call-overload]


class StreamNetworkConfig(NetworkConfig):
    """Settings of a network that hears streams frame by frame, as a device does.

    Attributes:
        float_network: the same kind in NumPy.
    """

    float_network: ClassVar[type[FloatNetwork]]

    @property
    def one_probability(self) -> bool:
        """Whether the int8 network has one output, the probability of the last label."""
        return False

    def check(self, frame: Frame) -> None:
        """Refuse frames that the network cannot read.

        Raises:
            KwsError: it cannot; the message says what to change.
        """

    @abstractmethod
    def sizes(self, frame: Frame, labels: int) -> tuple[int, ...]:
        """As :attr:`FloatNetwork.sizes`."""

    @abstractmethod
    def build(self, frame: Frame, labels: int, seed: int) -> KerasStreamNetwork:
        """The network with initial weights.

        Args:
            frame: what it reads a call.
            labels: number of labels.
            seed: of the initial weights.

        Raises:
            KwsError: TensorFlow is not installed, or the network cannot read such frames.
        """
