"""What the decisions that transcribe have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kws.decisions.base import DecisionConfig, first_word
from kws.fields import require, require_ranges


class TranscriptionConfig(DecisionConfig):
    """Settings of a decision on a network trained with ``loss = "ctc"``, whose first label stands for the blank."""

    transcribes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_ranges("detector", self)

    @property
    def full_score(self) -> int:
        """A posterior that stands for a probability of 1."""
        return 256

    def check(self, labels: Sequence[str]) -> None:
        """Refuse labels without a blank.

        Raises:
            KwsError: the first label is a word.
        """
        require(
            len(labels) > 0 and first_word(labels) > 0,
            f"a decision of kind {self.kind} needs a label for the blank: _silence_, before the words",
        )
