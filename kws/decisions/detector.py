"""Decision ``detector``: its settings, and how NumPy and C get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.constants import Array, Constants
from kws.decisions.base import DecisionConfig, first_word
from kws.decisions.detector_script import detector_script
from kws.decisions.script import Script
from kws.errors import KwsError
from kws.fields import number, require, require_ranges
from kws.fixedpoint.decisions.detector import Detector, DetectorParameters

GREATEST_AVERAGE, GREATEST_COOLDOWN = 64, 1000


@dataclass(frozen=True)
class DetectorConfig(DecisionConfig):
    """Posteriors to detections: moving average, threshold, cool-down (docs/SPEC.md, "Detector").

    Attributes:
        average_frames: number of posterior frames in the moving average, 1 to 64.
        threshold: smoothed posterior at and above which a word is detected, 0 to 1.
        cooldown_frames: frames after a detection in which no other is reported.
        word_thresholds: a threshold for each word, in label order; empty where all words have
            ``threshold``.
    """

    kind: ClassVar[str] = "detector"

    average_frames: int = number(10, 1, GREATEST_AVERAGE)
    threshold: float = number(0.7, 0, 1, above=True)
    cooldown_frames: int = number(35, 0, GREATEST_COOLDOWN)
    word_thresholds: tuple[float, ...] = number((), 0, 1, above=True)

    def __post_init__(self) -> None:
        require_ranges("detector", self)

    def thresholds(self, words: int) -> tuple[float, ...]:
        """The threshold of each of ``words`` words, in label order.

        Raises:
            KwsError: ``word_thresholds`` are given for another number of words.
        """
        given = self.word_thresholds
        require(
            len(given) in (0, words),
            f"detector.word_thresholds must be {words} values, one a word in label order, or empty,"
            f" not {len(given)} values",
        )
        return given or (self.threshold,) * words

    @property
    def full_score(self) -> int:
        """The sum of ``average_frames`` posteriors that each stand for a probability of 1."""
        return 256 * self.average_frames

    def check(self, labels: Sequence[str]) -> None:
        """Refuse labels that the settings don't fit.

        Raises:
            KwsError: ``word_thresholds`` are given for another number of words.
        """
        self.thresholds(len(labels) - first_word(labels))

    def parameters(self, labels: Sequence[str]) -> DetectorParameters:
        """The detector in integers: thresholds as sums of posteriors, rounded up.

        Raises:
            KwsError: ``word_thresholds`` are given for another number of words.
        """
        first = first_word(labels)
        sums = tuple(threshold_sum(t, self.average_frames) for t in self.thresholds(len(labels) - first))
        return DetectorParameters(self.average_frames, sums, self.cooldown_frames, first)

    def twin(self, labels: Sequence[str]) -> Detector:
        """The detector in NumPy, of one stream.

        Raises:
            KwsError: ``word_thresholds`` are given for another number of words.
        """
        return Detector(self.parameters(labels))

    def script(self, labels: Sequence[str]) -> Script:
        """Posteriors around the detector's own thresholds.

        Raises:
            KwsError: ``word_thresholds`` are given for another number of words.
        """
        return detector_script(self.parameters(labels))

    def constants(self, labels: Sequence[str]) -> Constants:
        """The detector in C.

        Raises:
            KwsError: ``word_thresholds`` are given for another number of words.
        """
        p = self.parameters(labels)
        return Constants(
            macros={"AVERAGE_FRAMES": self.average_frames},
            memory="KWS_DETECTOR_BYTES(KWS_MODEL_LABELS, KWS_MODEL_AVERAGE_FRAMES)",
            arrays=(
                Array(
                    "uint16_t",
                    "threshold_sums",
                    np.array(p.threshold_sums, np.uint16),
                    f"KWS_MODEL_LABELS - {p.first_word}u",
                ),
            ),
            members={
                "cooldown_frames": p.cooldown_frames,
                "labels": "KWS_MODEL_LABELS",
                "average_frames": "KWS_MODEL_AVERAGE_FRAMES",
                "first_word": p.first_word,
            },
        )


def threshold_sum(threshold: float, average_frames: int) -> int:
    """A threshold as a sum of posteriors of 0 to 255, rounded up; at least 1, and never out of reach."""
    # A probability p is stored as 256 p, at most 255.
    return max(1, min(-(-round(threshold * 256 * 1000) * average_frames // 1000), 255 * average_frames))


def require_detector(config: DecisionConfig) -> DetectorConfig:
    """The detector that ``config`` is, or that decides on its words, for what works with its thresholds only.

    Raises:
        KwsError: there is none.
    """
    words = config.words_alone()
    if not isinstance(words, DetectorConfig):
        instead = "; what it transcribes, `kws evaluate --sequences` measures" if config.transcribes else ""
        raise KwsError(
            f"this works with decisions of kind {DetectorConfig.kind} only, and this is a {config.kind}{instead}"
        )
    return words
