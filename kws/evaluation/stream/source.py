"""False accepts by what they were made in: speech, music, noise, other words."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from kws.evaluation.poisson import upper_limit


@dataclass(frozen=True)
class SourceRate:
    """False accepts in one source.

    Attributes:
        name: of the source.
        hours: of it, listened to.
        turns: how often the same recordings were heard, on average: at least 1.
        recordings: different ones.
        false_accepts: how often a word was reported.
        words: how often each word was, the most frequent first.
    """

    name: str
    hours: float
    turns: float
    recordings: int
    false_accepts: int
    words: dict[str, int]

    @property
    def different_hours(self) -> float:
        """Hours of different sound: heard again in another room, a recording says little that is new."""
        return self.hours / self.turns

    @property
    def per_hour(self) -> float | None:
        """False accepts per hour; None where nothing was heard."""
        return self.false_accepts / self.hours if self.hours else None

    @property
    def most_per_hour(self) -> float | None:
        """The 95 % upper limit that the count allows (`kws.evaluation.poisson.upper_limit`).

        What was heard several times counts once: the count, per turn and rounded up, over the different hours.
        """
        if not self.hours:
            return None
        return upper_limit(math.ceil(self.false_accepts / self.turns)) / self.different_hours

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            **dataclasses.asdict(self),
            "different_hours": self.different_hours,
            "false_accepts_per_hour": self.per_hour,
            "at_most_per_hour": self.most_per_hour,
        }
