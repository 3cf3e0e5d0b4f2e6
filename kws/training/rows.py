"""How long the rows of a batch are, and what is in them between words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kws.config import Experiment
from kws.types import Int8

# What is kept of a clip: its word's last frames and a few more. Nearly all words are shorter; the rest of what is kept
# is the pause before them.
_WORD_MS, _AFTER_MS = 660.0, 60.0


def row_frames(experiment: Experiment) -> int:
    """Frames of a batch's rows, but for the noise around them: of a clip, or of ``training.words_a_row`` of them."""
    clip = experiment.frontend.frames(experiment.data.clip_samples)
    words = experiment.training.words_a_row
    return clip if words == 1 else Lengths.of(experiment).total(words, clip)


def pauses(noise: Int8, rows: int, frames: int, rng: np.random.Generator) -> Int8:
    """Rows of noise, int8 [rows, frames, bands].

    Args:
        noise: features of clips without speech, at least one, int8 [clips, frames, bands].
        rows: how many.
        frames: length of each.
        rng: source of the draws.
    """
    parts = -(-frames // noise.shape[1])
    chosen = noise[rng.integers(len(noise), size=(rows, parts))]
    return np.ascontiguousarray(chosen.reshape(rows, -1, noise.shape[2])[:, :frames])


@dataclass(frozen=True)
class Lengths:
    """Frames of a clip that are kept, those of them after its word, and of the pause that comes with each."""

    kept: int
    after: int
    gap: int

    @classmethod
    def of(cls, experiment: Experiment) -> Lengths:
        """Those of an experiment."""
        frames_in = experiment.frontend.frames_in
        after = frames_in(_AFTER_MS)
        return cls(frames_in(_WORD_MS) + after, after, frames_in(experiment.training.gap_ms))

    def longest(self, frames: int) -> int:
        """What is kept of a clip of so many frames."""
        return min(self.kept, frames)

    def total(self, words: int, frames: int) -> int:
        """Frames of a row of so many clips."""
        return words * (self.longest(frames) + self.gap)
