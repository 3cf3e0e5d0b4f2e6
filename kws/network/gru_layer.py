"""One GRU layer, with the limits that it has as a graph of int8 operators: in NumPy and in Keras.

Cho 2014 (arXiv:1406.1078) in the form of cuDNN, which is Keras's default (``reset_after``): the reset gate
multiplies the candidate's sum over h, so that one product with h serves both gates and the candidate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kws.network.base import Rounding, logistic
from kws.network.tensorflow import import_tensorflow, initial_seed
from kws.types import Floats

GATE_CLIP = 6.0
"""Limit of a gate's sums, over the input, over h and together: the logistic function of it is 0.9975, the last but
one of its int8 values. int8 steps are a 255th of what there is between the limits."""
CANDIDATE_CLIP = 4.0
"""Limit of the candidate's sums: tanh of it is 0.9993."""
STATE_STEP = 1 / 128
"""What h is rounded to in training: as int8 has it."""

PARTS = ("kernel", "recurrent", "bias", "candidate_bias")
SUMS = ("input_gates", "recurrent_gates", "input_candidate", "recurrent_candidate")
"""What is a matrix's product each, with a gate's or the candidate's limit."""
STEPS = (*SUMS, "gates", "update_reset", "reset_candidate", "candidate_sum", "candidate")
LAST = ("kept", "share", "new", "hidden")


def limited(sums: Floats, limit: float) -> Floats:
    """Sums within a limit."""
    return np.clip(sums, np.float32(-limit), np.float32(limit))


@dataclass(frozen=True)
class FloatGru:
    """A GRU's weights; gates and candidate are in the order update, reset, candidate.

    Attributes:
        kernel: float32 [inputs, 3 units].
        recurrent: float32 [units, 3 units].
        bias: float32 [3 units], of the sums over the input.
        candidate_bias: float32 [units], of the candidate's sum over h.
    """

    kernel: Floats
    recurrent: Floats
    bias: Floats
    candidate_bias: Floats

    @property
    def units(self) -> int:
        """Width of the layer."""
        return len(self.recurrent)

    def product(self, name: str) -> tuple[Floats, Floats]:
        """Matrix [inputs, outputs] and bias [outputs] of one of :data:`SUMS`."""
        side, what = name.split("_")
        columns = slice(0, 2 * self.units) if what == "gates" else slice(2 * self.units, 3 * self.units)
        if side == "input":
            return self.kernel[:, columns], self.bias[columns]
        bias = self.candidate_bias if what == "candidate" else np.zeros(2 * self.units, np.float32)
        return self.recurrent[:, columns], bias

    def with_product(self, name: str, values: Floats) -> FloatGru:
        """The same layer with another matrix of one of :data:`SUMS`."""
        side, what = name.split("_")
        part = "kernel" if side == "input" else "recurrent"
        changed = getattr(self, part).copy()
        changed[:, slice(0, 2 * self.units) if what == "gates" else slice(2 * self.units, None)] = values
        return replace(self, **{part: changed})

    @classmethod
    def of_products(cls, products: dict[str, tuple[Floats, Floats]]) -> FloatGru:
        """The layer of matrices and biases by name, the inverse of :meth:`product`."""
        kernel, recurrent = (
            np.concatenate([products[f"{side}_{what}"][0] for what in ("gates", "candidate")], axis=1)
            for side in ("input", "recurrent")
        )
        bias = np.concatenate([products[f"input_{what}"][1] for what in ("gates", "candidate")])
        return cls(kernel, recurrent, bias, products["recurrent_candidate"][1])

    def run(self, x: Floats, h: Floats, rounded: Rounding | None = None) -> tuple[dict[str, Floats], Floats]:
        """Run float32 [n, frames, inputs] from the state h, float32 [n, units].

        Args:
            x: the input.
            h: the state.
            rounded: what becomes of each value before the layer goes on with it.

        Returns:
            What is computed by name, each float32 [n, frames, values], ``hidden`` last; and the last h.
        """
        rounding: Rounding = rounded if rounded is not None else lambda _, values: values
        found = {name: np.empty((*x.shape[:2], self._width(name)), np.float32) for name in (*STEPS, *LAST)}
        for name in ("input_gates", "input_candidate"):
            kernel, bias = self.product(name)
            found[name] = rounding(name, limited(x @ kernel + bias, _LIMITS[name]))
        products = {name: self.product(name) for name in ("recurrent_gates", "recurrent_candidate")}
        for t in range(x.shape[1]):

            def made(name: str, values: Floats, t: int = t) -> Floats:
                found[name][:, t] = rounding(name, values)
                return found[name][:, t]

            sums = {
                name: made(name, limited(h @ kernel + bias, _LIMITS[name])) for name, (kernel, bias) in products.items()
            }
            gates = made("gates", limited(found["input_gates"][:, t] + sums["recurrent_gates"], GATE_CLIP))
            update, reset = np.split(made("update_reset", logistic(gates)), 2, axis=1)
            of_h = made("reset_candidate", reset * sums["recurrent_candidate"])
            total = made("candidate_sum", limited(found["input_candidate"][:, t] + of_h, CANDIDATE_CLIP))
            candidate = made("candidate", np.tanh(total))
            kept = made("kept", update * h)
            new = made("new", made("share", 1 - update) * candidate)
            h = made("hidden", kept + new)
        return found, h

    def _width(self, name: str) -> int:
        return self.units * (2 if name.endswith("gates") or name == "update_reset" else 1)


_LIMITS = {name: GATE_CLIP if name.endswith("gates") else CANDIDATE_CLIP for name in SUMS}


class KerasGru:
    """The layer in training.

    Attributes:
        weights: of :data:`PARTS`.
    """

    def __init__(self, inputs: int, units: int, seed: int, index: int) -> None:
        """Draw initial weights from ``seed``, others for each ``index``."""
        tf, keras = import_tensorflow()
        init = keras.initializers
        kernel = init.GlorotUniform(seed=initial_seed(seed, index, 0))((inputs, 3 * units))
        recurrent = init.Orthogonal(seed=initial_seed(seed, index, 1))((units, 3 * units))
        # A state that is kept at first, as an LSTM's forget gate is open.
        bias = tf.repeat([1.0, 0.0, 0.0], units)
        self._units = units
        self.weights = [tf.Variable(v, dtype=tf.float32) for v in (kernel, recurrent, bias, tf.zeros(units))]

    def __call__(self, x: Any, h: Any, round_state: bool) -> tuple[Any, Any]:
        """h after every frame, float32 [n, frames, units], and the last h.

        Args:
            x: float32 [n, frames, inputs].
            h: the state, float32 [n, units].
            round_state: h is rounded to :data:`STATE_STEP` after each frame; gradients pass as if it were not.
        """
        tf, keras = import_tensorflow()
        kernel, recurrent, bias, candidate_bias = self.weights
        units = self._units

        def step(from_input: Any, states: Any) -> Any:
            (h,) = states
            sums = tf.matmul(h, recurrent)
            gates = from_input[:, : 2 * units] + tf.clip_by_value(sums[:, : 2 * units], -GATE_CLIP, GATE_CLIP)
            update, reset = tf.split(tf.sigmoid(tf.clip_by_value(gates, -GATE_CLIP, GATE_CLIP)), 2, axis=1)
            of_h = tf.clip_by_value(sums[:, 2 * units :] + candidate_bias, -CANDIDATE_CLIP, CANDIDATE_CLIP)
            total = from_input[:, 2 * units :] + reset * of_h
            candidate = tf.tanh(tf.clip_by_value(total, -CANDIDATE_CLIP, CANDIDATE_CLIP))
            h = update * h + (1 - update) * candidate
            h = rounded_state(h) if round_state else h
            return h, [h]

        # All frames in one product, which is faster than one in each step.
        sums = x @ kernel + bias
        limit = tf.repeat([GATE_CLIP, GATE_CLIP, CANDIDATE_CLIP], units)
        _, hidden, (h,) = keras.backend.rnn(step, tf.clip_by_value(sums, -limit, limit), [h])
        return hidden, h


def rounded_state(h: Any) -> Any:
    """h in steps of :data:`STATE_STEP`, with h's gradients (Bengio 2013, arXiv:1308.3432)."""
    tf, _ = import_tensorflow()
    return h + tf.stop_gradient(tf.round(h / STATE_STEP) * STATE_STEP - h)
