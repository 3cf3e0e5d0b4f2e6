"""Rows of a batch that are whole sentences, drawn afresh in every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kws.config import Experiment
from kws.datasets import spec_augment
from kws.training.rows import pauses, row_frames
from kws.training.sentence_features import SentenceFeatures
from kws.training.sentences import fewest_frames
from kws.types import Int8, Int32


class SentenceRows:
    """Sentences, each somewhere in a row of noise, and their tokens.

    Args:
        experiment: the settings; its symbols spell the sentences.
        made: their features.
        tokens: of each sentence, in the same order.
        noise: features of clips without speech, int8 [clips, frames, bands]; where there are none, the rest of a row
            holds copies of the sentence's first frame.
    """

    def __init__(
        self, experiment: Experiment, made: SentenceFeatures, tokens: Sequence[Sequence[str]], noise: Int8
    ) -> None:
        self._experiment, self._made, self._noise = experiment, made, noise
        symbols = {symbol: place for place, symbol in enumerate(experiment.data.symbols)}
        # The blank, which is the first symbol, fills the rest.
        self._tokens = np.zeros((len(tokens), max(map(len, tokens))), np.int32)
        for row, said in zip(self._tokens, tokens, strict=True):
            row[: len(said)] = [symbols[token] for token in said]
        fewest = np.array([fewest_frames(said) for said in tokens])[:, None]
        # A variant that is too fast for its tokens, or too slow for the row, is never drawn; as recorded all fit.
        self._fit = (made.lengths >= fewest) & (made.lengths <= row_frames(experiment))

    @property
    def longest(self) -> int:
        """Most tokens of a sentence."""
        return self._tokens.shape[1]

    def rows(self, rows: int) -> int:
        """How many rows come on top of so many rows of clips; at least one."""
        share = self._experiment.training.sentences
        return max(1, round(rows * share / (1 - share)))

    def draw(self, rng: np.random.Generator, n: int, frames: int) -> tuple[Int8, Int32]:
        """Draw sentences, each equally often, with SpecAugment's masks.

        Args:
            rng: source of the draws.
            n: rows.
            frames: length of each; of a longer sentence it holds a part.

        Returns:
            int8 [n, frames, bands], and the tokens, with blanks behind them: int32 [n, :attr:`longest`].
        """
        chosen = rng.integers(len(self._tokens), size=n)
        found = [self._made.of(sentence, self._variant(rng, sentence)) for sentence in chosen]
        if len(self._noise):
            out = pauses(self._noise, n, frames, rng)
        else:
            out = np.repeat(np.stack([sound[:1] for sound in found]), frames, axis=1)
        for row, sound, place in zip(out, found, rng.random(n), strict=True):
            spare = frames - len(sound)
            start = int(place * (abs(spare) + 1))
            if spare >= 0:
                row[start : start + len(sound)] = sound
            else:
                row[:] = sound[start : start + frames]
        return spec_augment(out, rng, self._experiment.augment, self._experiment.frontend), self._tokens[chosen]

    def _variant(self, rng: np.random.Generator, sentence: int) -> int:
        fit: npt.NDArray[np.int64] = np.flatnonzero(self._fit[sentence])
        return int(fit[rng.integers(len(fit))])
