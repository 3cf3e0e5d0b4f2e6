"""What the settings of every decision can tell and make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from kws import fields
from kws.constants import Constants
from kws.decisions.script import Script
from kws.fixedpoint.decisions.base import Decision

DEFAULT = "detector"
"""The kind of decision in files that name none."""


def first_word(labels: Sequence[str]) -> int:
    """Index of the first label that is a word: those in ``_underscores_`` come first."""
    return sum(1 for label in labels if label.startswith("_"))


class DecisionConfig(ABC):
    """Settings of a decision: a frozen dataclass.

    Attributes:
        kind: its name, in configurations, model files and, in capitals, in C.
        transcribes: whether all that it reports makes a sequence, to be read as one.
    """

    kind: ClassVar[str]
    transcribes: ClassVar[bool] = False

    @property
    @abstractmethod
    def full_score(self) -> int:
        """The score that stands for a probability of 1; scores are less, or as much."""

    def names(self, labels: Sequence[str]) -> tuple[str, ...]:
        """What a detection's label stands for: the network's labels, and behind them whatever else is reported."""
        return tuple(labels)

    def lexicon(self) -> tuple[str, ...]:
        """Words that are reported and that labels spell, in the order of :meth:`names`; none where words are labels."""
        return ()

    def spelled(self, words: Sequence[str], spellings: Sequence[Sequence[str]]) -> DecisionConfig:
        """Where words are spelled by labels and the settings say none, the same with these.

        Args:
            words: the words.
            spellings: the labels that spell each of them.
        """
        del words, spellings
        return self

    def words_alone(self) -> DecisionConfig:
        """What decides on single words."""
        return self

    def with_words(self, words: DecisionConfig) -> DecisionConfig:
        """The same with other settings of what decides on single words."""
        return words

    @abstractmethod
    def check(self, labels: Sequence[str]) -> None:
        """Refuse labels that the settings don't fit.

        Raises:
            KwsError: the settings don't fit the labels.
        """

    @abstractmethod
    def twin(self, labels: Sequence[str]) -> Decision:
        """The decision in NumPy, of one stream.

        Raises:
            KwsError: the settings don't fit the labels.
        """

    @abstractmethod
    def constants(self, labels: Sequence[str]) -> Constants:
        """The decision in C.

        Raises:
            KwsError: the settings don't fit the labels.
        """

    @abstractmethod
    def script(self, labels: Sequence[str]) -> Script:
        """Posteriors that drive the decision through all its rules, whatever the settings are.

        Raises:
            KwsError: the settings don't fit the labels.
        """

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values; ``kind`` is left out where it is :data:`DEFAULT`."""
        return fields.plain(self, DEFAULT)
