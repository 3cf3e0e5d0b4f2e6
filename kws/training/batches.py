"""The training clips, in batches: drawn anew in every epoch, with SpecAugment's masks and the targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, Experiment
from kws.datasets import spec_augment
from kws.training.cuts import Negatives
from kws.training.listening import Listening
from kws.training.sentence_rows import SentenceRows
from kws.types import Floats, Int8, Int32


@dataclass(frozen=True)
class TrainingSet:
    """The training clips.

    Attributes:
        features: int8 [clips, variants, frames, bands].
        ends: int16 [clips, variants], frames that are complete where the word ends.
        labels: int32 [clips].
        distilled: the teachers' posteriors, float32 [clips, variants, labels], or None.
        negatives: what else is heard that is no word to spot, or None.
        sentences: what else is heard that is to be spelled, or None.
    """

    features: Int8
    ends: npt.NDArray[np.int16]
    labels: Int32
    distilled: Floats | None = None
    negatives: Negatives | None = None
    sentences: SentenceRows | None = None

    def noise(self, experiment: Experiment) -> Int8:
        """All variants of the clips without speech, int8 [clips, frames, bands]."""
        quiet: Int8 = self.features[self.labels == experiment.data.labels.index(SILENCE)]
        return quiet.reshape(-1, *self.features.shape[2:])


@dataclass(frozen=True)
class ValidationSet:
    """The validation clips, in random order.

    Attributes:
        features: int8 [clips, frames, bands].
        labels: int32 [clips].
        listening: what the epoch is chosen by; None where it is accuracy.
    """

    features: Int8
    labels: Int32
    listening: Listening | None = None


@dataclass(frozen=True)
class Batch:
    """Some variants of some clips, with SpecAugment's masks.

    Attributes:
        features: int8 [n, frames, bands].
        targets: what to say of each, as probabilities: float32 [n, labels].
        labels: int32 [n], or [n, words] of several words in a row.
        ends: int16 [n].
        tokens: of rows that are sentences what spells them, blanks (0) behind it, and blanks alone of others: int32
            [n, tokens]; None where there are no sentences.
    """

    features: Int8
    targets: Floats
    labels: Int32
    ends: npt.NDArray[np.int16]
    tokens: Int32 | None = None

    def with_sentences(self, features: Int8, tokens: Int32, places: npt.NDArray[np.int64]) -> Batch:
        """These and some sentences, put into an order.

        Args:
            features: int8 [n, frames, bands].
            tokens: what spells them, blanks behind it, int32 [n, tokens].
            places: which stands in each place, the sentences after these: int64 [this + n].
        """
        n, frames, _ = features.shape
        none = np.zeros((len(self.features), tokens.shape[1]), np.int32)
        return Batch(
            np.concatenate([self.features, features])[places],
            np.concatenate([self.targets, np.zeros((n, self.targets.shape[1]), np.float32)])[places],
            np.concatenate([self.labels, np.zeros((n, *self.labels.shape[1:]), np.int32)])[places],
            np.concatenate([self.ends, np.full(n, frames, np.int16)])[places],
            np.concatenate([none, tokens])[places],
        )

    def with_negatives(self, cuts: Int8, targets: Floats, unknown: int, places: npt.NDArray[np.int64]) -> Batch:
        """These and some negatives, put into an order.

        Args:
            cuts: int8 [n, frames, bands].
            targets: what to say of each, float32 [n, labels].
            unknown: index of that label.
            places: which stands in each place, the cuts after these: int64 [this + n].
        """
        return Batch(
            np.concatenate([self.features, cuts])[places],
            np.concatenate([self.targets, targets])[places],
            np.concatenate([self.labels, np.full((len(cuts), *self.labels.shape[1:]), unknown, np.int32)])[places],
            np.concatenate([self.ends, np.zeros(len(cuts), np.int16)])[places],
            None if self.tokens is None else np.pad(self.tokens, ((0, len(cuts)), (0, 0)))[places],
        )


class Batches:
    """The batches of a training.

    Attributes:
        size: clips of a batch.
        steps: batches of an epoch.
    """

    def __init__(self, experiment: Experiment, clips: TrainingSet) -> None:
        self._experiment, self._clips = experiment, clips
        self.size = min(experiment.training.batch_size, len(clips.labels))
        self.steps = len(clips.labels) // self.size

    def draw(self, rng: np.random.Generator) -> Iterator[Batch]:
        """An epoch's batches: one variant of every clip, but for a last batch that would be smaller."""
        clips, config = self._clips, self._experiment.training
        count = len(self._experiment.data.labels)
        order = rng.permutation(len(clips.labels))
        variants = rng.integers(clips.features.shape[1], size=len(order))
        if (recorded := self._experiment.augment.recorded) > 0:
            variants[rng.random(len(order)) < recorded] = 0
        for step in range(self.steps):
            places = order[step * self.size : (step + 1) * self.size]
            which = variants[places]
            x = spec_augment(clips.features[places, which], rng, self._experiment.augment, self._experiment.frontend)
            smoothing = config.label_smoothing
            targets = np.eye(count, dtype=np.float32)[clips.labels[places]] * (1 - smoothing) + smoothing / count
            if clips.distilled is not None:
                share = config.distillation
                targets = (1 - share) * targets + share * clips.distilled[places, which]
            yield Batch(x, targets.astype(np.float32), clips.labels[places], clips.ends[places, which])
