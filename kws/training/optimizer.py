"""How weights move: AdamW with warm-up and cosine decay, clipped gradients, a running average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from kws.config import TrainingConfig
from kws.network.tensorflow import import_tensorflow

# Recurrent gradients explode now and then; longer ones are scaled to this norm.
_GRADIENT_NORM = 1.0
_WARM_UP_EPOCHS = 1.0
_LAST_RATE = 0.01
# The averaged weights look back over about this many steps, fewer at the beginning.
_AVERAGE_STEPS = 400


class AveragingOptimizer:
    """AdamW on some weights, and their running average.

    The average is what is validated and kept: it is better than the weights themselves at any but
    the last, slow steps.
    """

    def __init__(
        self,
        current: Sequence[Any],
        trainable: Sequence[Any],
        average: Sequence[Any],
        training: TrainingConfig,
        steps_per_epoch: int,
    ) -> None:
        """Start from the weights as they are.

        Args:
            current: all weights, in a fixed order.
            trainable: those that gradients move; the others move by themselves.
            average: variables of the same shapes as ``current``.
            training: learning rate, its decay over the epochs, weight decay (not of vectors:
                biases and normalisation); the seed of draws.
            steps_per_epoch: gradient steps an epoch.
        """
        self._tf, keras = import_tensorflow()
        self._seed = training.seed % 2**31
        self._current, self._trainable, self._average = list(current), list(trainable), list(average)
        warm_up = max(1, round(_WARM_UP_EPOCHS * steps_per_epoch))
        rate = keras.optimizers.schedules.CosineDecay(
            training.learning_rate * _LAST_RATE,
            max(1, training.epochs * steps_per_epoch - warm_up),
            alpha=1.0 * _LAST_RATE,
            warmup_target=training.learning_rate,
            warmup_steps=warm_up,
        )
        self._optimizer = keras.optimizers.AdamW(
            rate, weight_decay=training.weight_decay, global_clipnorm=_GRADIENT_NORM, jit_compile=False
        )
        self._optimizer.exclude_from_weight_decay(var_list=[v for v in self._trainable if len(v.shape) == 1])
        self._optimizer.build(self._trainable)
        for average_variable, variable in zip(self._average, self._current, strict=True):
            average_variable.assign(variable)

    @property
    def iterations(self) -> Any:
        """Gradient steps taken, a TensorFlow variable."""
        return self._optimizer.iterations

    def seed(self, draws: int) -> Any:
        """The seed of the first of the coming step's draws, int32 [2]; called while tracing a TensorFlow function.

        Derived from the steps taken, which a checkpoint holds: a resumed run draws what an uninterrupted one does.

        Args:
            draws: how many seeds of a step follow each other, each with a last number one greater.
        """
        tf = self._tf
        return tf.stack([tf.constant(self._seed), tf.cast(self._optimizer.iterations, tf.int32) * draws])

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step."""
        return float(self._optimizer.learning_rate)

    def step(self, tape: Any, loss: Any) -> None:
        """Take one gradient step; called while tracing a TensorFlow function."""
        tf = self._tf
        gradients = tape.gradient(loss, self._trainable)
        self._optimizer.apply_gradients(zip(gradients, self._trainable, strict=True))
        taken = tf.cast(self._optimizer.iterations, tf.float32)
        share = tf.maximum(1.0 / _AVERAGE_STEPS, 9.0 / (taken + 9.0))
        for average, variable in zip(self._average, self._current, strict=True):
            average.assign_add(share * (variable - average))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that :meth:`restore` needs to go on, as named arrays."""
        return {
            f"{group}/{i}": v.numpy() for group, variables in self._groups().items() for i, v in enumerate(variables)
        }

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from a state.

        Raises:
            KeyError: an array is missing.
            ValueError: the arrays are another network's.
        """
        for group, variables in self._groups().items():
            for i, variable in enumerate(variables):
                value = arrays[f"{group}/{i}"]
                if value.shape != tuple(variable.shape):
                    raise ValueError(f"{group}/{i} has the shape {value.shape}, not {tuple(variable.shape)}")
                variable.assign(value)

    def _groups(self) -> dict[str, list[Any]]:
        # The learning rate is among the optimizer's, but a schedule computes it from the iterations.
        rate = getattr(self._optimizer, "_learning_rate", None)
        own = [v for v in self._optimizer.variables if v is not rate]
        return {"current": self._current, "average": self._average, "optimizer": own}
