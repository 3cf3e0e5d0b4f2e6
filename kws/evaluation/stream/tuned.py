"""What tuning chose, how it does, and whether it keeps to its budget where it was not chosen."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from kws.decisions import DetectorConfig
from kws.evaluation.negatives import Negatives
from kws.evaluation.stream.score import Rates
from kws.evaluation.stream.source import SourceRate
from kws.evaluation.stream.spec import DESK

ENOUGH = 10
"""False accepts that the budget should allow on the tuning streams: with fewer, chance decides."""
EXCESS = 2.0
"""So many times the budget are too much to be written unasked."""
# One false accept alone is no evidence, however short the audio.
_FEWEST = 2


def enough_minutes(budget: float) -> float:
    """Minutes of stream on which a budget allows :data:`ENOUGH` false accepts; one hour to a hundred."""
    return min(max(60.0, 60 * ENOUGH / budget), 6000.0)


@dataclass(frozen=True)
class Tuning:
    """What `kws.evaluation.stream.tuning.tune` chose, and how it does.

    Attributes:
        before: the model's settings.
        detector: the settings chosen.
        budget: false accepts per hour over all words.
        hours: length of the tuning streams.
        seed: of the tuning streams.
        old: the model's settings on the tuning streams.
        tuned: the chosen settings on the tuning streams: flattering.
        held_out: settings chosen on either half of the speakers, counted on the other half; None
            where there are too few recordings to be halved.
        other_speakers: whether nobody speaks in both halves; otherwise it is takes that are halved.
        fresh: the chosen settings on a fresh stream of the same speakers.
        old_negatives: the model's settings on the negatives that come with kws.
        negatives: the chosen settings on them; they do not count in the choice.
        scarce: whether the budget allowed fewer than :data:`ENOUGH` false accepts in all.
        scene: of the tuning streams, whose hours the budget is of.
        old_desk, desk: the model's settings and the chosen ones on streams of the desk, where it counted in the
            choice beside the room.
        sources: false accepts of the chosen settings on the tuning streams, by source of the room.
    """

    before: DetectorConfig
    detector: DetectorConfig
    budget: float
    hours: float
    seed: int
    old: Rates
    tuned: Rates
    held_out: Rates | None
    other_speakers: bool
    fresh: Rates
    old_negatives: Negatives
    negatives: Negatives
    scarce: bool
    scene: str = DESK
    old_desk: Rates | None = None
    desk: Rates | None = None
    sources: tuple[SourceRate, ...] = ()

    @property
    def held_out_name(self) -> str:
        """What `held_out` was counted on."""
        return "other speakers" if self.other_speakers else "other takes"

    def missed(self) -> dict[str, float]:
        """Where the budget is missed by more than :data:`EXCESS` times: the row's name, and false accepts per hour.

        Two false accepts at the least must show it.
        """
        total = self.negatives.total
        counted = {
            "tuned": _counted(self.tuned),
            **({} if self.held_out is None else {self.held_out_name: _counted(self.held_out)}),
            "fresh stream": _counted(self.fresh),
            "negatives": (total.false_accepts, total.hours),
        }
        return {
            name: count / hours
            for name, (count, hours) in counted.items()
            if count >= _FEWEST and count > EXCESS * self.budget * hours
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        values = dataclasses.asdict(self)
        for name in ("old", "tuned", "held_out", "fresh", "old_negatives", "negatives", "old_desk", "desk"):
            found = getattr(self, name)
            values[name] = None if found is None else found.as_dict()
        values["sources"] = [s.as_dict() for s in self.sources]
        return {**values, "budget_missed": self.missed()}

    def provenance(self) -> dict[str, Any]:
        """What a model's provenance says of it."""
        total = self.negatives.total
        heard = {"minutes": round(total.seconds / 60, 1), "false_accepts": total.false_accepts}
        missed = {name: round(rate, 2) for name, rate in self.missed().items()}
        return {
            "budget": self.budget,
            "hours": round(self.hours, 1),
            "seed": self.seed,
            "scene": self.scene,
            "negatives": heard,
            **({"budget_missed": missed} if missed else {}),
        }


def _counted(found: Rates) -> tuple[int, float]:
    return found.false_accepts, found.hours
