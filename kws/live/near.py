"""Words that came near their thresholds and were not detected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kws.decisions import CtcBeamConfig, CtcConfig, DetectorConfig
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import ModelInfo

_OTHERS = 0.5
"""Taken for the threshold of decisions that have none by word."""


class NearMisses:
    """Watches the scores of a stream.

    A near miss begins when a word's score reaches a share of its threshold, ends when it falls below again, and is
    none if the word was detected meanwhile or another one was: its score fell because of that one.
    """

    def __init__(self, info: ModelInfo, share: float) -> None:
        """For a model.

        Args:
            info: its labels and decision.
            share: of the threshold, above 0 and at most 1.
        """
        words = info.decision.words_alone()
        one = words.threshold if isinstance(words, CtcConfig | CtcBeamConfig) else _OTHERS
        thresholds = info.thresholds if isinstance(words, DetectorConfig) else [one] * len(info.words)
        # The score of a token is none of a word.
        self._limits = np.array(thresholds) * (share if not info.decision.lexicon() else np.inf)
        self._words = info.words
        self._above = np.zeros(len(info.words), np.bool_)
        self._void = np.zeros(len(info.words), np.bool_)

    def hear(self, scores: npt.NDArray[np.float64], detections: Sequence[Detection]) -> tuple[str, ...]:
        """The words whose near misses end here.

        Args:
            scores: the newest, float [words], as `kws.live.listen.Heard` has them.
            detections: since the last call.
        """
        above = scores >= self._limits
        if detections:
            self._void[:] = True
        ended = self._above & ~above & ~self._void
        # What is still above stays void until it has fallen.
        self._void &= above
        self._above = above
        return tuple(word for word, over in zip(self._words, ended, strict=True) if over)
