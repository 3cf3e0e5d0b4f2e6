"""Posteriors to detections: moving average, threshold, cool-down.

Twin of ``firmware/src/detector.c``; specified in docs/SPEC.md, "Detector".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class DetectorParameters:
    """The detector in integers.

    Attributes:
        average_frames: length of the moving average.
        threshold_sum: a word is detected when the sum of its last ``average_frames`` posteriors
            (0 to 255 each) reaches this.
        cooldown_frames: frames after a detection in which no other is reported.
        first_word: labels before this one (silence, unknown) are never reported.
        labels: number of labels.
    """

    average_frames: int
    threshold_sum: int
    cooldown_frames: int
    first_word: int
    labels: int


@dataclass(frozen=True)
class Detection:
    """A detected word.

    Attributes:
        frame: index of the frame at whose end it was detected, counted from the reset.
        label: index of the word among the labels.
        score: the sum of its last ``average_frames`` posteriors, 0 to 255 times that.
    """

    frame: int
    label: int
    score: int


class Detector:
    """The detector of one stream."""

    def __init__(self, parameters: DetectorParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        p = self.parameters
        self._ring: npt.NDArray[np.int64] = np.zeros((p.average_frames, p.labels), np.int64)
        self._sums: npt.NDArray[np.int64] = np.zeros(p.labels, np.int64)
        self._frame = 0
        self._cooldown = 0
        self._held = -1

    def process(self, posteriors: npt.NDArray[np.int8]) -> list[Detection]:
        """Feed int8 [frames, labels] posteriors (zero point -128); return what was detected."""
        return [d for row in posteriors.astype(np.int64) + 128 if (d := self._step(row)) is not None]

    def _step(self, row: npt.NDArray[np.int64]) -> Detection | None:
        p = self.parameters
        slot = self._frame % p.average_frames
        self._sums += row - self._ring[slot]
        self._ring[slot] = row
        frame = self._frame
        self._frame += 1
        # A word that stays above the threshold is one detection however long it stays there.
        if self._held >= 0 and self._sums[self._held] < p.threshold_sum:
            self._held = -1
        if self._cooldown > 0:
            self._cooldown -= 1
            return None
        best = p.first_word + int(np.argmax(self._sums[p.first_word :]))
        if self._sums[best] < p.threshold_sum or best == self._held:
            return None
        self._held = best
        self._cooldown = p.cooldown_frames
        return Detection(frame, best, int(self._sums[best]))
