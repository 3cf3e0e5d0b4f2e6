"""The float network in tf_keras: stacked LSTMs, a dense layer, softmax; one training step, evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import HEAD, NetworkConfig, TrainingConfig
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.quantize.float_reference import CELL_CLIP, GATE_SUM_CLIP, FloatLstm, FloatNetwork
from kws.training.descent import Descent, initial_seed
from kws.training.streams import Stretch
from kws.training.tensorflow import import_tensorflow

Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]
State = list[tuple[Any, Any]]

# Added to a logit, it leaves nothing of the label's probability.
_EXCLUDED = -1e9


class _Lstm:
    """Keras's LSTM, but with the limits that the converted network has (`kws.quantize.float_reference`).

    Attributes:
        units: width.
        weights: kernel [inputs, 4 units], recurrent kernel [units, 4 units], bias [4 units];
            gates in the order input, forget, cell, output.
    """

    def __init__(self, inputs: int, units: int, seed: int, index: int) -> None:
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


class Layers:
    """The network's layers.

    Attributes:
        lstms: in order.
        dense: the last layer, logits.
        variables: all weights, in a fixed order.
        head: those of the dense layer.
    """

    def __init__(self, bands: int, units: Sequence[int], labels: int, seed: int) -> None:
        """Make the layers with initial weights drawn from ``seed``."""
        _, keras = import_tensorflow()
        init = keras.initializers
        widths = (bands, *units)
        self.lstms = [_Lstm(*pair, seed, index) for index, pair in enumerate(pairwise(widths))]
        self.dense = keras.layers.Dense(
            labels, kernel_initializer=init.GlorotUniform(seed=initial_seed(seed, len(units), 0)), name="dense"
        )
        self.dense.build((None, widths[-1]))
        self.head = list(self.dense.trainable_variables)
        self.variables = [v for lstm in self.lstms for v in lstm.weights] + self.head

    def initial_state(self, n: int) -> State:
        """Zero h and c of every LSTM, float32 [n, units]."""
        tf, _ = import_tensorflow()
        return [(tf.zeros((n, m.units)), tf.zeros((n, m.units))) for m in self.lstms]

    def logits(self, features: Any, state: State, dropout: float = 0.0, seed: Any = None) -> tuple[Any, State]:
        """Logits after every frame, float32 [n, frames, labels], and the state left behind.

        Args:
            features: int8 tensor [n, frames, bands].
            state: h and c of every LSTM.
            dropout: dropout rate after each LSTM.
            seed: int32 [2] of the dropout's draws; needed when ``dropout`` is not 0.
        """
        tf, _ = import_tensorflow()
        x = tf.cast(features, tf.float32) * FEATURE_SCALE
        left = []
        for index, lstm in enumerate(self.lstms):
            x, h, c = lstm(x, *state[index])
            left.append((h, c))
            if dropout > 0:
                # Stateless, so that a resumed run draws what an uninterrupted one would have.
                x = tf.nn.experimental.stateless_dropout(x, dropout, seed + tf.constant([0, index]))
        return self.dense(x), left

    def get(self) -> FloatNetwork:
        """The weights."""
        lstms = tuple(FloatLstm(*(v.numpy() for v in lstm.weights)) for lstm in self.lstms)
        return FloatNetwork(lstms, *self.dense.get_weights())

    def set(self, network: FloatNetwork) -> None:
        """Take over weights of the same shapes."""
        for layer, source in zip(self.lstms, network.lstms, strict=True):
            for variable, value in zip(layer.weights, (source.kernel, source.recurrent, source.bias), strict=True):
                variable.assign(value)
        self.dense.set_weights([network.kernel, network.bias])


class LstmLearner:
    """The network in training: weights, their running average, the optimizer, carried states."""

    def __init__(
        self,
        bands: int,
        labels: int,
        network: NetworkConfig,
        training: TrainingConfig,
        batch: int,
        steps_per_epoch: int,
        excess: Floats,
    ) -> None:
        """Build the network.

        Args:
            bands: inputs.
            labels: outputs.
            network: widths, dropout.
            training: seed, rates.
            batch: streams in step.
            steps_per_epoch: gradient steps an epoch.
            excess: how much more likely a label is in training than it should be expected to be,
                as a natural logarithm, float32 [labels]. It is added to the logits in training
                only (logit adjustment: Menon 2020, arXiv:2007.07314).

        Raises:
            KwsError: TensorFlow is not installed.
        """
        self._tf, _ = import_tensorflow()
        self._excess = self._tf.constant(excess)
        self._training, self._dropout, self._batch = training, network.dropout, batch
        self._current = Layers(bands, network.lstm_units, labels, training.seed)
        self._average = Layers(bands, network.lstm_units, labels, training.seed)
        variables = self._current.variables
        trainable = self._current.head if training.trainable == HEAD else variables
        self.descent = Descent(variables, trainable, self._average.variables, training, steps_per_epoch)
        self._step = self._tf.function(self._train_step)
        self._infer = self._tf.function(self._posteriors, reduce_retracing=True)
        self.reset_carried()

    def reset_carried(self) -> None:
        """Forget the LSTM state that the last batch left behind."""
        self._carried = self._current.initial_state(self._batch)

    def _train_step(self, stretch: Sequence[Any], carried: State, starts: Any) -> tuple[Any, State]:
        tf = self._tf
        features, targets, weights, allowed, saying = stretch
        state = [(h * starts, c * starts) for h, c in carried]
        step = tf.cast(self.descent.iterations, tf.int32)
        seed = tf.stack([tf.constant(self._training.seed % 2**31), step * 64])
        with tf.GradientTape() as tape:
            logits, left = self._current.logits(features, state, self._dropout, seed)
            logits += self._excess
            named = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            others = (1 - allowed[:, None]) * _EXCLUDED
            among = tf.reduce_logsumexp(logits, axis=2) - tf.reduce_logsumexp(logits + others, axis=2)
            loss = tf.reduce_sum(named * weights + among * saying) / tf.reduce_sum(weights + saying)
        self.descent.step(tape, loss)
        right = tf.cast(tf.argmax(logits, 2) == tf.argmax(targets, 2), tf.float32)
        return tf.stack([loss, tf.reduce_sum(right * weights) / tf.reduce_sum(weights)]), left

    def train(self, stretch: Stretch, carry: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """Take one gradient step.

        Args:
            stretch: what to learn.
            carry: bool [batch]: which streams start from the state that the last batch left in
                the same place; the others start from zero.

        Returns:
            Loss and share of frames named right, in training (with dropout).
        """
        constant = self._tf.constant
        tensors = [constant(getattr(stretch, f.name)) for f in fields(stretch)]
        result, self._carried = self._step(tensors, self._carried, constant(carry.astype(np.float32)[:, None]))
        loss, right = result.numpy()
        return float(loss), float(right)

    def _posteriors(self, features: Any, state: State) -> tuple[Any, State]:
        logits, left = self._average.logits(features, state)
        return self._tf.nn.softmax(logits[:, -1]), left

    def evaluate(self, features: Int8, streams: int, pauses: Int8) -> tuple[Floats, Floats]:
        """Posteriors of clips by the averaged weights, once from reset and once in the middle of a stream.

        For the second the clips are dealt to ``streams`` streams; each clip but a stream's first
        starts from the state that the one before it left behind.

        Args:
            features: int8 [n, frames, bands], in random order.
            streams: clips evaluated in step.
            pauses: noise before each clip of a stream, int8 [streams, frames, bands].

        Returns:
            After each clip's last frame, float32 [n, labels]: from reset, in streams.
        """
        n = len(features)
        # Whole batches only: another shape would be traced anew.
        places = np.arange(math.ceil(n / streams) * streams) % n
        carried = self._average.initial_state(streams)
        reset, stream = [], []
        for start in range(0, len(places), streams):
            clips = features[places[start : start + streams]]
            posteriors, _ = self._infer(self._tf.constant(clips), self._average.initial_state(streams))
            reset.append(posteriors.numpy())
            spaced = self._tf.constant(np.concatenate([pauses, clips], axis=1))
            posteriors, carried = self._infer(spaced, carried)
            stream.append(posteriors.numpy())
        return np.concatenate(reset)[:n], np.concatenate(stream)[:n]

    def take(self, network: FloatNetwork) -> None:
        """Start from the weights of another network of the same shape.

        Raises:
            ValueError: it has another shape.
        """
        self._current.set(network)
        self._average.set(network)

    def save(self, path: Path) -> None:
        """Write the averaged weights.

        Raises:
            KwsError: the file cannot be written.
        """
        self._average.get().save(path)
