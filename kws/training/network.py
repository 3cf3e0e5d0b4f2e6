"""The float network in tf_keras: stacked LSTMs, a dense layer, softmax; one training step, evaluation.

tf_keras (Keras 2), not Keras 3: only from its LSTM does the TFLite converter make one fused
operator (docs/DESIGN.md).
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import NetworkConfig, TrainingConfig
from kws.errors import KwsError
from kws.fixedpoint.frontend import FEATURE_SCALE
from kws.quantize.float_reference import CELL_CLIP, FloatLstm, FloatNetwork

Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]
State = list[tuple[Any, Any]]

# Recurrent gradients explode now and then; longer ones are scaled to this norm.
_GRADIENT_NORM = 1.0
_WARM_UP_EPOCHS = 1.0
_LAST_RATE = 0.01
# The loss is taken over this many last frames of a clip: a detector averages posteriors, so they
# must not only be right at the end but stay right.
_LOSS_FRAMES = 10
# The averaged weights look back over about this many steps, fewer at the beginning.
_AVERAGE_STEPS = 400


_MISSING = "training needs TensorFlow: pip install 'kws[train]'"


def require_tensorflow() -> None:
    """Make sure that TensorFlow is there, without the seconds that importing it takes.

    Raises:
        KwsError: it is not installed.
    """
    if any(find_spec(name) is None for name in ("tensorflow", "tf_keras")):
        raise KwsError(_MISSING)


@cache
def import_tensorflow() -> tuple[Any, Any]:
    """Import TensorFlow and tf_keras, quietly.

    Raises:
        KwsError: they are not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _quiet_stderr():
            import tensorflow
            import tf_keras

            tensorflow.config.list_physical_devices()
    except ImportError as error:
        raise KwsError(_MISSING) from error
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow, tf_keras


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep C++ from writing to standard error: TensorFlow logs before it reads its log level."""
    try:
        kept = os.dup(2)
    except OSError:
        yield  # no standard error, nothing to keep quiet
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@cache
def _clipped_cell() -> Any:
    tf, keras = import_tensorflow()

    base: Any = keras.layers.LSTMCell

    class ClippedLSTMCell(base):  # type: ignore[misc] # TensorFlow has no types
        """Keras's LSTM cell with the limit on c that the converted network has."""

        def call(self, inputs: Any, states: Any, training: Any = None) -> Any:
            h, c = states
            z = tf.matmul(inputs, self.kernel) + tf.matmul(h, self.recurrent_kernel) + self.bias
            i, f, g, o = tf.split(z, 4, axis=1)
            c = tf.clip_by_value(tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g), -CELL_CLIP, CELL_CLIP)
            h = tf.sigmoid(o) * tf.tanh(c)
            return h, [h, c]

    return ClippedLSTMCell


class Layers:
    """The network's tf_keras layers.

    Attributes:
        lstms: in order.
        dense: the last layer, logits.
        variables: all weights, in a fixed order.
    """

    def __init__(self, bands: int, units: Sequence[int], labels: int, seed: int) -> None:
        """Make the layers with initial weights drawn from ``seed``."""
        _, keras = import_tensorflow()
        init = keras.initializers
        self.lstms = []
        inputs = bands
        for index, width in enumerate(units):
            cell = _clipped_cell()(
                width,
                kernel_initializer=init.GlorotUniform(seed=_seed(seed, index, 0)),
                recurrent_initializer=init.Orthogonal(seed=_seed(seed, index, 1)),
                name=f"cell_{index}",
            )
            lstm = keras.layers.RNN(cell, return_sequences=True, return_state=True, name=f"lstm_{index}")
            lstm.build((None, None, inputs))
            self.lstms.append(lstm)
            inputs = width
        self.dense = keras.layers.Dense(
            labels, kernel_initializer=init.GlorotUniform(seed=_seed(seed, len(units), 0)), name="dense"
        )
        self.dense.build((None, inputs))
        self.variables = [v for layer in (*self.lstms, self.dense) for v in layer.trainable_variables]

    def initial_state(self, n: int) -> State:
        """Zero h and c of every LSTM, float32 [n, units]."""
        tf, _ = import_tensorflow()
        return [(tf.zeros((n, m.cell.units)), tf.zeros((n, m.cell.units))) for m in self.lstms]

    def logits(
        self, features: Any, state: State, last: int = 1, dropout: float = 0.0, seed: Any = None
    ) -> tuple[Any, State]:
        """Logits after the last frames, float32 [n, last, labels], and the state left behind.

        Args:
            features: int8 tensor [n, frames, bands].
            last: number of frames.
            state: h and c of every LSTM.
            dropout: dropout rate after each LSTM.
            seed: int32 [2] of the dropout's draws; needed when ``dropout`` is not 0.
        """
        tf, _ = import_tensorflow()
        x = tf.cast(features, tf.float32) * FEATURE_SCALE
        left = []
        for index, lstm in enumerate(self.lstms):
            x, h, c = lstm(x, initial_state=list(state[index]))
            left.append((h, c))
            if index == len(self.lstms) - 1:
                x = x[:, -last:]
            if dropout > 0:
                # Stateless, so that a resumed run draws what an uninterrupted one would have.
                x = tf.nn.experimental.stateless_dropout(x, dropout, seed + tf.constant([0, index]))
        return self.dense(x), left

    def get(self) -> FloatNetwork:
        """The weights."""
        lstms = tuple(FloatLstm(*lstm.get_weights()) for lstm in self.lstms)
        return FloatNetwork(lstms, *self.dense.get_weights())

    def set(self, network: FloatNetwork) -> None:
        """Take over weights of the same shapes."""
        for layer, source in zip(self.lstms, network.lstms, strict=True):
            layer.set_weights([source.kernel, source.recurrent, source.bias])
        self.dense.set_weights([network.kernel, network.bias])


def _seed(seed: int, layer: int, which: int) -> int:
    return int(np.random.SeedSequence([seed, layer, which]).generate_state(1)[0] >> 1)


class Learner:
    """Weights, their running average and the optimizer: everything that training changes.

    Evaluation uses the average, which is also what is kept: it is better than the weights
    themselves at any but the last, slow steps.

    Attributes:
        steps: gradient steps taken.
    """

    def __init__(
        self,
        bands: int,
        labels: int,
        network: NetworkConfig,
        training: TrainingConfig,
        batch_size: int,
        steps_per_epoch: int,
    ) -> None:
        """Build the network.

        Raises:
            KwsError: TensorFlow is not installed.
        """
        self._tf, keras = import_tensorflow()
        self._training, self._dropout, self._labels, self._batch = training, network.dropout, labels, batch_size
        self._current = Layers(bands, network.lstm_units, labels, training.seed)
        self._average = Layers(bands, network.lstm_units, labels, training.seed)
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
        biases = [v for v in self._current.variables if len(v.shape) == 1]
        self._optimizer.exclude_from_weight_decay(var_list=biases)
        self._optimizer.build(self._current.variables)
        self._step = self._tf.function(self._train_step)
        self._infer = self._tf.function(self._average.logits, reduce_retracing=True)
        self.reset_carried()

    @property
    def steps(self) -> int:
        """Gradient steps taken."""
        return int(self._optimizer.iterations.numpy())

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step."""
        return float(self._optimizer.learning_rate)

    def reset_carried(self) -> None:
        """Forget the LSTM state that the last batch left behind."""
        self._carried = self._current.initial_state(self._batch)

    def _train_step(self, features: Any, labels: Any, carried: State, starts: Any) -> tuple[Any, Any, State]:
        tf = self._tf
        state = [(h * starts, c * starts) for h, c in carried]
        step = tf.cast(self._optimizer.iterations, tf.int32)
        seed = tf.stack([tf.constant(self._training.seed % 2**31), step * 64])
        with tf.GradientTape() as tape:
            last = min(_LOSS_FRAMES, features.shape[1])
            logits, left = self._current.logits(features, state, last, self._dropout, seed)
            loss = self._loss(logits, labels)
        variables = self._current.variables
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        taken = tf.cast(self._optimizer.iterations, tf.float32)
        share = tf.maximum(1.0 / _AVERAGE_STEPS, 9.0 / (taken + 9.0))
        for average, current in zip(self._average.variables, variables, strict=True):
            average.assign_add(share * (current - average))
        correct = tf.reduce_mean(tf.cast(tf.argmax(logits[:, -1], 1, tf.int32) == labels, tf.float32))
        return loss, correct, left

    def _loss(self, logits: Any, labels: Any) -> Any:
        tf, smoothing = self._tf, self._training.label_smoothing
        targets = tf.one_hot(labels, self._labels) * (1 - smoothing) + smoothing / self._labels
        targets = tf.broadcast_to(targets[:, None], tf.shape(logits))
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))

    def train(self, features: Int8, labels: npt.NDArray[np.int32], carry: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """Take one gradient step.

        Args:
            features: int8 [batch, frames, bands].
            labels: int32 [batch].
            carry: bool [batch]: which clips start from the state that the clip in the same
                place of the last batch left behind; the others start from zero.

        Returns:
            Loss and accuracy of the batch, in training (with dropout).
        """
        starts = carry.astype(np.float32)[:, None]
        loss, correct, self._carried = self._step(
            self._tf.constant(features), self._tf.constant(labels), self._carried, self._tf.constant(starts)
        )
        return float(loss), float(correct)

    def evaluate(self, features: Int8, labels: npt.NDArray[np.int32], streams: int) -> tuple[float, float, float]:
        """Judge the averaged weights, once from reset and once in the middle of a stream.

        For the second the clips are dealt to ``streams`` streams; each clip but a stream's first
        starts from the state that the one before it left behind.

        Args:
            features: int8 [n, frames, bands], in random order.
            labels: int32 [n].
            streams: clips evaluated in step.

        Returns:
            Loss and accuracy from reset; accuracy in streams.
        """
        tf, n = self._tf, len(features)
        streams = min(streams, max(1, n // 2))
        # Whole batches only: another shape would be traced anew.
        places = np.arange(math.ceil(n / streams) * streams) % n
        carried = self._average.initial_state(streams)
        reset, stream = [], []
        for start in range(0, len(places), streams):
            batch = tf.constant(features[places[start : start + streams]])
            logits, _ = self._infer(batch, self._average.initial_state(streams))
            reset.append(logits.numpy()[:, 0])
            logits, carried = self._infer(batch, carried)
            stream.append(logits.numpy()[:, 0])
        from_reset, in_stream = np.concatenate(reset)[:n], np.concatenate(stream)[:n]
        accuracy = float(np.mean(from_reset.argmax(axis=1) == labels))
        in_stream_accuracy = float(np.mean(in_stream[streams:].argmax(axis=1) == labels[streams:]))
        return float(self._loss(tf.constant(from_reset[:, None]), tf.constant(labels))), accuracy, in_stream_accuracy

    def best(self) -> FloatNetwork:
        """The averaged weights."""
        return self._average.get()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that :meth:`restore` needs to go on, as named arrays."""
        arrays = {f"current/{k}": v for k, v in self._current.get().arrays().items()}
        arrays |= {f"average/{k}": v for k, v in self._average.get().arrays().items()}
        return arrays | {f"optimizer/{i}": v.numpy() for i, v in enumerate(self._optimizer_variables())}

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from a state.

        Raises:
            KeyError: an array is missing.
            ValueError: the arrays are another network's.
        """
        for prefix, layers in (("current/", self._current), ("average/", self._average)):
            named = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            layers.set(FloatNetwork.from_arrays(named))
        for i, variable in enumerate(self._optimizer_variables()):
            variable.assign(arrays[f"optimizer/{i}"])
        self.reset_carried()

    def _optimizer_variables(self) -> list[Any]:
        # The learning rate is among them, but a schedule computes it from the iterations.
        return [v for v in self._optimizer.variables if v is not getattr(self._optimizer, "_learning_rate", None)]
