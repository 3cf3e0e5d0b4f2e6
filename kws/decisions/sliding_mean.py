"""Decision ``sliding_mean``: its settings, and how NumPy and C get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from kws.constants import Constants
from kws.decisions.base import DecisionConfig, first_word
from kws.decisions.detector import GREATEST_AVERAGE, GREATEST_COOLDOWN, DetectorConfig
from kws.decisions.script import Script
from kws.decisions.sliding_mean_script import sliding_mean_script
from kws.errors import KwsError
from kws.fields import number, require_ranges
from kws.fixedpoint.decisions.sliding_mean import SlidingMean, SlidingMeanParameters

_MILLIONTH = 1_000_000


@dataclass(frozen=True)
class SlidingMeanConfig(DecisionConfig):
    """The mean probability over a sliding window against a cut-off (docs/SPEC.md, "Sliding mean").

    What runtimes of microWakeWord decide by. A model that has it has one output, the word's probability.

    Attributes:
        cutoff: the mean probability above which the word is detected, 0 to 1.
        window: number of probabilities in the mean, 1 to 64.
        cooldown_frames: calls of the network after a detection in which no other is reported.
    """

    kind: ClassVar[str] = "sliding_mean"

    cutoff: float = number(0.9, 0, 1)
    window: int = number(5, 1, GREATEST_AVERAGE)
    cooldown_frames: int = number(67, 0, GREATEST_COOLDOWN)

    def __post_init__(self) -> None:
        require_ranges("detector", self)

    @property
    def full_score(self) -> int:
        """The sum of ``window`` posteriors that each stand for a probability of 1."""
        return 256 * self.window

    def check(self, labels: Sequence[str]) -> None:
        """Refuse more than one label.

        Raises:
            KwsError: there are other labels than one word.
        """
        if len(labels) != 1 or first_word(labels) != 0:
            raise KwsError(
                f"a decision of kind {self.kind} has one label, the word, and not {len(labels)};"
                f" decide with kind {DetectorConfig.kind}"
            )

    def parameters(self) -> SlidingMeanParameters:
        """The decision in integers: the greatest sum that is not above the cut-off, certainty staying above it."""
        # Decimals are meant: 0.7 is no less than 7/10.
        limit = round(self.cutoff * 256 * _MILLIONTH) * self.window // _MILLIONTH
        return SlidingMeanParameters(self.window, min(limit, 255 * self.window - 1), self.cooldown_frames)

    def twin(self, labels: Sequence[str]) -> SlidingMean:
        """The decision in NumPy, of one stream.

        Raises:
            KwsError: there are other labels than one word.
        """
        self.check(labels)
        return SlidingMean(self.parameters())

    def script(self, labels: Sequence[str]) -> Script:
        """Posteriors around the cut-off.

        Raises:
            KwsError: there are other labels than one word.
        """
        self.check(labels)
        return sliding_mean_script(self.parameters())

    def constants(self, labels: Sequence[str]) -> Constants:
        """The decision in C.

        Raises:
            KwsError: there are other labels than one word.
        """
        self.check(labels)
        p = self.parameters()
        return Constants(
            macros={"MEAN_WINDOW": p.window},
            memory="KWS_SLIDING_MEAN_BYTES(KWS_MODEL_MEAN_WINDOW)",
            members={"limit": p.limit, "cooldown_frames": p.cooldown_frames, "window": "KWS_MODEL_MEAN_WINDOW"},
        )

    def words_alone(self) -> DetectorConfig:
        """A detector that decides alike once the window is full: what streams are counted and tuned with."""
        p = self.parameters()
        # Of thresholds that make the sum limit + 1 one that is rounded down, for the detector rounds up.
        return DetectorConfig(p.window, (p.limit + 1) * 1000 // p.window / 256000, p.cooldown_frames)

    def with_words(self, words: DecisionConfig) -> SlidingMeanConfig:
        """Settings that decide as a detector of one word does, once the window is full.

        Raises:
            KwsError: ``words`` is another decision.
        """
        if not isinstance(words, DetectorConfig):
            raise KwsError(f"a decision of kind {self.kind} takes the settings of a {DetectorConfig.kind} alone")
        (total,) = words.parameters(("word",)).threshold_sums
        frames = words.average_frames
        return SlidingMeanConfig(round((total - 0.5) / (256 * frames), 6), frames, words.cooldown_frames)
