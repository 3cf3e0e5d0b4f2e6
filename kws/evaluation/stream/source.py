"""False accepts by what they were made in: speech, music, noise, other words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kws.config import SAMPLE_RATE
from kws.evaluation.poisson import most_per_hour
from kws.evaluation.stream.room import COMMANDS, OTHERS
from kws.evaluation.stream.score import CAUSES, Tally
from kws.types import Int64

_COMMANDS_FAULT = [CAUSES.index("wrong word"), CAUSES.index("repeat")]


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
        """The 95 % upper limit that the count allows (`kws.evaluation.poisson.most_per_hour`)."""
        return most_per_hour(self.false_accepts, self.hours, self.turns)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            **dataclasses.asdict(self),
            "different_hours": self.different_hours,
            "false_accepts_per_hour": self.per_hour,
            "at_most_per_hour": self.most_per_hour,
        }


def by_source(
    tally: Tally,
    point: int,
    sources: Sequence[str],
    words: Sequence[str],
    distinct: tuple[int, int],
    material: Mapping[str, tuple[float, int]],
) -> list[SourceRate]:
    """False accepts by what they were made in, at an operating point.

    A wanted word that was taken for another, or reported twice, is the fault of no source; those have a row of
    their own, over all hours.

    Args:
        tally: the counts.
        point: the operating point.
        sources: what sounds in each condition; "" is none.
        words: the wanted words, in label order.
        distinct: different clips heard, wanted and unwanted.
        material: of each source, the seconds of different recordings, and how many those are.
    """
    found = []
    false = tally.false[point]
    for source in dict.fromkeys(s for s in sources if s):
        where = [i for i, s in enumerate(sources) if s == source]
        counts = false[:, where].sum(axis=1)
        counts[:, _COMMANDS_FAULT] = 0
        hours = float(tally.samples[where].sum()) / SAMPLE_RATE / 3600
        if source == OTHERS:
            # How often each clip was heard takes the place of how often each second was.
            turns, recordings = float(tally.unwanted[where].sum()) / max(distinct[1], 1), distinct[1]
        else:
            seconds, recordings = material.get(source, (0.0, 0))
            turns = hours * 3600 / seconds if seconds else 1.0
        found.append(_source(source, hours, turns, recordings, words, counts.sum(axis=1)))
    if found:
        turns = float(tally.said.sum()) / max(distinct[0], 1)
        hours = float(tally.samples.sum()) / SAMPLE_RATE / 3600
        counts = false[:, :, _COMMANDS_FAULT].sum(axis=(1, 2))
        found.append(_source(COMMANDS, hours, turns, distinct[0], words, counts))
    return found


def turns(tally: Tally, found: Sequence[SourceRate], distinct: tuple[int, int]) -> float:
    """How often the same sound was heard in a whole stream, on average: at least 1.

    Args:
        tally: the counts.
        found: the sources of a room, as `by_source` has them; none on the desk, where clips are counted instead.
        distinct: different clips, wanted and unwanted.
    """
    sounding = [s for s in found if s.name != COMMANDS]
    if different := sum(s.different_hours for s in sounding):
        return sum(s.hours for s in sounding) / different
    return max(float(tally.said.sum() + tally.unwanted.sum()) / max(sum(distinct), 1), 1.0)


def _source(name: str, hours: float, turns: float, recordings: int, words: Sequence[str], counts: Int64) -> SourceRate:
    ranked = sorted(zip(words, (int(n) for n in counts), strict=True), key=lambda item: (-item[1], item[0]))
    heard = {word: n for word, n in ranked if n}
    return SourceRate(name, hours, max(turns, 1.0), recordings, sum(heard.values()), heard)
