"""One plain recurrent layer (Elman 1990), h = tanh(x W + h U + b), as int8 operators have it: in NumPy and in Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kws.network.base import Rounding
from kws.network.gru_layer import rounded_state
from kws.network.tensorflow import import_tensorflow, initial_seed
from kws.types import Floats

SUM_CLIP = 4.0
"""Limit of the sums, over the input, over h and together: tanh of it is 0.9993."""

PARTS = ("kernel", "recurrent", "bias")
SUMS = ("input_sum", "recurrent_sum")
STEPS = (*SUMS, "sum", "hidden")


def _limited(sums: Floats) -> Floats:
    return np.clip(sums, np.float32(-SUM_CLIP), np.float32(SUM_CLIP))


@dataclass(frozen=True)
class FloatRnn:
    """A plain recurrent layer's weights.

    Attributes:
        kernel: float32 [inputs, units].
        recurrent: float32 [units, units].
        bias: float32 [units].
    """

    kernel: Floats
    recurrent: Floats
    bias: Floats

    @property
    def units(self) -> int:
        """Width of the layer."""
        return len(self.recurrent)

    def product(self, name: str) -> tuple[Floats, Floats]:
        """Matrix [inputs, units] and bias [units] of one of :data:`SUMS`."""
        if name == "input_sum":
            return self.kernel, self.bias
        return self.recurrent, np.zeros(self.units, np.float32)

    def with_product(self, name: str, values: Floats) -> FloatRnn:
        """The same layer with another matrix of one of :data:`SUMS`."""
        return replace(self, **{"kernel" if name == "input_sum" else "recurrent": values})

    @classmethod
    def of_products(cls, products: dict[str, tuple[Floats, Floats]]) -> FloatRnn:
        """The layer of matrices and biases by name, the inverse of :meth:`product`."""
        kernel, bias = products["input_sum"]
        return cls(kernel, products["recurrent_sum"][0], bias)

    def run(self, x: Floats, h: Floats, rounded: Rounding | None = None) -> tuple[dict[str, Floats], Floats]:
        """Run float32 [n, frames, inputs] from the state h, float32 [n, units]: as `FloatGru.run`."""
        rounding: Rounding = rounded if rounded is not None else lambda _, values: values
        found = {name: np.empty((*x.shape[:2], self.units), np.float32) for name in STEPS}
        found["input_sum"] = rounding("input_sum", _limited(x @ self.kernel + self.bias))
        for t in range(x.shape[1]):
            found["recurrent_sum"][:, t] = rounding("recurrent_sum", _limited(h @ self.recurrent))
            total = _limited(found["input_sum"][:, t] + found["recurrent_sum"][:, t])
            found["sum"][:, t] = rounding("sum", total)
            found["hidden"][:, t] = rounding("hidden", np.tanh(found["sum"][:, t]))
            h = found["hidden"][:, t]
        return found, h


class KerasRnn:
    """The layer in training.

    Attributes:
        weights: of :data:`PARTS`.
    """

    def __init__(self, inputs: int, units: int, seed: int, index: int) -> None:
        """Draw initial weights from ``seed``, others for each ``index``."""
        tf, keras = import_tensorflow()
        init = keras.initializers
        kernel = init.GlorotUniform(seed=initial_seed(seed, index, 0))((inputs, units))
        recurrent = init.Orthogonal(seed=initial_seed(seed, index, 1))((units, units))
        self.weights = [tf.Variable(v, dtype=tf.float32) for v in (kernel, recurrent, tf.zeros(units))]

    def __call__(self, x: Any, h: Any, round_state: bool) -> tuple[Any, Any]:
        """As `KerasGru.__call__`."""
        tf, keras = import_tensorflow()
        kernel, recurrent, bias = self.weights

        def step(from_input: Any, states: Any) -> Any:
            (h,) = states
            from_hidden = tf.clip_by_value(tf.matmul(h, recurrent), -SUM_CLIP, SUM_CLIP)
            h = tf.tanh(tf.clip_by_value(from_input + from_hidden, -SUM_CLIP, SUM_CLIP))
            h = rounded_state(h) if round_state else h
            return h, [h]

        from_input = tf.clip_by_value(x @ kernel + bias, -SUM_CLIP, SUM_CLIP)
        _, hidden, (h,) = keras.backend.rnn(step, from_input, [h])
        return hidden, h
