"""Decision ``ctc``: the greedy transcription of a network trained with the CTC loss.

Twin of ``firmware/src/decisions/ctc.c``; specified in docs/SPEC.md, "Transcription".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Decision, Detection


@dataclass(frozen=True)
class CtcParameters:
    """The transcription in integers.

    Attributes:
        labels: number of labels.
        first_word: labels before this one (blank, other words) are never reported.
        least: posterior of 0 to 255 below which a frame says nothing.
    """

    labels: int
    first_word: int
    least: int


class Ctc(Decision):
    """The transcription of one stream. A score is the posterior of the frame, 0 to 255."""

    def __init__(self, parameters: CtcParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._frame = 0
        self._last = -1

    def process(self, posteriors: npt.NDArray[np.int8]) -> list[Detection]:
        """Feed int8 [frames, labels] posteriors (zero point -128); return what was detected."""
        p = self.parameters
        if len(posteriors) == 0:
            return []
        # CTC/1
        best = posteriors.argmax(axis=1)
        scores = posteriors[np.arange(len(best)), best].astype(np.int64) + 128
        symbols = np.where(scores >= p.least, best, -1)
        # CTC/2
        before = np.concatenate([[self._last], symbols[:-1]])
        self._last = int(symbols[-1])
        # CTC/3
        found = np.flatnonzero((symbols != before) & (symbols >= p.first_word))
        first_frame = self._frame
        self._frame += len(posteriors)
        return [Detection(first_frame + int(t), int(symbols[t]), int(scores[t])) for t in found]
