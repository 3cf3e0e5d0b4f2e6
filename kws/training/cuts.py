"""Cuts of negatives, drawn afresh in every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, UNKNOWN, Experiment
from kws.datasets import spec_augment
from kws.training import negative_features
from kws.training.negative_features import NegativeFeatures
from kws.types import Int8, Int32, Int64

_BACKWARDS = "reversed_"
SPEECH, NOISE, TONES = negative_features.KINDS
REVERSED_SPEECH, REVERSED_WORDS = f"{_BACKWARDS}speech", f"{_BACKWARDS}words"
KINDS = (SPEECH, REVERSED_SPEECH, NOISE, TONES, REVERSED_WORDS)
_SAYING = (SPEECH, REVERSED_SPEECH, REVERSED_WORDS)


class Source:
    """Cuts of segments, every frame of them equally often.

    Args:
        made: what to cut.
    """

    def __init__(self, made: Sequence[NegativeFeatures]) -> None:
        self._made = list(made)
        self._places: dict[int, list[tuple[Int64, Int64]]] = {}

    def cut(self, rng: np.random.Generator, n: int, frames: int) -> Int8:
        """Cut ``n`` pieces, int8 [n, frames, bands]; a segment that is too short is repeated where there is no other.

        Args:
            rng: source of the draws.
            n: cuts.
            frames: length of each.
        """
        sizes = self._sizes(frames)
        totals = np.array([ends[-1] for _, ends in sizes])
        which = np.searchsorted(np.cumsum(totals), rng.integers(totals.sum(), size=n), side="right")
        within = rng.random(n)
        out = np.empty((n, frames, self._made[0].features.shape[1]), np.int8)
        for row, source, place in zip(out, which, within, strict=True):
            starts, ends = sizes[source]
            at = int(place * ends[-1])
            segment = int(np.searchsorted(ends, at, side="right"))
            before = int(ends[segment - 1]) if segment else 0
            first = int(starts[segment]) + at - before
            bounds = self._made[source].bounds
            last = int(bounds[np.searchsorted(bounds, first, side="right")])
            found = self._made[source].features[first : min(first + frames, last)]
            row[:] = found if len(found) == frames else np.resize(found, row.shape)
        return out

    def _sizes(self, frames: int) -> list[tuple[Int64, Int64]]:
        """Of each of the features, where segments start and how many cuts begin in them and those before."""
        if frames not in self._places:
            found = []
            for made in self._made:
                lengths = np.diff(made.bounds)
                cuts = np.maximum(lengths - frames + 1, 0)
                if not cuts.any():
                    cuts = np.minimum(lengths, 1)
                found.append((made.bounds[:-1], np.cumsum(cuts)))
            self._places[frames] = found
        return self._places[frames]


@dataclass(frozen=True)
class Negatives:
    """What a training hears that is no word to spot.

    Attributes:
        experiment: the settings.
        sources: by kind: ``speech``, ``noise``, ``tones``; those there are.
        words: features of clips of words that become no word when played backwards, int8 [clips, variants, frames,
            bands].
    """

    experiment: Experiment
    sources: dict[str, Source]
    words: Int8

    @classmethod
    def make(
        cls, experiment: Experiment, made: Sequence[tuple[str, NegativeFeatures]], clips: Int8, labels: Int32
    ) -> Negatives:
        """Negatives of a training.

        Args:
            experiment: the settings.
            made: kinds and features.
            clips: int8 [clips, variants, frames, bands].
            labels: int32 [clips].
        """
        sources = {kind: Source([f for k, f in made if k == kind]) for kind in dict.fromkeys(k for k, _ in made)}
        names = experiment.data.labels
        skipped = {SILENCE, UNKNOWN, *experiment.negatives.reversible}
        kept = [place for place, label in enumerate(names) if label not in skipped]
        return cls(experiment, sources, clips[np.isin(labels, kept)])

    def rows(self, clips: int) -> int:
        """How many rows come on top of so many clips of a batch."""
        share = self.experiment.negatives.share
        return round(clips * share / (1 - share)) if any(self._weights()) else 0

    def draw(self, rng: np.random.Generator, n: int, frames: int) -> tuple[Int8, npt.NDArray[np.bool_]]:
        """Draw cuts, with SpecAugment's masks.

        Args:
            rng: source of the draws.
            n: cuts.
            frames: length of each; shorter words played backwards have noise around them.

        Returns:
            int8 [n, frames, bands], and in which of them somebody speaks, bool [n].
        """
        weights = np.array(self._weights())
        kinds = rng.choice(len(KINDS), size=n, p=weights / weights.sum())
        out = np.empty((n, frames, self.experiment.frontend.features), np.int8)
        for place, kind in enumerate(KINDS):
            rows = np.flatnonzero(kinds == place)
            if len(rows):
                out[rows] = self._cut(kind, rng, len(rows), frames)
        masked = spec_augment(out, rng, self.experiment.augment, self.experiment.frontend)
        return masked, np.isin(kinds, [KINDS.index(kind) for kind in _SAYING])

    def _weights(self) -> list[float]:
        there = {*self.sources, *([REVERSED_SPEECH] if SPEECH in self.sources else [])}
        if there and len(self.words):
            there.add(REVERSED_WORDS)
        return [getattr(self.experiment.negatives, kind) if kind in there else 0.0 for kind in KINDS]

    def _cut(self, kind: str, rng: np.random.Generator, n: int, frames: int) -> Int8:
        if kind == REVERSED_WORDS:
            return self._backwards(rng, n, frames)
        found = self.sources[kind.removeprefix(_BACKWARDS)].cut(rng, n, frames)
        return self._reversed(found) if kind == REVERSED_SPEECH else found

    def _reversed(self, features: Int8) -> Int8:
        """Played backwards, [n, frames, features]: a row's spectrum has no direction, so it is the rows in reverse."""
        rows = features.reshape(*features.shape[:2], self.experiment.frontend.rows, -1)
        return rows[:, ::-1, ::-1].reshape(features.shape)

    def _backwards(self, rng: np.random.Generator, n: int, frames: int) -> Int8:
        variants = rng.integers(self.words.shape[1], size=n)
        words = self._reversed(self.words[rng.integers(len(self.words), size=n), variants])
        long = words.shape[1]
        if long >= frames:
            return words[:, :frames]
        around = self.sources[NOISE if NOISE in self.sources else SPEECH]
        out = around.cut(rng, n, frames)
        for row, word, start in zip(out, words, rng.integers(frames - long + 1, size=n), strict=True):
            row[start : start + long] = word
        return out
