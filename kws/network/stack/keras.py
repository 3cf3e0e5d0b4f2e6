"""A stack of layers in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kws.network.base import FloatNetwork, Frame, KerasStreamNetwork
from kws.network.stack.layer import Call, Layer, Weights
from kws.network.stack.layers import Average, Conv, Dense, Depthwise, History, MaxPool, PadBands
from kws.network.stack.network import StackNetwork, calls_of
from kws.network.stack.recurrent import Recurrent
from kws.network.tensorflow import import_tensorflow, initial_seed
from kws.types import Floats

# Of batch normalisation's own averages, over about 20 steps: the weights that are kept are averages again.
_MOMENTUM = 0.95
_EPSILON = 1e-3


class KerasStack(KerasStreamNetwork):
    """The layers with their variables.

    A convolution without bias and a batch normalisation behind it (Ioffe 2015, arXiv:1502.03167) become a
    convolution with a bias where weights are taken out.
    """

    def __init__(
        self,
        kind: type[StackNetwork],
        frame: Frame,
        layers: Sequence[Layer],
        seed: int,
        wake: bool = False,
        dropout: float = 0.0,
        batch_norm: bool = True,
        round_state: bool = False,
    ) -> None:
        """Make the variables with initial values drawn from ``seed``.

        Args:
            kind: what :meth:`get` makes.
            frame: what is read a call.
            layers: in order.
            seed: of the initial weights.
            wake: the last label's posterior is its logistic function.
            dropout: rate before dense layers and between LSTMs, in training.
            batch_norm: whether each convolution has a batch normalisation.
            round_state: whether GRU and RNN have their h in int8's steps, in training.
        """
        self._kind, self._frame, self._layers, self._wake = kind, frame, tuple(layers), wake
        self._dropout = dropout
        self._calls = calls_of(frame, layers)
        self._made: list[Any] = [
            _variables(layer, call, seed, index, batch_norm, round_state)
            for index, (layer, call) in enumerate(zip(layers, self._calls, strict=False))
        ]
        self.variables = [v for made in self._made for v in made.variables]
        self.trainable = [v for made in self._made for v in made.trainable]
        self.head = self._made[-1].trainable

    def initial_state(self, n: int) -> Any:
        """Zeros, as lists of float32 [n, ...]."""
        tf, _ = import_tensorflow()
        return [
            [tf.zeros((n, *shape)) for shape in layer.state_shapes(call)]
            for layer, call in zip(self._layers, self._calls, strict=False)
        ]

    def logits(self, features: Any, state: Any, seed: Any = None) -> tuple[Any, Any]:
        """Logits after every frame, float32 [n, frames, labels], and the state left behind."""
        tf, _ = import_tensorflow()
        frame, training = self._frame, seed is not None
        x = (tf.cast(features, tf.float32) - float(frame.zero_point)) * frame.scale
        x = tf.reshape(x, (tf.shape(x)[0], -1, frame.bands, 1))
        left = []
        before: Layer | None = None
        for index, (layer, call, made) in enumerate(zip(self._layers, self._calls, self._made, strict=False)):
            drops = isinstance(layer, Dense) or (isinstance(layer, Recurrent) and isinstance(before, Recurrent))
            if training and drops and self._dropout > 0:
                # Stateless, so that a resumed run draws what an uninterrupted one would have.
                x = tf.nn.experimental.stateless_dropout(x, self._dropout, seed + tf.constant([0, index]))
            x, states = made(x, state[index], call, training)
            left.append(states)
            before = layer
        return _linked(x[:, :, 0], self._wake), left

    def get(self) -> StackNetwork:
        """The weights, batch normalisation folded into them."""
        weights = tuple(made.get() for made in self._made)
        return self._kind(self._frame, self._layers, weights, self._wake)

    def set(self, network: FloatNetwork) -> None:
        """Take over weights of the same shapes; batch normalisation then stays as it is.

        Raises:
            ValueError: they have other shapes.
        """
        assert isinstance(network, StackNetwork)
        for made, weights in zip(self._made, network.weights, strict=True):
            made.set(weights)


def _linked(logits: Any, wake: bool) -> Any:
    """Logits whose softmax are the posteriors of `kws.network.stack.network.posteriors_of`."""
    if not wake:
        return logits
    tf, _ = import_tensorflow()
    others, word = logits[..., :-1], logits[..., -1:]
    return tf.concat([tf.nn.log_softmax(others) + tf.math.log_sigmoid(-word), tf.math.log_sigmoid(word)], axis=-1)


def _variables(layer: Layer, call: Call, seed: int, index: int, batch_norm: bool, round_state: bool) -> Any:
    if isinstance(layer, Recurrent):
        return _Recurrent(layer, call, seed, index, round_state)
    if not layer.parts:
        return _Moving(layer)
    return _Weighted(layer, call, initial_seed(seed, index), batch_norm and not isinstance(layer, Dense))


class _Moving:
    """A layer without weights."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.variables: list[Any] = []
        self.trainable: list[Any] = []

    def __call__(self, x: Any, states: Any, call: Call, training: bool) -> tuple[Any, list[Any]]:
        tf, _ = import_tensorflow()
        layer = self._layer
        if isinstance(layer, History):
            both = tf.concat([states[0], x], axis=1)
            return both, [both[:, tf.shape(both)[1] - layer.rows :]]
        if isinstance(layer, PadBands):
            return tf.pad(x, ((0, 0), (0, 0), (layer.before, layer.behind), (0, 0))), []
        if isinstance(layer, MaxPool):
            size = (1, layer.bands)
            return tf.nn.max_pool2d(x, size, size, "VALID"), []
        assert isinstance(layer, Average)
        return tf.nn.avg_pool2d(x, (call.rows, call.bands), (call.step, 1), "VALID"), []

    def get(self) -> Weights:
        return {}

    def set(self, weights: Weights) -> None:
        pass


class _Recurrent:
    """A layer with a state."""

    def __init__(self, layer: Recurrent, call: Call, seed: int, index: int, round_state: bool) -> None:
        self._parts = layer.parts
        self._layer = layer.keras(call, seed, index, round_state)
        self.variables = self.trainable = self._layer.weights

    def __call__(self, x: Any, states: Any, call: Call, training: bool) -> tuple[Any, list[Any]]:
        tf, _ = import_tensorflow()
        hidden, states = self._layer(tf.reshape(x, (tf.shape(x)[0], -1, call.size)), states, training)
        return hidden[:, :, None], states

    def get(self) -> Weights:
        return {part: v.numpy() for part, v in zip(self._parts, self._layer.weights, strict=True)}

    def set(self, weights: Weights) -> None:
        for part, variable in zip(self._parts, self._layer.weights, strict=True):
            variable.assign(weights[part])


class _Weighted:
    """A convolution, with or without batch normalisation, or a dense layer."""

    def __init__(self, layer: Layer, call: Call, seed: int, normalised: bool) -> None:
        tf, keras = import_tensorflow()
        self._layer = layer
        shape = layer.shapes(call)["kernel"]
        initial = keras.initializers.GlorotUniform(seed) if isinstance(layer, Dense) else _he(shape, seed)
        self._kernel = tf.Variable(initial(shape), dtype=tf.float32)
        width = layer.shapes(call)["bias"][0]
        self._bias = tf.Variable(tf.zeros(width))
        self.trainable = [self._kernel, self._bias]
        self._moving: list[Any] = []
        self._frozen = False
        if normalised:
            self._scale = tf.Variable(tf.ones(width))
            self._moving = [tf.Variable(tf.zeros(width)), tf.Variable(tf.ones(width))]
            self.trainable.append(self._scale)
        self.variables = [*self.trainable, *self._moving]

    def __call__(self, x: Any, states: Any, call: Call, training: bool) -> tuple[Any, list[Any]]:
        tf, _ = import_tensorflow()
        layer = self._layer
        if isinstance(layer, Dense):
            window = tf.reshape(self._kernel, (call.rows, call.bands, call.channels, layer.units))
            y = tf.nn.conv2d(x, window, (call.step, 1), "VALID")
        elif isinstance(layer, Depthwise):
            y = tf.nn.depthwise_conv2d(x, self._kernel[..., None], (1, 1, 1, 1), "VALID")
        else:
            assert isinstance(layer, Conv)
            y = tf.nn.conv2d(x, self._kernel, (call.step, layer.band_stride), "VALID")
        y = self._normalised(y, training) + self._bias
        return (tf.nn.relu(y) if layer.relu else y), []

    def _normalised(self, y: Any, training: bool) -> Any:
        if not self._moving:
            return y
        tf, _ = import_tensorflow()
        mean, variance = self._moving
        if training and not self._frozen:
            now, spread = tf.nn.moments(y, axes=(0, 1, 2))
            for moving, value in ((mean, now), (variance, spread)):
                moving.assign_add((1 - _MOMENTUM) * (value - moving))
            mean, variance = now, spread
        return (y - mean) * (self._scale * tf.math.rsqrt(variance + _EPSILON))

    def get(self) -> Weights:
        kernel, bias = self._kernel.numpy(), self._bias.numpy()
        if not self._moving:
            return {"kernel": kernel, "bias": bias}
        mean, variance = (v.numpy() for v in self._moving)
        factor = self._scale.numpy() / np.sqrt(variance + np.float32(_EPSILON))
        return {"kernel": _f32(kernel * factor), "bias": _f32(bias - mean * factor)}

    def set(self, weights: Weights) -> None:
        self._kernel.assign(weights["kernel"])
        self._bias.assign(weights["bias"])
        if self._moving:
            # What was folded in would be normalised away once more.
            self._frozen = True
            self._scale.assign(np.ones(tuple(self._scale.shape)))
            self._moving[0].assign(np.zeros(tuple(self._scale.shape)))
            self._moving[1].assign(np.full(tuple(self._scale.shape), 1 - _EPSILON))


def _f32(x: Any) -> Floats:
    return np.asarray(x, np.float32)


def _he(shape: tuple[int, ...], seed: int) -> Any:
    """Initial weights whose outputs are as large as their inputs, behind ReLU (He 2015, arXiv:1502.01852)."""
    _, keras = import_tensorflow()
    inputs = int(np.prod(shape[:-1]))
    return keras.initializers.TruncatedNormal(stddev=(2.0 / inputs) ** 0.5, seed=seed)
