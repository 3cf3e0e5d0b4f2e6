"""What every decision is: int8 posteriors in, detections out.

Twin of what ``firmware/include/kws/model.h`` says of ``kws_decision``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Detection:
    """Something detected.

    Attributes:
        frame: index of the frame at whose end it was detected, counted from the reset.
        label: index of the word among the labels.
        score: how sure the decision is; the kind says on which scale.
    """

    frame: int
    label: int
    score: int


class Decision(ABC):
    """The decision of one stream."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything."""

    def open(self, frames: int) -> bool:
        """Open the window in which words count for the next ``frames`` frames; False where there is none."""
        del frames
        return False

    @abstractmethod
    def process(self, posteriors: npt.NDArray[np.int8]) -> list[Detection]:
        """Feed int8 [frames, labels] posteriors (zero point -128); return what was detected."""


class FrameDecision(Decision):
    """One that goes frame by frame, as C does."""

    def reset(self) -> None:
        """Forget everything."""
        self._frame = 0

    def process(self, posteriors: npt.NDArray[np.int8]) -> list[Detection]:
        """Feed int8 [frames, labels] posteriors (zero point -128); return what was detected."""
        found = []
        for row in (posteriors.astype(np.int64) + 128).tolist():
            word = self._step(row)
            found += [Detection(self._frame, *word)] if word is not None else []
            self._frame += 1
        return found

    @abstractmethod
    def _step(self, row: list[int]) -> tuple[int, int] | None:
        """The label and the score of what is detected at the end of a frame of posteriors, 0 to 255 each."""
