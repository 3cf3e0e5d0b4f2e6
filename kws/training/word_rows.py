"""Several words in a row of a batch, close behind each other, for losses that ask for an order of words."""

from __future__ import annotations

import numpy as np

from kws.config import Experiment
from kws.training.batches import Batch
from kws.training.rows import Lengths, pauses
from kws.types import Int8

# Below 1, pauses are unequal: some words follow at once, others after a while.
_EVENNESS = 0.7


class WordRows:
    """Joins the clips of a batch.

    Attributes:
        words: clips of a row.
    """

    def __init__(self, experiment: Experiment, noise: Int8) -> None:
        """Prepare.

        Args:
            experiment: the settings.
            noise: features of clips without speech, int8 [clips, frames, bands]; where there are none, a row's
                pauses hold copies of its first clip's first frame.
        """
        self.words = experiment.training.words_a_row
        self._lengths = Lengths.of(experiment)
        self._noise = noise

    def rows(self, clips: int) -> int:
        """How many rows so many clips make; those left over are dropped."""
        return clips // self.words

    def join(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Rows of a batch's clips.

        Args:
            batch: the clips; at least as many as a row has.
            rng: source of the draws.

        Returns:
            A clip a row, with int32 labels [rows, words] in the order in which they are said; targets are those
            of each row's first clip.
        """
        rows = self.rows(len(batch.features))
        frames = batch.features.shape[1]
        longest, total = self._lengths.longest(frames), self._lengths.total(self.words, frames)
        out = self._background(batch.features, rows, total, rng)
        labels = batch.labels[: rows * self.words].reshape(rows, self.words)
        for row in range(rows):
            cuts = []
            for clip in range(row * self.words, (row + 1) * self.words):
                last = min(max(int(batch.ends[clip]) + self._lengths.after, longest), frames)
                cuts.append(batch.features[clip, last - longest : last])
            slack = rng.dirichlet(np.full(self.words + 1, _EVENNESS)) * (total - self.words * longest)
            starts = np.cumsum(slack[:-1]).astype(int) + longest * np.arange(self.words)
            for start, cut in zip(starts, cuts, strict=True):
                out[row, start : start + longest] = cut
        ends = np.full(rows, total, batch.ends.dtype)
        return Batch(out, batch.targets[: rows * self.words : self.words], labels, ends)

    def _background(self, clips: Int8, rows: int, total: int, rng: np.random.Generator) -> Int8:
        if not len(self._noise):
            return np.repeat(clips[: rows * self.words : self.words, :1], total, axis=1)
        return pauses(self._noise, rows, total, rng)
