"""Network ``teacher``: a residual convolutional network that hears whole clips, too large for a device.

Small networks learn better from a larger one's posteriors than from the labels alone
(distillation: Hinton 2015, arXiv:1503.02531), all the more where some labels are wrong. The shape
is a narrow ResNet (He 2015, arXiv:1512.03385) over the log-mel picture of a clip; it sees the
future, which no network on a device can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kws.fields import number, require, require_ranges
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.network.clip import ClipNetworkConfig, KerasClipNetwork
from kws.network.tensorflow import import_tensorflow, initial_seed

# Batch normalisation's own averages, over about 50 steps.
_MOMENTUM = 0.98
_DROPOUT = 0.2


def _build(frames: int, features: int, labels: int, channels: Sequence[int], seed: int) -> tuple[Any, Any, Any]:
    """The network as a Keras model: int8 [n, frames, features] to logits, float32 [n, labels]; its body and head."""
    tf, keras = import_tensorflow()
    layers, count = keras.layers, iter(range(1000))

    def convolution(x: Any, filters: int, size: int, strides: tuple[int, int], activate: bool = True) -> Any:
        initial = keras.initializers.HeNormal(seed=initial_seed(seed, next(count)))
        x = layers.Conv2D(filters, size, strides, "same", use_bias=False, kernel_initializer=initial)(x)
        x = layers.BatchNormalization(momentum=_MOMENTUM)(x)
        return layers.ReLU()(x) if activate else x

    inputs = keras.Input((frames, features), dtype=tf.int8)
    x = tf.cast(inputs, tf.float32)[..., None] * FEATURE_SCALE
    x = convolution(x, channels[0], 5, (1, 2))
    for index, filters in enumerate(channels[1:]):
        strides = (2, 2) if index == 0 else (1, 2) if index % 2 else (2, 1)
        inner = convolution(convolution(x, filters, 3, strides), filters, 3, (1, 1), activate=False)
        x = layers.ReLU()(inner + convolution(x, filters, 1, strides, activate=False))
    x = layers.GlobalAveragePooling2D()(x)
    # Dropout once took a number here; weights begin as they always did.
    next(count)
    head = layers.Dense(
        labels, kernel_initializer=keras.initializers.GlorotUniform(seed=initial_seed(seed, next(count)))
    )
    return keras.Model(inputs, head(x)), keras.Model(inputs, x), head


class KerasTeacher(KerasClipNetwork):
    """The network in Keras."""

    def __init__(self, frames: int, features: int, labels: int, channels: Sequence[int], seed: int) -> None:
        """Make the layers with initial weights drawn from ``seed``."""
        self._tf, _ = import_tensorflow()
        self._model, self._body, self._head = _build(frames, features, labels, channels, seed)
        self.variables, self.trainable = self._model.weights, self._model.trainable_variables

    def logits(self, features: Any, seed: Any = None) -> Any:
        """Logits of int8 tensor [n, frames, features], float32 [n, labels]; with dropout where there is a seed."""
        if seed is None:
            return self._model(features, training=False)
        # Not Keras's layer: its draws go on from a state that no checkpoint holds.
        x = self._tf.nn.experimental.stateless_dropout(self._body(features, training=True), _DROPOUT, seed)
        return self._head(x)


@dataclass(frozen=True)
class TeacherConfig(ClipNetworkConfig):
    """A large convolutional network that no device runs but that others can learn from (`kws train --teacher`).

    Attributes:
        channels: of the first convolution, then of each residual block. The first block halves the
            picture in time and in frequency, those after it in frequency and in time by turns.
    """

    kind: ClassVar[str] = "teacher"

    channels: tuple[int, ...] = number((24, 48, 72, 96), 1, 1024)

    def __post_init__(self) -> None:
        require_ranges("network", self)
        require(
            2 <= len(self.channels) <= 6,
            f"network.channels must be two to six numbers, not {list(self.channels)}",
        )

    def build(self, frames: int, features: int, labels: int, seed: int) -> KerasTeacher:
        """The network with initial weights drawn from ``seed``."""
        return KerasTeacher(frames, features, labels, self.channels, seed)
