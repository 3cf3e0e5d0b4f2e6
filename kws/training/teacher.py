"""A teacher: a residual convolutional network that hears whole clips, too large for a device.

Small networks learn better from a larger one's posteriors than from the labels alone
(distillation: Hinton 2015, arXiv:1503.02531), all the more where some labels are wrong. The shape
is a narrow ResNet (He 2015, arXiv:1512.03385) over the log-mel picture of a clip; it sees the
future, which no network on a device can.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import runs
from kws.config import TEACHER, UNKNOWN, Experiment, TrainingConfig
from kws.errors import KwsError
from kws.files import replacing
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.training.descent import Descent, initial_seed
from kws.training.tensorflow import import_tensorflow

Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

_BATCH = 256
# Batch normalisation's own averages, over about 50 steps.
_MOMENTUM = 0.98
_DROPOUT = 0.2


def build(frames: int, bands: int, labels: int, channels: Sequence[int], seed: int) -> Any:
    """The network as a Keras model: int8 [n, frames, bands] to logits, float32 [n, labels].

    Args:
        frames: frames a clip.
        bands: mel bands a frame.
        labels: number of labels.
        channels: of the first convolution, then of each residual block; every block halves the
            picture, the first and third in time too.
        seed: of the initial weights.
    """
    tf, keras = import_tensorflow()
    layers, count = keras.layers, iter(range(1000))

    def convolution(x: Any, filters: int, size: int, strides: tuple[int, int], activate: bool = True) -> Any:
        initial = keras.initializers.HeNormal(seed=initial_seed(seed, next(count)))
        x = layers.Conv2D(filters, size, strides, "same", use_bias=False, kernel_initializer=initial)(x)
        x = layers.BatchNormalization(momentum=_MOMENTUM)(x)
        return layers.ReLU()(x) if activate else x

    features = keras.Input((frames, bands), dtype=tf.int8)
    x = tf.cast(features, tf.float32)[..., None] * FEATURE_SCALE
    x = convolution(x, channels[0], 5, (1, 2))
    for index, filters in enumerate(channels[1:]):
        strides = (2, 2) if index == 0 else (1, 2) if index % 2 else (2, 1)
        inner = convolution(convolution(x, filters, 3, strides), filters, 3, (1, 1), activate=False)
        x = layers.ReLU()(inner + convolution(x, filters, 1, strides, activate=False))
    x = layers.Dropout(_DROPOUT, seed=initial_seed(seed, next(count)))(layers.GlobalAveragePooling2D()(x))
    initial = keras.initializers.GlorotUniform(seed=initial_seed(seed, next(count)))
    return keras.Model(features, layers.Dense(labels, kernel_initializer=initial)(x))


class TeacherLearner:
    """A teacher in training: weights, their running average, the optimizer."""

    def __init__(
        self,
        frames: int,
        bands: int,
        labels: int,
        channels: Sequence[int],
        training: TrainingConfig,
        steps_per_epoch: int,
    ) -> None:
        """Build the network.

        Raises:
            KwsError: TensorFlow is not installed.
        """
        self._tf, _ = import_tensorflow()
        self._current = build(frames, bands, labels, channels, training.seed)
        self._average = build(frames, bands, labels, channels, training.seed)
        self.descent = Descent(
            self._current.weights,
            self._current.trainable_variables,
            self._average.weights,
            training,
            steps_per_epoch,
        )
        self._step = self._tf.function(self._train_step)

    def _train_step(self, features: Any, targets: Any) -> Any:
        tf = self._tf
        with tf.GradientTape() as tape:
            logits = self._current(features, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
        self.descent.step(tape, loss)
        right = tf.reduce_mean(tf.cast(tf.argmax(logits, 1) == tf.argmax(targets, 1), tf.float32))
        return tf.stack([loss, right])

    def train(self, features: Int8, targets: Floats) -> tuple[float, float]:
        """Take one gradient step on int8 [batch, frames, bands] and float32 [batch, labels]: loss, share right."""
        loss, right = self._step(self._tf.constant(features), self._tf.constant(targets)).numpy()
        return float(loss), float(right)

    def evaluate(self, features: Int8) -> Floats:
        """Posteriors of int8 [n, frames, bands] by the averaged weights, float32 [n, labels]."""
        return Teacher(self._average).posteriors(features)

    def save(self, path: Path) -> None:
        """Write the averaged weights.

        Raises:
            KwsError: the file cannot be written.
        """
        named: dict[str, Any] = {f"{i:03}": w for i, w in enumerate(self._average.get_weights())}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)


class Teacher:
    """A trained teacher."""

    def __init__(self, model: Any) -> None:
        self._tf, _ = import_tensorflow()
        self._infer = self._tf.function(lambda x: self._tf.nn.softmax(model(x, training=False)), reduce_retracing=True)

    @classmethod
    def load(cls, run: Path) -> tuple[Teacher, Experiment]:
        """Read a teacher and its settings from its run's folder.

        Raises:
            KwsError: not the run of a teacher, or damaged.
        """
        experiment = runs.load_config(run)
        if experiment.network.kind != TEACHER:
            raise KwsError(f'{run} is not the run of a teacher (network.kind = "teacher"); train one first')
        frames = experiment.frontend.frames(experiment.data.clip_samples)
        network, labels = experiment.network, len(experiment.data.labels)
        model = build(frames, experiment.frontend.bands, labels, network.channels, 0)
        path = run / runs.WEIGHTS
        if not path.exists():
            raise KwsError(f"{path} is missing; train the teacher first")
        try:
            with np.load(path, allow_pickle=False) as file:
                model.set_weights([file[name] for name in sorted(file.files)])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise KwsError(f"{path} does not hold the teacher's weights ({error}); train it again") from error
        return cls(model), experiment

    def posteriors(self, features: Int8, progress: Callable[[int, int], None] | None = None) -> Floats:
        """Posteriors of int8 [n, frames, bands], float32 [n, labels]; ``progress`` gets (done, n)."""
        parts = []
        for start in range(0, len(features), _BATCH):
            parts.append(self._infer(self._tf.constant(features[start : start + _BATCH])).numpy())
            if progress is not None:
                progress(min(start + _BATCH, len(features)), len(features))
        return np.concatenate(parts)


def as_labels(posteriors: Floats, teacher: Experiment, student: Experiment) -> Floats:
    """A teacher's posteriors in a student's labels: words that the student does not spot are unknown.

    Args:
        posteriors: float32 [..., labels of the teacher].
        teacher: the teacher's settings.
        student: the student's settings.

    Raises:
        KwsError: the teacher lacks one of the student's words.
    """
    wanted = student.data.labels
    missing = [word for word in wanted if word not in teacher.data.labels]
    if missing:
        raise KwsError(f"the teacher {teacher.name} does not know {', '.join(missing)}; train one that does")
    out = np.zeros((*posteriors.shape[:-1], len(wanted)), np.float32)
    for index, label in enumerate(teacher.data.labels):
        out[..., wanted.index(label if label in wanted else UNKNOWN)] += posteriors[..., index]
    return out
