"""A stack of layers with its weights, in plain NumPy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from kws.errors import KwsError
from kws.network.base import FloatNetwork, Format, Frame, Rounding, State, logistic, softmax
from kws.network.stack import equalize, reading
from kws.network.stack import graph as graphs
from kws.network.stack.layer import Call, Layer, Weights
from kws.network.stack.layers import LAYERS, Dense
from kws.network.stack.recurrent import Cell, Recurrent
from kws.network.stack.tensors import Ranges
from kws.tflite import Graph
from kws.types import Floats, Int8

_FRAME = "frame"
_PIECE = 32
"""Clips that are traced at once."""


def calls_of(frame: Frame, layers: Sequence[Layer]) -> list[Call]:
    """What each layer sees in a call, and behind them what the last one makes.

    Raises:
        KwsError: the layers do not fit one another.
    """
    calls = [Call(frame.rows, 0, frame.bands, 1)]
    for layer in layers:
        calls.append(layer.after(calls[-1]))
    return calls


def names_of(layers: Sequence[Layer]) -> list[str]:
    """Each layer's name: its kind, numbered."""
    count: Counter[str] = Counter()
    names = []
    for layer in layers:
        names.append(f"{layer.kind}_{count[layer.kind]}")
        count[layer.kind] += 1
    return names


def posteriors_of(logits: Floats, wake: bool) -> Floats:
    """Posteriors of logits float32 [..., labels].

    Args:
        logits: the word's is the last.
        wake: the last one's posterior is its logistic function, as on a device, which knows no other; the others
            share the rest.
    """
    if not wake:
        return softmax(logits)
    word = logistic(logits[..., -1:])
    if logits.shape[-1] == 1:
        return word
    return np.concatenate([(1 - word) * softmax(logits[..., :-1]), word], axis=-1)


@dataclass(frozen=True)
class StackNetwork(FloatNetwork):
    """Layers one after another, of which the last gives the logits.

    Attributes:
        frame: what it reads a call.
        layers: in order.
        weights: of each, by part.
        wake: its output is the probability of the last label alone.
    """

    kernel_operators: ClassVar[frozenset[str]]
    """Those of `reading.KERNELS` that networks of this kind, and no others, have."""

    frame: Frame
    layers: tuple[Layer, ...]
    weights: tuple[Weights, ...]
    wake: bool = False

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> Self:
        """Build the network from named arrays, as :meth:`arrays` gives them.

        Raises:
            KeyError: an array is missing.
            ValueError: shapes that do not follow one another.
        """
        rows, bands, scale, zero_point, wake = (float(v) for v in arrays[_FRAME])
        frame = Frame(int(rows), int(bands), scale, int(zero_point))
        layers, weights = [], []
        for name in sorted(name for name in arrays if "/" not in name and name != _FRAME):
            layer = LAYERS[name.split("_", 1)[1]].of_numbers(arrays[name])
            layers.append(layer)
            weights.append({part: arrays[f"{name}/{part}"] for part in layer.parts})
        network = cls(frame, tuple(layers), tuple(weights), bool(wake))
        network.check()
        return network

    def check(self) -> None:
        """Refuse layers and weights that do not follow one another.

        Raises:
            ValueError: they do not.
        """
        if not self.layers or not isinstance(self.layers[-1], Dense):
            raise ValueError("the last layer is not a dense one")
        try:
            calls = calls_of(self.frame, self.layers)
        except KwsError as error:
            raise ValueError(str(error)) from error
        for layer, weights, call in zip(self.layers, self.weights, calls, strict=False):
            for part, shape in layer.shapes(call).items():
                if weights[part].shape != shape:
                    raise ValueError(f"{layer.kind}'s {part} has the shape {weights[part].shape}, not {shape}")

    def arrays(self) -> dict[str, Floats]:
        """Each layer's settings and weights, numbered, and what it reads."""
        frame = self.frame
        first = np.array([frame.rows, frame.bands, frame.scale, frame.zero_point, self.wake], np.float32)
        named = {_FRAME: first}
        for number, (layer, weights) in enumerate(zip(self.layers, self.weights, strict=True)):
            name = f"{number:02}_{layer.kind}"
            named |= {name: layer.numbers(), **{f"{name}/{part}": weights[part] for part in layer.parts}}
        return named

    @property
    def sizes(self) -> tuple[int, ...]:
        """Features of a frame, the width of each layer with weights, outputs of the int8 network."""
        return sizes_of(self.frame.size, self.layers, self.wake)

    @property
    def head(self) -> tuple[Floats, Floats]:
        """The last dense layer."""
        return self.weights[-1]["kernel"], self.weights[-1]["bias"]

    def with_head(self, kernel: Floats, bias: Floats) -> Self:
        """The same layers under another last one."""
        layers = (*self.layers[:-1], Dense(len(bias)))
        return replace(self, layers=layers, weights=(*self.weights[:-1], {"kernel": kernel, "bias": bias}))

    @property
    def calls(self) -> list[Call]:
        """What each layer sees in a call, and what the last one makes."""
        return calls_of(self.frame, self.layers)

    @property
    def names(self) -> list[str]:
        """Each layer's name."""
        return names_of(self.layers)

    # What it computes.

    def picture(self, features: Int8) -> Floats:
        """int8 [n, frames, features] as the first layer reads them: float32 [n, rows, bands, 1]."""
        frame = self.frame
        x = (features.astype(np.float32) - np.float32(frame.zero_point)) * np.float32(frame.scale)
        return x.reshape(len(x), -1, frame.bands, 1)

    def initial_state(self, n: int) -> State:
        """Zeros."""
        return [layer.zeros(n, call) for layer, call in zip(self.layers, self.calls, strict=False)]

    def run(self, features: Int8, state: State | None = None) -> Floats:
        """Posteriors after every frame, float32 [n, frames, labels]; ``state`` is updated in place."""
        x = self.picture(features)
        state = self.initial_state(len(x)) if state is None else state
        for i, (layer, call) in enumerate(zip(self.layers, self.calls, strict=False)):
            x, state[i] = layer.run(self.weights[i], x, state[i], call)
        return posteriors_of(x[:, :, 0], self.wake)

    # What int8 does to it.

    @property
    def tensors(self) -> tuple[str, ...]:
        """Of each layer its weights and its output; ``posteriors``."""
        names: list[str] = []
        for name, layer in zip(self.names, self.layers, strict=True):
            if isinstance(layer, Recurrent):
                names += [f"{name}{tensor}" for tensor in layer.tensors]
            elif layer.parts:
                names += [f"{name}/weights", f"{name}/output"]
        return (*names, "posteriors")

    def matrices(self) -> dict[str, Floats]:
        """Kernels, and of recurrent layers each product's weights."""
        found: dict[str, Floats] = {}
        for name, layer, weights in zip(self.names, self.layers, self.weights, strict=True):
            if isinstance(layer, Recurrent):
                found |= {f"{name}{tensor}": values for tensor, values in layer.matrices(weights).items()}
            elif layer.parts:
                found[f"{name}/weights"] = weights["kernel"]
        if self.wake:
            found[f"{self.names[-1]}/weights"] = self.weights[-1]["kernel"][:, -1:]
        return found

    def with_matrix(self, name: str, values: Floats) -> Self:
        """The same network with another of :meth:`matrices`."""
        index = self.names.index(name.split("/")[0])
        layer, changed = self.layers[index], [*self.weights]
        if isinstance(layer, Recurrent):
            inner = name.removeprefix(self.names[index])
            changed[index] = layer.with_matrix(self.weights[index], inner, values)
        else:
            kernel = self.weights[index]["kernel"].copy()
            # All of it, but for the outputs of a wake word's last layer that no device has.
            kernel[..., kernel.shape[-1] - values.shape[-1] :] = values
            changed[index] = {**self.weights[index], "kernel": kernel}
        return replace(self, weights=tuple(changed))

    def trace(self, features: Int8, rounding: Rounding | None = None) -> dict[str, Floats]:
        """What is computed, by name, from a reset: float32 [..., n, frames, values]."""
        rounded: Rounding = rounding if rounding is not None else lambda _, values: values
        x = self.picture(features)
        found: dict[str, Floats] = {}
        calls = self.calls
        for i, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            if isinstance(layer, Recurrent):
                inner = _inside(name, rounded)
                made = layer.trace(self.weights[i], calls[i].views(x), inner)
                found |= {f"{name}{tensor}": values for tensor, values in made.items()}
                x = found[f"{name}/hidden"][:, :, None]
                continue
            x, _ = layer.run(self.weights[i], x, layer.zeros(len(x), calls[i]), calls[i])
            if layer is self.layers[-1] and self.wake:
                x = x[..., -1:]
            if layer.parts:
                x = rounded(f"{name}/output", x)
                found[f"{name}/output"] = calls[i + 1].views(x) if layer is not self.layers[-1] else x[:, :, 0]
        found["posteriors"] = rounded("posteriors", posteriors_of(x[:, :, 0], self.wake))
        return found

    # In a .tflite file.

    @property
    def operators(self) -> tuple[str, ...]:
        """Names of the operators of the single-step graph."""
        return tuple(op.name for op in self.graph(dict.fromkeys(graphs.ranged(self), (0.0, 1.0))).operators)

    @property
    def wiring(self) -> list[tuple[Any, ...]]:
        """The operators of the single-step graph with the tensors that they read and write."""
        return _wiring(self.graph(dict.fromkeys(graphs.ranged(self), (0.0, 1.0))))

    def graph(self, ranges: Ranges, frames: int | None = None) -> Graph:
        """The int8 network, of one frame a call; with ``frames``, over a whole clip from a reset."""
        return graphs.Writer(self, ranges, frames).graph()

    def equalized(self, calibration: Int8) -> Self:
        """The same function, its channels in front of depthwise convolutions of one range (`equalize`).

        Args:
            calibration: int8 [clips, frames, features], each from a reset.
        """
        traces = self._traces(calibration)
        return replace(self, weights=equalize.equalized(self.names, self.layers, self.weights, traces))

    def quantized(self, calibration: Int8) -> Graph:
        """The int8 network of one frame a call.

        Args:
            calibration: int8 [clips, frames, features], each from a reset.
        """
        return self.graph(self.ranges(calibration))

    def ranges(self, features: Int8) -> Ranges:
        """The least and the greatest value of each tensor that has a range of its own, 0 included."""
        wanted = graphs.ranged(self)
        found = dict.fromkeys(wanted, (0.0, 0.0))
        for traced in self._traces(features):
            for name in wanted:
                low, high = found[name]
                found[name] = min(low, float(traced[name].min())), max(high, float(traced[name].max()))
        return found

    def _traces(self, features: Int8) -> Iterator[dict[str, Floats]]:
        for start in range(0, len(features), _PIECE):
            yield self.trace(features[start : start + _PIECE])

    def keras_model(self, frames: int) -> Any:
        """None is needed: kws writes the graph itself (:meth:`quantized`).

        Raises:
            KwsError: always.
        """
        raise KwsError("TensorFlow's converter does not convert such a network; kws does")

    @classmethod
    def reads(cls, operators: Sequence[str]) -> bool:
        """Convolutions and LSTMs of this kind, and what a stack begins with."""
        begins = tuple(operators[:1]) in (("CALL_ONCE",), ("RESHAPE",))
        return begins and reading.KERNELS & set(operators) == cls.kernel_operators

    @classmethod
    def objection(cls, graph: Graph) -> str | None:
        """What is none of the layers that are trained, or another limit of a cell."""
        try:
            cls.from_graph(graph)
        except KwsError as error:
            return str(error)
        return None

    @classmethod
    def from_graph(cls, graph: Graph) -> Self:
        """The float network whose weights are those of the file, each times its scale.

        Raises:
            KwsError: it holds what no network of this kind has.
        """
        frame, layers, weights, wake = reading.read(graph)
        network = cls(frame, tuple(layers), tuple(weights), wake)
        try:
            network.check()
        except ValueError as error:
            raise KwsError(f"has layers that do not follow one another: {error}") from error
        if any(isinstance(layer, Cell) for layer in layers) and _wiring(graph) != network.wiring:
            raise KwsError("has operators that read one another otherwise than in a network that kws trains")
        return network

    @classmethod
    def formats(cls, graph: Graph) -> dict[str, Format]:
        """How the file holds what :meth:`trace` names."""
        return reading.formats(graph)


def sizes_of(features: int, layers: Sequence[Layer], wake: bool) -> tuple[int, ...]:
    """As `FloatNetwork.sizes`."""
    widths = [layer.width for layer in layers if layer.width is not None]
    return (features, *widths[:-1], 1 if wake else widths[-1])


def _wiring(graph: Graph) -> list[tuple[Any, ...]]:
    operators = [(op.name, op.inputs, op.outputs) for op in graph.operators]
    return [*operators, graph.inputs, graph.outputs]


def _inside(name: str, rounded: Rounding) -> Rounding:
    return lambda tensor, values: rounded(f"{name}{tensor}", values)
