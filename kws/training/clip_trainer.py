"""Training of a network that hears whole clips, by the cross-entropy of each clip."""

from __future__ import annotations

from typing import Any

import numpy as np

from kws.config import SILENCE, UNKNOWN, Experiment
from kws.network import ClipNetworkConfig, ClipWeights
from kws.network.clip import KerasClipNetwork
from kws.network.tensorflow import import_tensorflow
from kws.training.batches import Batch, TrainingSet, ValidationSet
from kws.training.distillation import Teacher
from kws.training.optimizer import AveragingOptimizer
from kws.training.trainer import Metrics, Trainer, cross_entropy, share_right


class ClipTrainer(Trainer):
    """A network on single clips; negatives are cut as long as a clip, and are unknown, or silence if nobody speaks."""

    current: KerasClipNetwork
    average: KerasClipNetwork

    def __init__(self, experiment: Experiment, clips: TrainingSet, initial: ClipWeights | None = None) -> None:
        """Build the network.

        Args:
            experiment: the settings.
            clips: to learn from.
            initial: weights to start from, of the same shapes; None draws them.

        Raises:
            KwsError: TensorFlow is not installed.
        """
        super().__init__(experiment, clips)
        network, training = experiment.network, experiment.training
        assert isinstance(network, ClipNetworkConfig)
        self._tf, _ = import_tensorflow()
        _, _, frames, bands = clips.features.shape
        self.current, self.average = (
            network.build(frames, bands, len(experiment.data.labels), training.seed) for _ in range(2)
        )
        if initial is not None:
            self.current.set(initial)
            self.average.set(initial)
        self.optimizer = AveragingOptimizer(
            self.current.variables, self.current.trainable, self.average.variables, training, self.batches.steps
        )
        self._negatives = clips.negatives
        labels = experiment.data.labels
        smoothing = training.label_smoothing
        each = np.eye(len(labels), dtype=np.float32) * (1 - smoothing) + np.float32(smoothing / len(labels))
        self._unknown = labels.index(UNKNOWN)
        self._targets = each[self._unknown], each[labels.index(SILENCE)]
        self._step = self._tf.function(self._train_step)

    def learn(self, batch: Batch, step: int, rng: np.random.Generator) -> tuple[float, float]:
        """Take one gradient step; returns loss and share right."""
        negatives = self._negatives
        if negatives is not None and (more := negatives.rows(self.batches.size)):
            cuts, saying = negatives.draw(rng, more, batch.features.shape[1])
            batch = batch.with_negatives(
                cuts, np.where(saying[:, None], *self._targets), self._unknown, np.arange(len(batch.labels) + more)
            )
        loss, right = self._step(self._tf.constant(batch.features), self._tf.constant(batch.targets)).numpy()
        return float(loss), float(right)

    def _train_step(self, features: Any, targets: Any) -> Any:
        tf = self._tf
        with tf.GradientTape() as tape:
            logits = self.current.logits(features, self.optimizer.seed(draws=1))
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
        self.optimizer.step(tape, loss)
        right = tf.reduce_mean(tf.cast(tf.argmax(logits, 1) == tf.argmax(targets, 1), tf.float32))
        return tf.stack([loss, right])

    def validate(self, clips: ValidationSet) -> Metrics:
        """How the averaged weights do; the network hears no streams."""
        posteriors = Teacher(self.average).posteriors(clips.features)
        right = share_right(posteriors, clips.labels)
        return Metrics(cross_entropy(posteriors, clips.labels), right, right)
