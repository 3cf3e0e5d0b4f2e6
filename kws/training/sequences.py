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

from kws.training.cuts import Negatives
from kws.types import Int8


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

    def make(self, clips: Int8, rng: np.random.Generator) -> Sequences:
        """A sequence of each clip.

        Args:
            clips: int8 [streams, frames, bands].
            rng: source of the draws.
        """
        n, frames, _ = clips.shape
        starts = np.asarray(rng.integers(0, self._gap + 1, size=n))
        features = self._background(n, frames + self._gap, rng)
        around = np.zeros(n, np.bool_)
        if self._negatives is not None:
            around = np.less(rng.random(n), self._negatives.experiment.negatives.around)
            cuts = self._negatives.speech(rng, int(around.sum()), frames + self._gap)
            if cuts is None:
                around[:] = False
            else:
                features[around] = cuts
        for row, clip, start in zip(features, clips, starts, strict=True):
            row[start : start + frames] = clip
        return Sequences(features, starts, np.zeros(n, np.bool_), around)

    def _background(self, n: int, total: int, rng: np.random.Generator) -> Int8:
        if not self._gap:
            return np.empty((n, total, self._noise.shape[2]), np.int8)
        # Two cuts, joined somewhere under the clip: the noise before it need not be that after it.
        first, second = (self._noise[rng.integers(len(self._noise), size=n)] for _ in range(2))
        out = np.empty((n, total, self._noise.shape[2]), np.int8)
        out[:, : self._gap], out[:, -self._gap :] = first[:, : self._gap], second[:, -self._gap :]
        return out
