"""Clips joined to endless streams, a sequence of frames at a time.

A device is never reset: words come at random distances, noise and other words lie between
them, and the state goes on through all of it. So each row of a batch is a sequence: some frames of
noise, a clip, some more frames of noise; the row in the same place of the next batch may go on
where this one ends. Rows of negatives stand between them: what a stream heard before a word may be a
sentence or music, and after it too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import Experiment
from kws.training.cuts import Negatives
from kws.types import Floats, Int8


@dataclass(frozen=True)
class Sequences:
    """One sequence of each stream of a batch.

    Attributes:
        features: int8 [streams, frames, bands].
        starts: the frame at which the clip begins, int64 [streams].
        negative: which rows hold no clip but what is no word to spot, bool [streams].
        around: which have other speech around the clip, bool [streams].
    """

    features: Int8
    starts: npt.NDArray[np.int64]
    negative: npt.NDArray[np.bool_]
    around: npt.NDArray[np.bool_]

    def with_negatives(self, cuts: Int8, places: npt.NDArray[np.int64]) -> Sequences:
        """These and some rows of negatives, put into an order.

        Args:
            cuts: int8 [n, frames, bands].
            places: which row stands in each place, the cuts after these: int64 [streams + n].
        """
        none = np.zeros(len(cuts), np.bool_)
        return Sequences(
            np.concatenate([self.features, cuts])[places],
            np.concatenate([self.starts, np.zeros(len(cuts), np.int64)])[places],
            np.concatenate([self.negative, ~none])[places],
            np.concatenate([self.around, none])[places],
        )


class SequenceMaker:
    """Puts clips into noise.

    Args:
        gap: frames of noise around each clip; how many of them come before it is drawn.
        noise: features of clips without speech, int8 [clips, frames, bands]; where there are
            none, clips follow each other at once.
        negatives: of the training, for other speech around clips.
    """

    def __init__(self, gap: int, noise: Int8, negatives: Negatives | None = None) -> None:
        self._negatives = negatives
        self._gap = min(gap, noise.shape[1]) if len(noise) else 0
        self._noise = noise
        # Lowest and highest level of a clip above the speech around it, in steps of a feature.
        self._levels = None if negatives is None else _levels(negatives.experiment)

    def make(self, clips: Int8, rng: np.random.Generator) -> Sequences:
        """A sequence of each clip.

        Args:
            clips: int8 [streams, frames, bands].
            rng: source of the draws.
        """
        n, frames, _ = clips.shape
        starts = np.asarray(rng.integers(0, self._gap + 1, size=n))
        features = self._background(n, frames + self._gap, rng)
        around, speech = self._speech(n, frames + self._gap, rng)
        if self._levels is None:
            features[around] = speech
        for row, clip, start in zip(features, clips, starts, strict=True):
            row[start : start + frames] = clip
        if self._levels is not None:
            # The logarithm of a sum is about the greater of the logarithms (Nadas 1989, "mixture-maximization").
            features[around] = np.maximum(features[around], self._softer(speech, clips[around], rng))
        return Sequences(features, starts, np.zeros(n, np.bool_), around)

    def _speech(self, n: int, frames: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], Int8]:
        """Which of ``n`` rows have other speech around the clip, and that."""
        if self._negatives is not None:
            around = np.less(rng.random(n), self._negatives.experiment.negatives.around)
            cuts = self._negatives.speech(rng, int(around.sum()), frames)
            if cuts is not None:
                return around, cuts
        return np.zeros(n, np.bool_), np.empty((0, frames, self._noise.shape[2]), np.int8)

    def _softer(self, speech: Int8, clips: Int8, rng: np.random.Generator) -> Int8:
        """Speech, as far below the loud parts of each clip as is drawn; never louder than it was."""
        assert self._levels is not None
        drop = _loudness(speech) - _loudness(clips) + rng.uniform(*self._levels, size=len(clips))
        softer = np.round(speech - np.maximum(drop, 0)[:, None, None])
        return np.maximum(softer, np.iinfo(np.int8).min).astype(np.int8)

    def _background(self, n: int, total: int, rng: np.random.Generator) -> Int8:
        if not self._gap:
            return np.empty((n, total, self._noise.shape[2]), np.int8)
        # Two cuts, joined somewhere under the clip: the noise before it need not be that after it.
        first, second = (self._noise[rng.integers(len(self._noise), size=n)] for _ in range(2))
        out = np.empty((n, total, self._noise.shape[2]), np.int8)
        out[:, : self._gap], out[:, -self._gap :] = first[:, : self._gap], second[:, -self._gap :]
        return out


def _levels(experiment: Experiment) -> tuple[float, float] | None:
    limits, step = experiment.negatives.around_db, experiment.frontend.decibels
    return (limits[0] / step, limits[1] / step) if limits and step is not None else None


def _loudness(features: Int8) -> Floats:
    """The mean of all bands that a tenth of the frames exceeds, float [n]."""
    loud: Floats = np.percentile(features.mean(axis=2), 90, axis=1)
    return loud
