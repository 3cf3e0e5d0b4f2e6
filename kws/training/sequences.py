"""Clips joined to endless streams, a sequence of frames at a time.

A device is never reset: words come at random distances, noise and other words lie between
them, and the state goes on through all of it. So each row of a batch is a sequence: some frames of
noise, a clip, some more frames of noise; the row in the same place of the next batch may go on
where this one ends. Rows of negatives stand between them: what a stream heard before a word may be a
sentence or music, and after it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import Experiment
from kws.training.cuts import NOISE, SPEECH, Negatives
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
        negatives: of the training, for other speech and noise around clips.
    """

    def __init__(self, gap: int, noise: Int8, negatives: Negatives | None = None) -> None:
        self._negatives = negatives
        self._gap = min(gap, noise.shape[1]) if len(noise) else 0
        self._noise = noise

    def make(self, clips: Int8, rng: np.random.Generator, at_once: npt.NDArray[np.bool_] | None = None) -> Sequences:
        """A sequence of each clip.

        Args:
            clips: int8 [streams, frames, bands].
            rng: source of the draws.
            at_once: which clips begin with the sequence, bool [streams]; by default as it is drawn.
        """
        n, frames, _ = clips.shape
        starts = np.asarray(rng.integers(0, self._gap + 1, size=n))
        if at_once is not None:
            starts[at_once] = 0
        features = self._background(n, frames + self._gap, rng)
        around, speech = self._drawn(SPEECH, n, frames + self._gap, rng)
        noisy, noise = self._drawn(NOISE, n, frames + self._gap, rng)
        settings = None if self._negatives is None else self._negatives.experiment
        if settings is None or not settings.negatives.around_db:
            features[around] = speech
        for row, clip, start in zip(features, clips, starts, strict=True):
            row[start : start + frames] = clip
        if settings is not None:
            config = settings.negatives
            mixed = ((around, speech, config.around_db, False), (noisy, noise, config.noise_around_db, True))
            for rows, sounds, levels, louder in mixed:
                if levels and rows.any():
                    under = _at_levels(sounds, clips[rows], settings, levels, rng, louder=louder)
                    features[rows] = np.maximum(features[rows], under)
        return Sequences(features, starts, np.zeros(n, np.bool_), around)

    def _drawn(self, kind: str, n: int, frames: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], Int8]:
        """Which of ``n`` rows have sounds of a kind around the clip, and these."""
        if self._negatives is not None and kind in self._negatives.sources:
            config = self._negatives.experiment.negatives
            share = config.around if kind == SPEECH else config.noise_around
            if share > 0:
                chosen = np.less(rng.random(n), share)
                return chosen, self._negatives.sources[kind].cut(rng, int(chosen.sum()), frames)
        return np.zeros(n, np.bool_), np.empty((0, frames, self._noise.shape[2]), np.int8)

    def _background(self, n: int, total: int, rng: np.random.Generator) -> Int8:
        if not self._gap:
            return np.empty((n, total, self._noise.shape[2]), np.int8)
        # Two cuts, joined somewhere under the clip: the noise before it need not be that after it.
        first, second = (self._noise[rng.integers(len(self._noise), size=n)] for _ in range(2))
        out = np.empty((n, total, self._noise.shape[2]), np.int8)
        out[:, : self._gap], out[:, -self._gap :] = first[:, : self._gap], second[:, -self._gap :]
        return out


def _at_levels(
    sounds: Int8,
    clips: Int8,
    experiment: Experiment,
    levels: Sequence[float],
    rng: np.random.Generator,
    *,
    louder: bool,
) -> Int8:
    """Sounds at levels below those of clips, to be mixed with them by taking the greater of each value.

    The logarithm of a sum is about the greater of the logarithms (Nadas 1989, "Speech recognition using
    noise-adaptive prototypes").

    Args:
        sounds: int8 [n, frames, bands].
        clips: int8 [n, clip frames, bands].
        experiment: the settings; its features are decibels.
        levels: lowest and highest level of a clip above its sound, in dB.
        rng: source of the draws.
        louder: whether a sound may become louder than it was recorded.

    Returns:
        int8 [n, frames, bands].
    """
    step = experiment.frontend.decibels
    assert step is not None, "the settings were checked"
    drop = _loudness(sounds) - _loudness(clips) + rng.uniform(levels[0], levels[-1], size=len(clips)) / step
    moved = np.round(sounds - (drop if louder else np.maximum(drop, 0))[:, None, None])
    limits = np.iinfo(np.int8)
    out: Int8 = np.clip(moved, limits.min, limits.max).astype(np.int8)
    return out


def _loudness(features: Int8) -> Floats:
    """What the strongest band exceeds in a tenth of the frames, float [n]."""
    loud: Floats = np.percentile(features.max(axis=2), 90, axis=1)
    return loud
