"""Training of a network that hears streams: truncated backpropagation through endless sequences of clips."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import HEAD, UNKNOWN, Experiment
from kws.errors import KwsError
from kws.network import FloatNetwork, Frame, StreamNetworkConfig
from kws.network.base import KerasStreamNetwork
from kws.network.tensorflow import import_tensorflow
from kws.training import losses
from kws.training.batches import Batch, TrainingSet, ValidationSet
from kws.training.optimizer import AveragingOptimizer
from kws.training.sequences import SequenceMaker
from kws.training.trainer import Metrics, Trainer, cross_entropy, share_right
from kws.training.word_rows import WordRows
from kws.types import Floats, Int8

# Streams that validation clips are dealt to; also the number of clips evaluated in step.
_VALIDATION_STREAMS = 128
# Noise between them, as in `kws.evaluation.clip.conditions.pause`.
_PAUSE_MS = 500.0
# Seeds of a step: more than a network has layers with dropout.
_DRAWS = 64


class StreamTrainer(Trainer):
    """A network on endless streams (`kws.training.sequences`).

    In every batch some of the streams go on from the state that the batch before left behind (EdgeML's
    rolling idea), the others from a reset.
    """

    current: KerasStreamNetwork
    average: KerasStreamNetwork

    def __init__(self, experiment: Experiment, clips: TrainingSet, initial: FloatNetwork | None = None) -> None:
        """Build the network.

        Args:
            experiment: the settings.
            clips: what to learn from.
            initial: weights to start from, of the same shapes; None draws them.

        Raises:
            KwsError: TensorFlow is not installed; there is no such loss, or it knows no order of words, or a
                batch has fewer clips than a row.
        """
        super().__init__(experiment, clips)
        network, training = experiment.network, experiment.training
        assert isinstance(network, StreamNetworkConfig)
        self._tf, _ = import_tensorflow()
        self.current, self.average = (
            network.build(Frame.of(experiment.frontend), len(experiment.data.symbols), training.seed) for _ in range(2)
        )
        if initial is not None:
            self.current.set(initial)
            self.average.set(initial)
        trainable = self.current.head if training.trainable == HEAD else self.current.trainable
        self.optimizer = AveragingOptimizer(
            self.current.variables, trainable, self.average.variables, training, self.batches.steps
        )
        self._negatives = clips.negatives
        loss = losses.named(training.loss)
        if training.words_a_row > 1 and not loss.orders_words:
            raise KwsError(f"training.words_a_row is for losses that ask for an order of words, not {training.loss}")
        self._noise = clips.noise(experiment)
        self._joined = WordRows(experiment, self._noise) if training.words_a_row > 1 else None
        self._rows = self.batches.size if self._joined is None else self._joined.rows(self.batches.size)
        if not self._rows:
            raise KwsError(f"a batch of {self.batches.size} clips makes no row of training.words_a_row")
        self._sentences = clips.sentences
        self._spelled = self._sentences.rows(self._rows) if self._sentences is not None else 0
        self._rows += self._spelled
        self._streams = self._rows + (clips.negatives.rows(self._rows) if clips.negatives else 0)
        self.loss = loss(experiment, clips.labels, self._streams)
        # What comes before a clip is no part of it.
        self._clip_frames = experiment.frontend.frames(experiment.data.clip_samples)
        gap = experiment.frontend.frames_in(training.gap_ms)
        self._sequences = SequenceMaker(gap, self._noise, clips.negatives)
        self._step = self._tf.function(self._train_step)
        self._infer = self._tf.function(self._posteriors, reduce_retracing=True)
        self._hear = self._tf.function(self._all_posteriors, reduce_retracing=True)
        self.reset()

    def reset(self) -> None:
        """Forget what the streams heard so far."""
        self.loss.reset()
        self._carried = self.current.initial_state(self._streams)

    def learn(self, batch: Batch, step: int, rng: np.random.Generator) -> tuple[float, float]:
        """Take one gradient step on a sequence of each clip; returns loss and share right."""
        carry = np.less(rng.random(self._streams), self.experiment.training.carry_state) & (step > 0)
        if self._joined is not None:
            batch = self._joined.join(batch, rng)
        if self._sentences is not None:
            sentences = self._sentences.draw(rng, self._spelled, batch.features.shape[1])
            batch = batch.with_sentences(*sentences, rng.permutation(self._rows))
        more = self._streams - self._rows if self._negatives is not None else 0
        places = rng.permutation(self._streams) if more else np.arange(self._streams)
        sequences = self._sequences.make(batch.features, rng, self._at_once(carry, places, rng))
        if self._negatives is not None and more:
            cuts, _ = self._negatives.draw(rng, more, sequences.features.shape[1])
            sequences = sequences.with_negatives(cuts, places)
            unknown = self.experiment.data.labels.index(UNKNOWN)
            nothing = np.zeros((more, batch.targets.shape[1]), np.float32)
            batch = batch.with_negatives(cuts[:, : batch.features.shape[1]], nothing, unknown, places)
        return self.train_step(sequences.features, self.loss.targets(sequences, batch, carry), carry)

    def _at_once(
        self, carry: npt.NDArray[np.bool_], places: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> npt.NDArray[np.bool_] | None:
        """Which clips begin with their row, bool [rows]: some of those that a reset precedes; None to draw all."""
        share = self.experiment.training.at_once
        if not share:
            return None
        chosen: npt.NDArray[np.bool_] = ~carry[np.argsort(places)][: self._rows]
        return chosen & np.less(rng.random(self._rows), share)

    def train_step(
        self, features: Int8, targets: Sequence[npt.NDArray[Any]], carry: npt.NDArray[np.bool_]
    ) -> tuple[float, float]:
        """Take one gradient step.

        Args:
            features: int8 [streams, frames, bands].
            targets: what to say of them, as the loss has it.
            carry: bool [streams]: which streams start from the state that the last batch left in
                the same place; the others start from a reset.

        Returns:
            Loss and share right, in training (with dropout).
        """
        constant = self._tf.constant
        result, self._carried = self._step(
            constant(features), [constant(t) for t in targets], self._carried, constant(carry.astype(np.float32))
        )
        loss, right = result.numpy()
        return float(loss), float(right)

    def _train_step(self, features: Any, targets: Sequence[Any], carried: Any, carry: Any) -> tuple[Any, Any]:
        tf = self._tf
        state = tf.nest.map_structure(lambda v: v * tf.reshape(carry, [-1, *[1] * (len(v.shape) - 1)]), carried)
        with tf.GradientTape() as tape:
            logits, left = self.current.logits(features, state, self.optimizer.seed(_DRAWS))
            loss, right = self.loss(logits, targets)
        self.optimizer.step(tape, loss)
        return tf.stack([loss, right]), left

    def _posteriors(self, features: Any, state: Any) -> tuple[Any, Any]:
        logits, left = self.average.logits(features, state)
        return self.loss.posteriors(logits[:, -self._clip_frames :]), left

    def _all_posteriors(self, features: Any, state: Any) -> tuple[Any, Any]:
        logits, left = self.average.logits(features, state)
        return self._tf.nn.softmax(logits), left

    def hear(self, features: Iterable[Int8]) -> Iterator[Floats]:
        """Posteriors of streams by the averaged weights after every frame.

        Args:
            features: successive pieces of the same streams, int8 [streams, frames, bands], all of the same shape.

        Yields:
            float32 [streams, frames, labels] of each piece.
        """
        state = None
        for piece in features:
            state = self.average.initial_state(len(piece)) if state is None else state
            posteriors, state = self._hear(self._tf.constant(piece), state)
            yield posteriors.numpy()

    def predict(self, features: Int8, streams: int, pauses: Int8) -> tuple[Floats, Floats]:
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
        carried = self.average.initial_state(streams)
        reset, stream = [], []
        for start in range(0, len(places), streams):
            clips = features[places[start : start + streams]]
            posteriors, _ = self._infer(self._tf.constant(clips), self.average.initial_state(streams))
            reset.append(posteriors.numpy())
            spaced = self._tf.constant(np.concatenate([pauses, clips], axis=1))
            posteriors, carried = self._infer(spaced, carried)
            stream.append(posteriors.numpy())
        return np.concatenate(reset)[:n], np.concatenate(stream)[:n]

    def validate(self, clips: ValidationSet) -> Metrics:
        """How the averaged weights do, from a reset and in streams."""
        features, labels = clips.features, clips.labels
        streams = min(_VALIDATION_STREAMS, max(1, len(labels) // 2))
        pause = self.experiment.frontend.frames_in(_PAUSE_MS)
        frames = min(pause, self._noise.shape[1]) if len(self._noise) else 0
        pauses = np.resize(self._noise[:, :frames], (streams, frames, features.shape[2]))
        reset, stream = self.predict(features, streams, pauses)
        from_reset = share_right(reset, labels)
        # A single clip has none before it.
        in_stream = share_right(stream[streams:], labels[streams:]) if len(labels) > streams else from_reset
        listening = clips.listening if self.loss.names_words else None
        missed = None if listening is None else listening.missed(self.hear)
        return Metrics(cross_entropy(reset, labels), from_reset, in_stream, missed)
