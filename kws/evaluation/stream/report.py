"""What a stream showed, and what it says: rates, by ratio, by word and by source, and how they trade."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kws.config import SAMPLE_RATE
from kws.decisions import DetectorConfig
from kws.errors import KwsError
from kws.evaluation.stream.score import Rates, Tally, rates
from kws.evaluation.stream.source import SourceRate, by_source, turns
from kws.evaluation.stream.spec import CLEAN, DESK, ROOM

GOOD_SNR_DB = 10.0
"""The ratio from which on speech counts as good in headlines."""


@dataclass(frozen=True)
class StreamReport:
    """What a stream showed.

    Attributes:
        model_id: id of the model's file.
        engine: what ran it.
        words: the wanted words, in label order.
        snr_db: the ratio of each condition; infinite is clean.
        sources: what sounds in each condition, in the room; "" on the desk.
        detector: the model's own settings.
        shifts: of the operating points, in logits: every word's threshold moved by so much. The
            first is 0, the model's own; the others rise and make the DET curve.
        tally: the counts at each operating point.
        recordings: those that failed at the model's own settings, as `Recordings.as_dict`.
        tolerance_ms: how long after its end a word may be detected.
        seed: of the stream.
        split: whose speakers, or which takes, were heard.
        apart: what it shares with no other split: ``speakers`` or ``takes``.
        distinct: different recordings heard from, wanted and unwanted: how much the hours can say.
        material: of each source of the room, the seconds of different recordings, and how many those are.
        wall_seconds: how long it took; no part of what is compared.
    """

    model_id: str
    engine: str
    words: tuple[str, ...]
    snr_db: tuple[float, ...]
    sources: tuple[str, ...]
    detector: DetectorConfig
    shifts: tuple[float, ...]
    tally: Tally
    recordings: dict[str, list[dict[str, Any]]]
    tolerance_ms: float
    seed: int
    split: str
    apart: str
    distinct: tuple[int, int]
    material: dict[str, tuple[float, int]]
    wall_seconds: float = field(default=0.0, compare=False)

    @property
    def hours(self) -> float:
        """Length of the stream."""
        return float(self.tally.samples.sum()) / SAMPLE_RATE / 3600

    def conditions(self, min_snr_db: float = -math.inf) -> list[int]:
        """Indices of the conditions at a ratio or better."""
        return [i for i, snr in enumerate(self.snr_db) if snr >= min_snr_db]

    @property
    def scene(self) -> str:
        """``desk`` or ``room``."""
        return ROOM if any(self.sources) else DESK

    @property
    def ratios(self) -> list[float]:
        """The ratios, each once."""
        return list(dict.fromkeys(self.snr_db))

    def by_source(self, point: int = 0) -> list[SourceRate]:
        """False accepts by what they were made in, at an operating point; none on the desk.

        A wanted word that was taken for another, or reported twice, is the fault of no source; those have a
        row of their own, over all hours.
        """
        return by_source(self.tally, point, self.sources, self.words, self.distinct, self.material)

    @cached_property
    def turns(self) -> float:
        """How often the same sound was heard, on average: at least 1."""
        return turns(self.tally, self.by_source(), self.distinct)

    def own(self, min_snr_db: float = -math.inf, word: int | None = None) -> Rates:
        """At the model's own settings."""
        return rates(self.tally, 0, self.conditions(min_snr_db), word, self.turns)

    def at(self, snr_db: float) -> Rates:
        """At the model's own settings, at one ratio."""
        return rates(self.tally, 0, self.conditions_at(snr_db), turns=self.turns)

    def conditions_at(self, snr_db: float) -> list[int]:
        """Indices of the conditions at one ratio."""
        return [i for i, snr in enumerate(self.snr_db) if snr == snr_db]

    def within(self, source: str) -> Rates:
        """At the model's own settings, where one source sounds."""
        return rates(self.tally, 0, [i for i, s in enumerate(self.sources) if s == source], turns=self.turns)

    def curve(self, min_snr_db: float = -math.inf) -> list[Rates]:
        """The DET curve at a ratio or better, from the lowest thresholds to the highest."""
        return self.curve_of(self.conditions(min_snr_db))

    def curve_of(self, conditions: Sequence[int]) -> list[Rates]:
        """The DET curve in some conditions."""
        return [rates(self.tally, point, conditions, turns=self.turns) for point in range(1, len(self.shifts))]

    def best(self, budget: float, min_snr_db: float = -math.inf) -> Rates | None:
        """The point of the curve with the fewest words unheard, of those within ``budget`` false accepts per hour."""
        kept = [r for r in self.curve(min_snr_db) if r.false_accepts_per_hour <= budget]
        return min(kept, key=lambda r: (r.unheard, r.false_accepts), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: first what people look for, then all counts."""
        snr: list[float | str] = ["clean" if s == CLEAN else s for s in self.snr_db]
        sources = {r.name: r.as_dict() for r in self.by_source()}
        missed = {s: _without_latency(self.within(s)) for s in dict.fromkeys(self.sources) if s}
        best = self.best(1.0, GOOD_SNR_DB)
        return {
            "model_id": self.model_id,
            "engine": self.engine,
            "hours": self.hours,
            "hours_per_minute": self.hours / (self.wall_seconds / 60) if self.wall_seconds else None,
            "own_settings": self.own().as_dict(),
            "own_settings_at_10_db_or_better": self.own(GOOD_SNR_DB).as_dict(),
            "one_false_accept_per_hour_at_10_db_or_better": None if best is None else best.as_dict(),
            "by_snr": [{"snr_db": "clean" if s == CLEAN else s, **self.at(s).as_dict()} for s in self.ratios],
            "scene": self.scene,
            "by_source": [{**values, "words": missed.get(name)} for name, values in sources.items()],
            "by_word": {w: _without_latency(self.own(word=i)) for i, w in enumerate(self.words)},
            "det": [
                {"shift": s, "miss_rate": r.miss_rate, "false_accepts_per_hour": r.false_accepts_per_hour}
                for s, r in zip(self.shifts[1:], self.curve(), strict=True)
            ],
            "words": list(self.words),
            "snr_db": snr,
            "sources": list(self.sources),
            "material": {name: list(values) for name, values in self.material.items()},
            "detector": dataclasses.asdict(self.detector),
            "shifts": list(self.shifts),
            "tolerance_ms": self.tolerance_ms,
            "seed": self.seed,
            "split": self.split,
            "kept_apart": self.apart,
            "distinct_recordings": list(self.distinct),
            "wall_seconds": self.wall_seconds,
            "recordings": self.recordings,
            "counts": {f.name: getattr(self.tally, f.name).tolist() for f in dataclasses.fields(Tally)},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StreamReport:
        """The other way.

        Raises:
            KwsError: it is no such report.
        """
        try:
            counts = {name: np.array(numbers, np.int64) for name, numbers in values["counts"].items()}
            # Reports of earlier versions know of no late words.
            tally = Tally(**{"late": np.zeros_like(counts["hits"]), **counts})
            detector = dict(values["detector"])
            detector["word_thresholds"] = tuple(detector["word_thresholds"])
            wanted, unwanted = values["distinct_recordings"]
            return cls(
                values["model_id"],
                values["engine"],
                tuple(values["words"]),
                tuple(CLEAN if s == "clean" else float(s) for s in values["snr_db"]),
                tuple(values.get("sources", [""] * len(values["snr_db"]))),
                DetectorConfig(**detector),
                tuple(values["shifts"]),
                tally,
                values["recordings"],
                values["tolerance_ms"],
                values["seed"],
                values["split"],
                values.get("kept_apart", "speakers"),
                (wanted, unwanted),
                {name: (float(seconds), int(n)) for name, (seconds, n) in values.get("material", {}).items()},
                values["wall_seconds"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise KwsError(f"it is not a report of `kws stream-test` ({error!r})") from error


def _without_latency(r: Rates) -> dict[str, object]:
    """The latencies are counted for all words together."""
    return {name: value for name, value in r.as_dict().items() if not name.startswith("latency")}
