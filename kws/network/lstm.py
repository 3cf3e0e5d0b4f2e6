"""Network ``lstm``: stacked LSTMs, a dense layer on every frame, softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from kws.fields import number, require, require_ranges
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.layers.kind import NONE
from kws.network.base import (
    FloatNetwork,
    Format,
    Frame,
    KerasStreamNetwork,
    Rounding,
    State,
    StreamNetworkConfig,
    scaled,
    softmax,
)
from kws.network.graphs import bias, weights
from kws.network.lstm_layer import CELL_CLIP, OPERATOR, PARTS, FloatLstm, KerasLstm
from kws.network.tensorflow import import_tensorflow, initial_seed
from kws.tflite import Graph
from kws.types import Floats, Int8

GREATEST_DEPTH = 16
_HEAD = ("FULLY_CONNECTED", "SOFTMAX")


@dataclass(frozen=True)
class LstmNetwork(FloatNetwork):
    """Stacked LSTMs, a dense layer on every frame, softmax.

    Attributes:
        lstms: in order.
        kernel: float32 [units of the last LSTM, labels].
        bias: float32 [labels].
    """

    lstms: tuple[FloatLstm, ...]
    kernel: Floats
    bias: Floats

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> Self:
        """Build the network from named arrays, as :meth:`arrays` gives them.

        Raises:
            KeyError: an array is missing.
            ValueError: shapes that do not follow one another.
        """
        count = sum(1 for name in arrays if name.endswith("/recurrent"))
        lstms = tuple(FloatLstm(*(arrays[f"lstm_{i}/{part}"] for part in PARTS)) for i in range(count))
        network = cls(lstms, arrays["dense/kernel"], arrays["dense/bias"])
        network._check()
        return network

    def _check(self) -> None:
        if not self.lstms:
            raise ValueError("there is no LSTM")
        inputs = self.lstms[0].kernel.shape[0]
        for lstm in self.lstms:
            lstm.check(inputs)
            inputs = lstm.units
        if self.kernel.shape != (inputs, len(self.bias)):
            raise ValueError(f"the dense layer has the shapes {self.kernel.shape} and {self.bias.shape}")

    def arrays(self) -> dict[str, Floats]:
        """The weights by name: ``lstm_0/kernel``, ``lstm_0/recurrent``, ``lstm_0/bias``, ..., ``dense/kernel``."""
        named = {f"lstm_{i}/{part}": getattr(lstm, part) for i, lstm in enumerate(self.lstms) for part in PARTS}
        return {**named, "dense/kernel": self.kernel, "dense/bias": self.bias}

    @property
    def sizes(self) -> tuple[int, ...]:
        """Features of a frame, the LSTMs' widths, labels."""
        return (self.lstms[0].kernel.shape[0], *(lstm.units for lstm in self.lstms), len(self.bias))

    @property
    def settings(self) -> dict[str, Any]:
        """``lstm_units``."""
        return {"lstm_units": tuple(lstm.units for lstm in self.lstms)}

    @property
    def head(self) -> tuple[Floats, Floats]:
        """The dense layer."""
        return self.kernel, self.bias

    def with_head(self, kernel: Floats, bias: Floats) -> Self:
        """The same LSTMs under another dense layer."""
        return replace(self, kernel=kernel, bias=bias)

    def initial_state(self, n: int) -> State:
        """h and c of every LSTM after a reset, float32 [n, units] each."""
        return [(np.zeros((n, m.units), np.float32), np.zeros((n, m.units), np.float32)) for m in self.lstms]

    def run(self, features: Int8, state: State | None = None) -> Floats:
        """Posteriors after every frame, float32 [n, frames, labels]; ``state`` is updated in place."""
        x = scaled(features)
        state = self.initial_state(len(x)) if state is None else state
        for index, lstm in enumerate(self.lstms):
            x, h, c = lstm.run(x, *state[index])
            state[index] = (h, c)
        return softmax(x @ self.kernel + self.bias)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Of each LSTM its gates' matrices, their sums, cell and hidden; then the dense layer's; ``posteriors``."""
        names = [tensor for index in range(len(self.lstms)) for tensor in FloatLstm.tensors(f"lstm_{index}")]
        return (*names, "dense/weights", "dense/logits", "posteriors")

    def matrices(self) -> dict[str, Floats]:
        """Each gate's input and recurrent weights, and ``dense/weights``: float32 [inputs, outputs]."""
        named: dict[str, Floats] = {}
        for index, lstm in enumerate(self.lstms):
            named |= lstm.matrices(f"lstm_{index}")
        return {**named, "dense/weights": self.kernel}

    def with_matrix(self, name: str, values: Floats) -> Self:
        """The same network with another of :meth:`matrices`."""
        if name == "dense/weights":
            return replace(self, kernel=values)
        layer, what, gate = name.split("/")
        index = int(layer.removeprefix("lstm_"))
        lstms = [*self.lstms]
        lstms[index] = lstms[index].with_matrix(what, gate, values)
        return replace(self, lstms=tuple(lstms))

    def trace(self, features: Int8, rounding: Rounding | None = None) -> dict[str, Floats]:
        """What is computed, by name, from a reset.

        A gate's sums over the input and over h are one tensor, float32 [2, n, frames, units].
        """
        rounded: Rounding = rounding if rounding is not None else lambda _, values: values
        x = scaled(features)
        found: dict[str, Floats] = {}
        for index, lstm in enumerate(self.lstms):
            found |= lstm.trace(f"lstm_{index}", x, rounded)
            x = found[f"lstm_{index}/hidden"]
        found["dense/logits"] = rounded("dense/logits", x @ self.kernel + self.bias)
        found["posteriors"] = rounded("posteriors", softmax(found["dense/logits"]))
        return found

    @property
    def operators(self) -> tuple[str, ...]:
        """One operator a layer."""
        return (*(OPERATOR,) * len(self.lstms), *_HEAD)

    def keras_model(self, frames: int) -> Any:
        """Stock Keras layers, float32 [1, frames, features] to [1, frames, labels]."""
        _, keras = import_tensorflow()
        # The converter needs a fixed batch.
        x = features = keras.Input(batch_size=1, shape=(frames, self.sizes[0]), name="features")
        for index, lstm in enumerate(self.lstms):
            layer = keras.layers.LSTM(lstm.units, return_sequences=True, name=f"lstm_{index}")
            x = layer(x)
            layer.set_weights([lstm.kernel, lstm.recurrent, lstm.bias])
        # On every frame, as on the device, so that the logits' range is that of every frame.
        dense = keras.layers.Dense(len(self.bias), name="dense")
        x = keras.layers.Softmax(name="posteriors")(dense(x))
        dense.set_weights([self.kernel, self.bias])
        return keras.Model(features, x, name="kws")

    @classmethod
    def reads(cls, operators: Sequence[str]) -> bool:
        """LSTMs, a dense layer, softmax."""
        count = len(operators) - len(_HEAD)
        return count >= 1 and tuple(operators) == (*(OPERATOR,) * count, *_HEAD)

    @classmethod
    def objection(cls, graph: Graph) -> str | None:
        """Another limit of the cell than in training, or an activation in the dense layer."""
        *lstms, dense, _ = graph.operators
        for op in lstms:
            clip = float(op.options.get("CellClip", 0.0))
            if clip != CELL_CLIP:
                return f"limits its cells to {clip:g} and training to {CELL_CLIP:g}"
        if int(dense.options.get("FusedActivationFunction", NONE)) != NONE:
            return "has an activation in its dense layer"
        return None

    @classmethod
    def from_graph(cls, graph: Graph) -> Self:
        """The float network whose weights are those of the file, each times its scale."""
        *lstms, dense, _ = graph.operators
        layers = tuple(FloatLstm.from_operator(graph, op) for op in lstms)
        return cls(layers, weights(graph, dense, 1), bias(graph, dense, 2, weights=1))

    @classmethod
    def formats(cls, graph: Graph) -> dict[str, Format]:
        """How the file holds what :meth:`trace` names."""
        *lstms, dense, posteriors = graph.operators
        found: dict[str, Format] = {}
        for index, op in enumerate(lstms):
            found |= FloatLstm.formats(f"lstm_{index}", graph, op)
        outputs = {"dense/logits": dense, "posteriors": posteriors}
        return found | {name: Format(graph.tensors[op.outputs[0]], op.outputs[0]) for name, op in outputs.items()}


class KerasLstmNetwork(KerasStreamNetwork):
    """The network in training.

    Attributes:
        lstms: in order.
        dense: the last layer, logits.
    """

    def __init__(self, features: int, units: Sequence[int], labels: int, dropout: float, seed: int) -> None:
        """Make the layers with initial weights drawn from ``seed``."""
        _, keras = import_tensorflow()
        init = keras.initializers
        widths = (features, *units)
        self._dropout = dropout
        self.lstms = [KerasLstm(*pair, seed, index) for index, pair in enumerate(pairwise(widths))]
        self.dense = keras.layers.Dense(
            labels, kernel_initializer=init.GlorotUniform(seed=initial_seed(seed, len(units), 0)), name="dense"
        )
        self.dense.build((None, widths[-1]))
        self.head = list(self.dense.trainable_variables)
        self.variables = self.trainable = [v for lstm in self.lstms for v in lstm.weights] + self.head

    def initial_state(self, n: int) -> list[tuple[Any, Any]]:
        """Zero h and c of every LSTM, float32 [n, units]."""
        tf, _ = import_tensorflow()
        return [(tf.zeros((n, m.units)), tf.zeros((n, m.units))) for m in self.lstms]

    def logits(self, features: Any, state: Any, seed: Any = None) -> tuple[Any, Any]:
        """Logits after every frame, float32 [n, frames, labels], and the state left behind."""
        tf, _ = import_tensorflow()
        x = tf.cast(features, tf.float32) * FEATURE_SCALE
        left = []
        for index, lstm in enumerate(self.lstms):
            x, h, c = lstm(x, *state[index])
            left.append((h, c))
            if self._dropout > 0 and seed is not None:
                # Stateless, so that a resumed run draws what an uninterrupted one would have.
                x = tf.nn.experimental.stateless_dropout(x, self._dropout, seed + tf.constant([0, index]))
        return self.dense(x), left

    def get(self) -> LstmNetwork:
        """The weights."""
        return LstmNetwork(tuple(lstm.get() for lstm in self.lstms), *self.dense.get_weights())

    def set(self, network: FloatNetwork) -> None:
        """Take over weights of the same shapes.

        Raises:
            ValueError: they have other shapes.
        """
        assert isinstance(network, LstmNetwork)
        for layer, source in zip(self.lstms, network.lstms, strict=True):
            layer.set(source)
        self.dense.set_weights([network.kernel, network.bias])


@dataclass(frozen=True)
class LstmConfig(StreamNetworkConfig):
    """Stacked LSTMs, one dense layer, softmax.

    Attributes:
        lstm_units: width of each stacked LSTM layer.
        dropout: dropout rate after each LSTM in training.
    """

    kind: ClassVar[str] = "lstm"
    float_network: ClassVar[type[FloatNetwork]] = LstmNetwork

    lstm_units: tuple[int, ...] = number((128,), 1, 1024)
    dropout: float = number(0.1, 0, 1, below=True)

    def __post_init__(self) -> None:
        require_ranges("network", self)
        require(
            1 <= len(self.lstm_units) <= GREATEST_DEPTH,
            f"network.lstm_units must be 1 to {GREATEST_DEPTH} widths, not {len(self.lstm_units)}",
        )

    def sizes(self, frame: Frame, labels: int) -> tuple[int, ...]:
        """Features of a frame, the LSTMs' widths, labels."""
        return (frame.size, *self.lstm_units, labels)

    def check(self, frame: Frame) -> None:
        """Refuse features that are not ``log_mel``'s."""
        require(
            frame.is_log_mel,
            "a network of kind lstm hears the front end log_mel alone; set network.kind to another, such as crnn",
        )

    def build(self, frame: Frame, labels: int, seed: int) -> KerasLstmNetwork:
        """The network with initial weights drawn from ``seed``."""
        return KerasLstmNetwork(frame.size, self.lstm_units, labels, self.dropout, seed)
