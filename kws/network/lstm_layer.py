"""One LSTM layer, with the limits that it has on a device: in NumPy, in Keras, and read from a .tflite file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kws.fixedpoint.layers.lstm import GATE_SCALE_POWER, GATES
from kws.layers.lstm import BIASES, CELL, INPUT_WEIGHTS, RECURRENT_WEIGHTS
from kws.network.base import Format, Rounding, logistic
from kws.network.graphs import bias, weights
from kws.network.tensorflow import import_tensorflow, initial_seed
from kws.tflite import Graph, Operator, Tensor
from kws.types import Floats

OPERATOR = "UNIDIRECTIONAL_SEQUENCE_LSTM"

CELL_CLIP = 10.0
"""Limit of an LSTM's |c|. TensorFlow's converter gives every LSTM this limit, which Keras's own
does not have, so kws trains with it: otherwise cells grow past 100 and the int8 network is
another one than the one that was trained."""
GATE_SUM_CLIP = 8.0
"""Limit of each of a gate's two sums, over the input and over h: TFLM keeps them apart in Q3.12
before it adds them (docs/SPEC.md, "LSTM"). A network trained without it lets one cancel the other
far beyond 8, which int8 then hurts more than anything else."""

PARTS = ("kernel", "recurrent", "bias")
_INPUT, _RECURRENT, _SUMS = "input_weights", "recurrent_weights", "gate_sums"
_MATRICES = {_INPUT: "kernel", _RECURRENT: "recurrent"}


def limited(sums: Floats) -> Floats:
    """A gate's sums within :data:`GATE_SUM_CLIP`."""
    return np.clip(sums, -GATE_SUM_CLIP, GATE_SUM_CLIP)


@dataclass(frozen=True)
class FloatLstm:
    """One LSTM's weights in Keras's layout, gates in the order input, forget, cell, output.

    Keras's LSTM but for :data:`CELL_CLIP` and :data:`GATE_SUM_CLIP`.

    Attributes:
        kernel: float32 [inputs, 4 units].
        recurrent: float32 [units, 4 units].
        bias: float32 [4 units].
    """

    kernel: Floats
    recurrent: Floats
    bias: Floats

    @classmethod
    def from_operator(cls, graph: Graph, op: Operator) -> FloatLstm:
        """The float weights that an int8 operator's stand for."""
        return cls(
            np.concatenate([weights(graph, op, position) for position in INPUT_WEIGHTS], axis=1),
            np.concatenate([weights(graph, op, position) for position in RECURRENT_WEIGHTS], axis=1),
            np.concatenate([bias(graph, op, *pair) for pair in zip(BIASES, INPUT_WEIGHTS, strict=True)]),
        )

    @property
    def units(self) -> int:
        """Width of the layer."""
        return len(self.recurrent)

    def gate(self, index: int) -> slice:
        """The columns of a gate."""
        return slice(index * self.units, (index + 1) * self.units)

    def check(self, inputs: int) -> None:
        """Refuse shapes that do not fit together.

        Raises:
            ValueError: they do not.
        """
        shapes = (self.kernel.shape, self.recurrent.shape, self.bias.shape)
        if shapes != ((inputs, 4 * self.units), (self.units, 4 * self.units), (4 * self.units,)):
            raise ValueError(f"an LSTM has the shapes {shapes}")

    def step(self, gates: Floats, c: Floats) -> tuple[Floats, Floats]:
        """h and c, float32 [n, units], after the gates' sums float32 [n, 4 units] and the c before."""
        i, f, g, o = np.split(gates, 4, axis=1)
        c = np.clip(logistic(f) * c + logistic(i) * np.tanh(g), -CELL_CLIP, CELL_CLIP)
        return logistic(o) * np.tanh(c), c

    def run(self, x: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
        """Run float32 [n, frames, inputs] from the state h, c, float32 [n, units].

        Returns:
            h after every frame, float32 [n, frames, units], and the last h and c.
        """
        hidden = np.empty((*x.shape[:2], self.units), np.float32)
        from_input = limited(x @ self.kernel + self.bias)
        for t in range(x.shape[1]):
            h, c = self.step(from_input[:, t] + limited(h @ self.recurrent), c)
            hidden[:, t] = h
        return hidden, h, c

    # What int8 does to it; names are those of `FloatNetwork.tensors` within the layer ``name``.

    @staticmethod
    def tensors(name: str) -> tuple[str, ...]:
        """The gates' matrices, their sums, cell and hidden."""
        gates = (f"{what}/{gate}" for what in (_INPUT, _RECURRENT, _SUMS) for gate in GATES)
        return tuple(f"{name}/{tensor}" for tensor in (*gates, "cell", "hidden"))

    def matrices(self, name: str) -> dict[str, Floats]:
        """Each gate's input and recurrent weights, float32 [inputs, units]."""
        return {
            f"{name}/{what}/{gate}": getattr(self, part)[:, self.gate(index)]
            for what, part in _MATRICES.items()
            for index, gate in enumerate(GATES)
        }

    def with_matrix(self, what: str, gate: str, values: Floats) -> FloatLstm:
        """The same layer with another of :meth:`matrices`."""
        part = _MATRICES[what]
        changed = getattr(self, part).copy()
        changed[:, self.gate(GATES.index(gate))] = values
        return replace(self, **{part: changed})

    def trace(self, name: str, x: Floats, rounded: Rounding) -> dict[str, Floats]:
        """What is computed of float32 [n, frames, inputs], by name, from a reset.

        A gate's sums over the input and over h are one tensor, float32 [2, n, frames, units].
        """
        gates = {f"{name}/{_SUMS}/{gate}": self.gate(index) for index, gate in enumerate(GATES)}

        def sums(values: Floats) -> Floats:
            values = limited(values)
            for tensor, columns in gates.items():
                values[..., columns] = rounded(tensor, values[..., columns])
            return values

        from_input = sums(x @ self.kernel + self.bias)
        from_hidden = np.empty_like(from_input)
        cell, hidden = (np.empty((*x.shape[:2], self.units), np.float32) for _ in range(2))
        h = c = np.zeros((len(x), self.units), np.float32)
        for t in range(x.shape[1]):
            from_hidden[:, t] = sums(h @ self.recurrent)
            h, c = self.step(from_input[:, t] + from_hidden[:, t], c)
            c = cell[:, t] = rounded(f"{name}/cell", c)
            h = hidden[:, t] = rounded(f"{name}/hidden", h)
        both = np.stack([from_input, from_hidden])
        found = {tensor: both[..., columns] for tensor, columns in gates.items()}
        return {**found, f"{name}/cell": cell, f"{name}/hidden": hidden}

    @staticmethod
    def formats(name: str, graph: Graph, op: Operator) -> dict[str, Format]:
        """How an int8 operator holds what :meth:`trace` names."""
        # Each of a gate's two sums is kept in 16 bits (docs/SPEC.md, "LSTM").
        scale = np.array([2.0**GATE_SCALE_POWER], np.float32)
        sums = Tensor("gate sums", (), np.dtype(np.int16), scale, np.zeros(1, np.int64))
        found = {f"{name}/{_SUMS}/{gate}": Format(sums, None) for gate in GATES}
        found[f"{name}/cell"] = Format(graph.tensors[op.inputs[CELL]], op.outputs[0], "cell")
        return found | {f"{name}/hidden": Format(graph.tensors[op.outputs[0]], op.outputs[0])}


class KerasLstm:
    """Keras's LSTM, but with the limits that the converted network has.

    Attributes:
        units: width.
        weights: kernel [inputs, 4 units], recurrent kernel [units, 4 units], bias [4 units].
    """

    def __init__(self, inputs: int, units: int, seed: int, index: int) -> None:
        """Draw initial weights from ``seed``, others for each ``index``."""
        tf, keras = import_tensorflow()
        init = keras.initializers
        kernel = init.GlorotUniform(seed=initial_seed(seed, index, 0))((inputs, 4 * units))
        recurrent = init.Orthogonal(seed=initial_seed(seed, index, 1))((units, 4 * units))
        # A forget gate that is open at first: Jozefowicz 2015.
        bias = tf.repeat([0.0, 1.0, 0.0, 0.0], units)
        self.units = units
        self.weights = [tf.Variable(value, dtype=tf.float32) for value in (kernel, recurrent, bias)]

    def __call__(self, x: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        """h after every frame, float32 [n, frames, units], and the last h and c."""
        tf, keras = import_tensorflow()
        kernel, recurrent, bias = self.weights

        def step(from_input: Any, states: Any) -> Any:
            h, c = states
            from_hidden = tf.clip_by_value(tf.matmul(h, recurrent), -GATE_SUM_CLIP, GATE_SUM_CLIP)
            i, f, g, o = tf.split(from_input + from_hidden, 4, axis=1)
            c = tf.clip_by_value(tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g), -CELL_CLIP, CELL_CLIP)
            h = tf.sigmoid(o) * tf.tanh(c)
            return h, [h, c]

        # All frames in one product, which is faster than one in each step.
        from_input = tf.clip_by_value(x @ kernel + bias, -GATE_SUM_CLIP, GATE_SUM_CLIP)
        _, hidden, (h, c) = keras.backend.rnn(step, from_input, [h, c])
        return hidden, h, c

    def get(self) -> FloatLstm:
        """The weights."""
        return FloatLstm(*(v.numpy() for v in self.weights))

    def set(self, lstm: FloatLstm) -> None:
        """Take over weights of the same shapes."""
        for variable, part in zip(self.weights, PARTS, strict=True):
            variable.assign(getattr(lstm, part))
