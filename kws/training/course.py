"""What one epoch does with the clips, for an LSTM that listens to streams and for a teacher of whole clips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, UNKNOWN, DataConfig, Experiment
from kws.datasets import spec_augment
from kws.quantize.float_reference import FloatNetwork
from kws.training.descent import Descent
from kws.training.network import LstmLearner
from kws.training.streams import Streams
from kws.training.teacher import TeacherLearner

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

# Streams that validation clips are dealt to; also the number of clips evaluated in step.
_VALIDATION_STREAMS = 128
# Noise between them, as in `kws.evaluation.clip.conditions.pause`.
_PAUSE_FRAMES = 25
_SMALLEST = 1e-7


@dataclass(frozen=True)
class Lessons:
    """The training clips.

    Attributes:
        features: int8 [clips, variants, frames, bands].
        ends: int16 [clips, variants], frames that are complete where the word ends.
        labels: int32 [clips].
        taught: a teacher's posteriors, float32 [clips, variants, labels], or None.
    """

    features: Int8
    ends: npt.NDArray[np.int16]
    labels: Int32
    taught: Floats | None


@dataclass(frozen=True)
class Batch:
    """Some variants of some clips, with SpecAugment's masks.

    Attributes:
        features: int8 [n, frames, bands].
        targets: what to say of each, as probabilities: float32 [n, labels].
        labels: int32 [n].
        ends: int16 [n].
    """

    features: Int8
    targets: Floats
    labels: Int32
    ends: npt.NDArray[np.int16]


@dataclass(frozen=True)
class Verdict:
    """How validation clips fare: cross-entropy, share named right from a reset and in a stream."""

    loss: float
    from_reset: float
    in_stream: float


class Course(ABC):
    """A network and its clips."""

    descent: Descent

    def __init__(self, experiment: Experiment, lessons: Lessons) -> None:
        self._experiment, self._lessons = experiment, lessons
        self.batch = min(experiment.training.batch_size, len(lessons.labels))
        self.steps = len(lessons.labels) // self.batch

    def epoch(self, number: int, progress: Callable[[int, int], None]) -> tuple[float, float]:
        """Learn from every clip once; returns the mean loss and share right."""
        # Its own generator for each epoch: a resumed run draws what an uninterrupted one does.
        rng = np.random.default_rng([self._experiment.training.seed, number])
        self._begin()
        results = []
        for step, batch in enumerate(self._batches(rng)):
            results.append(self._learn(batch, step, rng))
            progress(step + 1, self.steps)
        loss, right = np.mean(results, axis=0)
        return float(loss), float(right)

    def _batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        data, config = self._lessons, self._experiment.training
        count = len(self._experiment.data.labels)
        order = rng.permutation(len(data.labels))
        variants = rng.integers(data.features.shape[1], size=len(order))
        for step in range(self.steps):
            places = order[step * self.batch : (step + 1) * self.batch]
            which = variants[places]
            x = spec_augment(data.features[places, which], rng, self._experiment.augment)
            smoothing = config.label_smoothing
            targets = np.eye(count, dtype=np.float32)[data.labels[places]] * (1 - smoothing) + smoothing / count
            if data.taught is not None:
                share = config.distillation
                targets = (1 - share) * targets + share * data.taught[places, which]
            yield Batch(x, targets.astype(np.float32), data.labels[places], data.ends[places, which])

    def _begin(self) -> None:  # noqa: B027 - a teacher has nothing to prepare
        """Prepare for an epoch."""

    @abstractmethod
    def _learn(self, batch: Batch, step: int, rng: np.random.Generator) -> tuple[float, float]: ...

    @abstractmethod
    def judge(self, features: Int8, labels: Int32) -> Verdict:
        """Judge the averaged weights on int8 [n, frames, bands] in random order and int32 [n]."""


class StreamCourse(Course):
    """An LSTM on endless streams (`kws.training.streams`)."""

    def __init__(self, experiment: Experiment, lessons: Lessons, initial: FloatNetwork | None = None) -> None:
        super().__init__(experiment, lessons)
        labels = experiment.data.labels
        self.learner = LstmLearner(
            experiment.frontend.bands,
            len(labels),
            experiment.network,
            experiment.training,
            batch=self.batch,
            steps_per_epoch=self.steps,
            excess=_excess(experiment.data, lessons.labels),
        )
        if initial is not None:
            self.learner.take(initial)
        self.descent = self.learner.descent
        silence, unknown = labels.index(SILENCE), labels.index(UNKNOWN)
        quiet = lessons.features[lessons.labels == silence]
        self._noise = quiet.reshape(-1, *lessons.features.shape[2:])
        self._streams = Streams(self.batch, experiment.training.gap_frames, self._noise, len(labels), silence, unknown)

    def _begin(self) -> None:
        self._streams.reset()
        self.learner.reset_carried()

    def _learn(self, batch: Batch, step: int, rng: np.random.Generator) -> tuple[float, float]:
        carry = np.less(rng.random(self.batch), self._experiment.training.carry_state) & (step > 0)
        stretch = self._streams.join(batch.features, batch.targets, batch.labels, batch.ends, carry, rng)
        return self.learner.train(stretch, carry)

    def judge(self, features: Int8, labels: Int32) -> Verdict:
        """Judge the averaged weights."""
        streams = min(_VALIDATION_STREAMS, max(1, len(labels) // 2))
        frames = min(_PAUSE_FRAMES, self._noise.shape[1]) if len(self._noise) else 0
        pauses = np.resize(self._noise[:, :frames], (streams, frames, features.shape[2]))
        reset, stream = self.learner.evaluate(features, streams, pauses)
        in_stream = stream[streams:].argmax(axis=1) == labels[streams:]
        return Verdict(_cross_entropy(reset, labels), _right(reset, labels), float(np.mean(in_stream)))


class TeacherCourse(Course):
    """A teacher on single clips."""

    def __init__(self, experiment: Experiment, lessons: Lessons) -> None:
        super().__init__(experiment, lessons)
        _, _, frames, bands = lessons.features.shape
        self.learner = TeacherLearner(
            frames,
            bands,
            len(experiment.data.labels),
            experiment.network.channels,
            experiment.training,
            steps_per_epoch=self.steps,
        )
        self.descent = self.learner.descent

    def _learn(self, batch: Batch, step: int, rng: np.random.Generator) -> tuple[float, float]:
        return self.learner.train(batch.features, batch.targets)

    def judge(self, features: Int8, labels: Int32) -> Verdict:
        """Judge the averaged weights; a teacher hears no streams."""
        posteriors = self.learner.evaluate(features)
        right = _right(posteriors, labels)
        return Verdict(_cross_entropy(posteriors, labels), right, right)


def _excess(data: DataConfig, labels: Int32) -> Floats:
    """How much likelier "unknown" is in training than in validation, as a natural logarithm [labels].

    All the other words that there are teach more than the few that are judged, but should not make
    the network say "unknown" more readily.
    """
    excess = np.zeros(len(data.labels), np.float32)
    counts = np.bincount(labels, minlength=len(data.labels))
    unknown = data.labels.index(UNKNOWN)
    words = counts.sum() - counts[unknown] - counts[data.labels.index(SILENCE)]
    expected = data.unknown_percent / 100 * words
    if counts[unknown] and expected:
        excess[unknown] = np.log(counts[unknown] / expected)
    return excess


def _cross_entropy(posteriors: Floats, labels: Int32) -> float:
    named = posteriors[np.arange(len(labels)), labels]
    return float(-np.mean(np.log(np.maximum(named, _SMALLEST))))


def _right(posteriors: Floats, labels: Int32) -> float:
    return float(np.mean(posteriors.argmax(axis=1) == labels))
