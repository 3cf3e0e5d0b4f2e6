"""The recurrent layers of a stack: one step a call, with a state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from kws.errors import KwsError
from kws.network import gru_layer, rnn_layer
from kws.network.base import Rounding
from kws.network.gru_layer import FloatGru, KerasGru
from kws.network.lstm_layer import PARTS, FloatLstm, KerasLstm
from kws.network.rnn_layer import FloatRnn, KerasRnn
from kws.network.stack.layer import Call, Layer, States, Weights
from kws.types import Floats


@dataclass(frozen=True)
class Recurrent(Layer):
    """What they share; the names below are those of `FloatNetwork.tensors` behind the layer's own.

    Attributes:
        units: width.
    """

    units: int

    @property
    def width(self) -> int:
        """Units."""
        return self.units

    def after(self, call: Call) -> Call:
        """One row of the units."""
        if call.extra:
            raise KwsError("a recurrent layer reads new rows alone, and none of earlier calls")
        return Call(1, 0, 1, self.units)

    def state_shapes(self, call: Call) -> tuple[tuple[int, ...], ...]:
        """h."""
        return ((self.units,),)

    @property
    @abstractmethod
    def tensors(self) -> tuple[str, ...]:
        """Names of the weight matrices and of what is computed, in order of computation."""

    @property
    @abstractmethod
    def ranged(self) -> tuple[str, ...]:
        """Those whose range must be known."""

    @abstractmethod
    def matrices(self, weights: Weights) -> dict[str, Floats]:
        """The weight matrices by name."""

    @abstractmethod
    def with_matrix(self, weights: Weights, name: str, values: Floats) -> Weights:
        """The same weights with another of :meth:`matrices`."""

    @abstractmethod
    def trace(self, weights: Weights, x: Floats, rounded: Rounding) -> dict[str, Floats]:
        """What is computed of float32 [n, calls, inputs] by name, from a reset; ``hidden`` is the output."""

    @abstractmethod
    def keras(self, call: Call, seed: int, index: int, round_state: bool) -> KerasRecurrent:
        """The layer in training: ``weights`` in the order of the parts; a call gives h and the states left behind."""


@dataclass(frozen=True)
class Lstm(Recurrent):
    """An LSTM, with the limits that it has on a device."""

    kind: ClassVar[str] = "lstm"
    parts: ClassVar[tuple[str, ...]] = PARTS

    def after(self, call: Call) -> Call:
        """One row of the units."""
        if call.rows != 1:
            raise KwsError(f"an LSTM reads one row a call and not {call.rows}")
        return super().after(call)

    def shapes(self, call: Call) -> dict[str, tuple[int, ...]]:
        """As Keras has them."""
        wide = 4 * self.units
        return {"kernel": (call.size, wide), "recurrent": (self.units, wide), "bias": (wide,)}

    def state_shapes(self, call: Call) -> tuple[tuple[int, ...], ...]:
        """h and c."""
        return ((self.units,), (self.units,))

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """One step a row."""
        hidden, h, c = _lstm(weights).run(call.views(x), *states)
        return hidden[:, :, None], (h, c)

    @property
    def tensors(self) -> tuple[str, ...]:
        """The gates' matrices, their sums, cell and hidden."""
        return FloatLstm.tensors("")

    @property
    def ranged(self) -> tuple[str, ...]:
        """The states."""
        return ("/cell", "/hidden")

    def matrices(self, weights: Weights) -> dict[str, Floats]:
        """Each gate's weights."""
        return _lstm(weights).matrices("")

    def with_matrix(self, weights: Weights, name: str, values: Floats) -> Weights:
        """The same with another gate's."""
        _, what, gate = name.split("/")
        lstm = _lstm(weights).with_matrix(what, gate, values)
        return {part: getattr(lstm, part) for part in self.parts}

    def trace(self, weights: Weights, x: Floats, rounded: Rounding) -> dict[str, Floats]:
        """Sums, cell and hidden."""
        return _lstm(weights).trace("", x, rounded)

    def keras(self, call: Call, seed: int, index: int, round_state: bool) -> KerasRecurrent:
        """Its h has 8 bits on a device, but its cell 16: nothing is rounded in training."""
        cell = KerasLstm(call.size, self.units, seed, index)

        def step(x: Any, states: Any, training: bool) -> tuple[Any, list[Any]]:
            hidden, h, c = cell(x, *states)
            return hidden, [h, c]

        return KerasRecurrent(cell, step)


@dataclass(frozen=True)
class Cell(Recurrent):
    """A layer of int8 operators whose state is h alone: what GRU and RNN share."""

    cell: ClassVar[Any]
    """The layer in NumPy, such as `FloatGru`."""
    sums: ClassVar[tuple[str, ...]]
    """Its matrices' products."""
    steps: ClassVar[tuple[str, ...]]
    """All that it computes, in order."""
    fixed: ClassVar[tuple[str, ...]]
    """Those of them that have a scale in any case."""

    def run(self, weights: Weights, x: Floats, states: States, call: Call) -> tuple[Floats, States]:
        """One step a row."""
        found, h = self.float_cell(weights).run(call.views(x), *states)
        return found["hidden"][:, :, None], (h,)

    def float_cell(self, weights: Weights) -> Any:
        """The layer in NumPy."""
        return self.cell(*(weights[part] for part in self.parts))

    @property
    def tensors(self) -> tuple[str, ...]:
        """Matrices, then what is computed."""
        return (*(f"/{name}/weights" for name in self.sums), *(f"/{name}" for name in self.steps))

    @property
    def ranged(self) -> tuple[str, ...]:
        """What is computed, but for the activations."""
        return tuple(f"/{name}" for name in self.steps if name not in self.fixed)

    def matrices(self, weights: Weights) -> dict[str, Floats]:
        """Of each product."""
        cell = self.float_cell(weights)
        return {f"/{name}/weights": cell.product(name)[0] for name in self.sums}

    def with_matrix(self, weights: Weights, name: str, values: Floats) -> Weights:
        """The same with another product's."""
        changed = self.float_cell(weights).with_product(name.split("/")[1], values)
        return {part: getattr(changed, part) for part in self.parts}

    def trace(self, weights: Weights, x: Floats, rounded: Rounding) -> dict[str, Floats]:
        """All steps."""
        h = self.zeros(len(x), Call(1, 0, 1, 1))[0]
        found, _ = self.float_cell(weights).run(x, h, lambda name, values: rounded(f"/{name}", values))
        return {f"/{name}": found[name] for name in self.steps}


@dataclass(frozen=True)
class Gru(Cell):
    """A GRU (`kws.network.gru_layer`)."""

    kind: ClassVar[str] = "gru"
    parts: ClassVar[tuple[str, ...]] = gru_layer.PARTS
    cell: ClassVar[Any] = FloatGru
    sums: ClassVar[tuple[str, ...]] = gru_layer.SUMS
    steps: ClassVar[tuple[str, ...]] = (*gru_layer.STEPS, *gru_layer.LAST)
    fixed: ClassVar[tuple[str, ...]] = ("update_reset", "candidate", "share")

    def shapes(self, call: Call) -> dict[str, tuple[int, ...]]:
        """Gates and candidate side by side."""
        wide = 3 * self.units
        shapes = {"kernel": (call.size, wide), "recurrent": (self.units, wide), "bias": (wide,)}
        return {**shapes, "candidate_bias": (self.units,)}

    def keras(self, call: Call, seed: int, index: int, round_state: bool) -> KerasRecurrent:
        """`KerasGru`."""
        return _of_cell(KerasGru(call.size, self.units, seed, index), round_state)


@dataclass(frozen=True)
class Rnn(Cell):
    """A plain recurrent layer (`kws.network.rnn_layer`)."""

    kind: ClassVar[str] = "rnn"
    parts: ClassVar[tuple[str, ...]] = rnn_layer.PARTS
    cell: ClassVar[Any] = FloatRnn
    sums: ClassVar[tuple[str, ...]] = rnn_layer.SUMS
    steps: ClassVar[tuple[str, ...]] = rnn_layer.STEPS
    fixed: ClassVar[tuple[str, ...]] = ("hidden",)

    def shapes(self, call: Call) -> dict[str, tuple[int, ...]]:
        """As Keras has them."""
        return {"kernel": (call.size, self.units), "recurrent": (self.units,) * 2, "bias": (self.units,)}

    def keras(self, call: Call, seed: int, index: int, round_state: bool) -> KerasRecurrent:
        """`KerasRnn`."""
        return _of_cell(KerasRnn(call.size, self.units, seed, index), round_state)


class KerasRecurrent:
    """A recurrent layer in training.

    Attributes:
        weights: variables in the order of the layer's parts.
    """

    def __init__(self, cell: Any, step: Callable[[Any, Any, bool], tuple[Any, list[Any]]]) -> None:
        self.weights: list[Any] = cell.weights
        self._step = step

    def __call__(self, x: Any, states: Any, training: bool) -> tuple[Any, list[Any]]:
        """h after every frame and the states left behind."""
        return self._step(x, states, training)


def _lstm(weights: Weights) -> FloatLstm:
    return FloatLstm(*(weights[part] for part in PARTS))


def _of_cell(cell: Any, round_state: bool) -> KerasRecurrent:
    def step(x: Any, states: Any, training: bool) -> tuple[Any, list[Any]]:
        hidden, h = cell(x, *states, training and round_state)
        return hidden, [h]

    return KerasRecurrent(cell, step)
