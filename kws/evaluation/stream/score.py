"""Which detections in a stream are right: hits, late ones, misses, false accepts and latencies, as counts to be added.

The rule. A detection of word w at time t hits an event of w if t lies between the word's start
and its end plus the tolerance; of several such events, the earliest that was not hit before. An
event is hit at most once. Where no word is that recent, and an event of w without a hit ended no more
than :data:`LATE_MS` before, the detection is late: the event counts as late, not as a miss, and the
detection not as a false accept. Every other detection is a false accept, of one of :data:`CAUSES`.
An event that is neither hit nor late is a miss. The time of a detection is that at which its frame is
complete; latency is counted from the end of the word, and is negative if the word is recognised before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kws.config import SAMPLE_RATE
from kws.evaluation.poisson import most_per_hour
from kws.evaluation.stream.audio import Piece
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import ModelInfo
from kws.types import Int64

CAUSES = ("noise", "unwanted word", "wrong word", "repeat")
"""What a false accept was reported in: no word at all; the span (with the tolerance) of an
unwanted word; that of another wanted word; or that of the right word a second time."""
_NOISE, _UNWANTED, _WRONG, _REPEAT = range(len(CAUSES))

LATE_MS = 1500
"""How long after its end a word may still be detected late, in milliseconds."""
_LATE = LATE_MS * SAMPLE_RATE // 1000

LATENCY_STEP_MS = 10
"""Width of a bin of the latencies' histogram."""
LATENCY_FIRST_MS = -1500
"""Where the first bin begins; it also takes what is earlier, as the last one takes what is later."""
LATENCY_BINS = 350


@dataclass(frozen=True)
class Truth:
    """What was said in one piece of a stream, and where; times are samples of the piece.

    Attributes:
        samples: length of the piece.
        starts, ends: of the words themselves, int64 [events], in order of the starts.
        words: which word, as an index into the wanted words, or -1: int64 [events].
        conditions: the signal-to-noise condition of each event, int64 [events].
        clips: the recording of each event, relative to the data folder.
        stretch_stops: the end of each stretch, int64 [stretches].
        stretch_conditions: its condition, int64 [stretches].
    """

    samples: int
    starts: Int64
    ends: Int64
    words: Int64
    conditions: Int64
    clips: tuple[str, ...]
    stretch_stops: Int64
    stretch_conditions: Int64

    @classmethod
    def of(cls, piece: Piece, words: Sequence[str]) -> Truth:
        """The truth of a rendered piece; ``words`` are the wanted words in label order."""
        order = {word: i for i, word in enumerate(words)}
        return cls(
            len(piece.pcm),
            np.array([e.start for e in piece.events], np.int64),
            np.array([e.end for e in piece.events], np.int64),
            np.array([-1 if e.word is None else order[e.word] for e in piece.events], np.int64),
            np.array([e.condition for e in piece.events], np.int64),
            tuple(e.path for e in piece.events),
            np.array([s.stop for s in piece.stretches], np.int64),
            np.array([s.condition for s in piece.stretches], np.int64),
        )


@dataclass(frozen=True)
class Match:
    """What became of the detections of one piece.

    Attributes:
        hits: (event, latency in samples), one a hit.
        false: (word, time in samples, cause, event it was reported in or -1), one a false accept.
        late: (event, latency in samples), one an event that was detected late.
    """

    hits: tuple[tuple[int, int], ...]
    false: tuple[tuple[int, int, int, int], ...]
    late: tuple[tuple[int, int], ...] = ()


def match(truth: Truth, detections: Iterable[tuple[int, int]], tolerance: int) -> Match:
    """Tell right detections from wrong ones.

    Args:
        truth: what was said.
        detections: (time in samples, index of the wanted word), in order of time.
        tolerance: how long after a word's end it may be detected, in samples.
    """
    limits = truth.ends + tolerance
    latest = truth.ends + max(tolerance, _LATE)
    widest = int((latest - truth.starts).max(initial=0))
    hit: set[int] = set()
    hits, false, late = [], [], []
    for time, word in detections:
        first = int(np.searchsorted(truth.starts, time - widest))
        last = int(np.searchsorted(truth.starts, time, side="right"))
        recent = [e for e in range(first, last) if time <= latest[e]]
        heard = [e for e in recent if time <= limits[e]]
        right = [e for e in heard if truth.words[e] == word]
        fresh = [e for e in right if e not in hit]
        if fresh:
            hit.add(fresh[0])
            hits.append((fresh[0], time - int(truth.ends[fresh[0]])))
        elif right:
            false.append((word, time, _REPEAT, right[-1]))
        elif heard:
            false.append((word, time, _UNWANTED if truth.words[heard[-1]] < 0 else _WRONG, heard[-1]))
        elif owed := [e for e in recent if truth.words[e] == word and e not in hit]:
            hit.add(owed[0])
            late.append((owed[0], time - int(truth.ends[owed[0]])))
        else:
            false.append((word, time, _NOISE, -1))
    return Match(tuple(hits), tuple(false), tuple(late))


def detection_times(detections: Iterable[Detection], info: ModelInfo) -> list[tuple[int, int]]:
    """Detections as `match` takes them."""
    return [(info.samples(d.frame), d.label - info.first_word) for d in detections]


@dataclass
class Tally:
    """Int64 over pieces, at several operating points ("points") of one detector.

    Attributes:
        said: events of wanted words, [words, conditions].
        unwanted: events of other words, [conditions].
        samples: length of audio, [conditions].
        hits: [points, words, conditions].
        late: likewise, of events detected late.
        false: false accepts, [points, words, conditions, causes]; words are those reported.
        latency: histogram of the hits' latencies, [points, conditions, bins].
    """

    said: Int64
    unwanted: Int64
    samples: Int64
    hits: Int64
    late: Int64
    false: Int64
    latency: Int64

    @classmethod
    def empty(cls, points: int, words: int, conditions: int) -> Tally:
        """No audio yet."""
        return cls(
            np.zeros((words, conditions), np.int64),
            np.zeros(conditions, np.int64),
            np.zeros(conditions, np.int64),
            np.zeros((points, words, conditions), np.int64),
            np.zeros((points, words, conditions), np.int64),
            np.zeros((points, words, conditions, len(CAUSES)), np.int64),
            np.zeros((points, conditions, LATENCY_BINS), np.int64),
        )

    def add(self, other: Tally) -> None:
        """Count what another tally counted."""
        for name in ("said", "unwanted", "samples", "hits", "late", "false", "latency"):
            mine = getattr(self, name)
            mine += getattr(other, name)

    def count_truth(self, truth: Truth) -> None:
        """Count what was said in a piece."""
        wanted = truth.words >= 0
        np.add.at(self.said, (truth.words[wanted], truth.conditions[wanted]), 1)
        np.add.at(self.unwanted, truth.conditions[~wanted], 1)
        np.add.at(self.samples, truth.stretch_conditions, np.diff(truth.stretch_stops, prepend=0))

    def count(self, point: int, truth: Truth, found: Match) -> None:
        """Count what one operating point made of a piece."""
        for event, latency in found.hits:
            condition = truth.conditions[event]
            self.hits[point, truth.words[event], condition] += 1
            place = (latency * 1000 / SAMPLE_RATE - LATENCY_FIRST_MS) // LATENCY_STEP_MS
            self.latency[point, condition, int(np.clip(place, 0, LATENCY_BINS - 1))] += 1
        for event, _ in found.late:
            self.late[point, truth.words[event], truth.conditions[event]] += 1
        for word, time, cause, _ in found.false:
            stretch = min(int(np.searchsorted(truth.stretch_stops, time, side="right")), len(truth.stretch_stops) - 1)
            self.false[point, word, truth.stretch_conditions[stretch], cause] += 1


@dataclass
class Recordings:
    """What became of each recording, at one operating point: those to listen to first.

    Attributes:
        said: how often each was heard.
        missed: how often in vain.
        false: how often each was taken for which wanted word, by (recording, index of the word).
    """

    said: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, other: Recordings) -> None:
        """Count what another counted."""
        self.said.update(other.said)
        self.missed.update(other.missed)
        self.false.update(other.false)

    def count(self, truth: Truth, found: Match) -> None:
        """Count a piece."""
        hit = {event for event, _ in (*found.hits, *found.late)}
        self.said.update(truth.clips)
        self.missed.update(c for i, c in enumerate(truth.clips) if truth.words[i] >= 0 and i not in hit)
        self.false.update((truth.clips[event], word) for word, _, _, event in found.false if event >= 0)

    def as_dict(self, words: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Plain values, ready for JSON: the recordings that failed, the most often first."""
        missed = sorted(self.missed.items(), key=lambda item: (-item[1], item[0]))
        false = sorted(self.false.items(), key=lambda item: (-item[1], item[0]))
        return {
            "missed": [{"recording": c, "said": self.said[c], "missed": n} for c, n in missed],
            "false": [
                {"recording": c, "said": self.said[c], "heard_as": words[w], "false_accepts": n} for (c, w), n in false
            ],
        }


@dataclass(frozen=True)
class Rates:
    """One operating point in a sentence.

    Attributes:
        hours: hours of audio.
        said: events of wanted words.
        misses: of them, not recognised, not even late.
        causes: false accepts by :data:`CAUSES`.
        latency_ms: median of the hits' latencies, or None without hits.
        latency_p90_ms: their 90th percentile.
        late: events recognised only after the tolerance, up to :data:`LATE_MS` after their end.
        turns: how often the same recordings were heard, on average: at least 1.
    """

    hours: float
    said: int
    misses: int
    causes: tuple[int, ...]
    latency_ms: float | None
    latency_p90_ms: float | None
    late: int = 0
    turns: float = 1.0

    @property
    def miss_rate(self) -> float | None:
        """Share of the wanted words that were missed, 0 to 1; None if none was said."""
        return self.misses / self.said if self.said else None

    @property
    def unheard(self) -> int:
        """Wanted words not recognised in time: missed or late. Settings are chosen by it: delay gains nothing."""
        return self.misses + self.late

    @property
    def false_accepts(self) -> int:
        """False accepts of all causes."""
        return sum(self.causes)

    @property
    def false_accepts_per_hour(self) -> float:
        """False accepts per hour of audio."""
        return self.false_accepts / self.hours if self.hours else 0.0

    @property
    def most_per_hour(self) -> float | None:
        """The 95 % upper limit that the count of false accepts allows (`kws.evaluation.poisson.most_per_hour`)."""
        return most_per_hour(self.false_accepts, self.hours, self.turns)

    def as_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        return {
            "hours": self.hours,
            "said": self.said,
            "misses": self.misses,
            "miss_rate": self.miss_rate,
            "late": self.late,
            "false_accepts": self.false_accepts,
            "false_accepts_per_hour": self.false_accepts_per_hour,
            "at_most_per_hour": self.most_per_hour,
            "causes": dict(zip(CAUSES, self.causes, strict=True)),
            "latency_median_ms": self.latency_ms,
            "latency_p90_ms": self.latency_p90_ms,
        }


def rates(tally: Tally, point: int, conditions: Sequence[int], word: int | None = None, turns: float = 1.0) -> Rates:
    """One operating point over some conditions, of all words or of one; ``turns`` is for the limit.

    The latency is that of all words. The false accepts of one word are those that reported it.
    """
    where = list(conditions)
    words = slice(None) if word is None else [word]
    said = int(tally.said[words][:, where].sum())
    hits = int(tally.hits[point][words][:, where].sum())
    late = int(tally.late[point][words][:, where].sum())
    causes = tally.false[point][words][:, where].sum(axis=(0, 1))
    histogram = tally.latency[point][where].sum(axis=0)
    hours = float(tally.samples[where].sum()) / SAMPLE_RATE / 3600
    middle, slow = quantile(histogram, 0.5), quantile(histogram, 0.9)
    return Rates(hours, said, said - hits - late, tuple(int(c) for c in causes), middle, slow, late, turns)


def quantile(histogram: Int64, share: float) -> float | None:
    """The latency in ms below which ``share`` of a histogram [bins] lies: the middle of its bin; None if empty."""
    total = int(histogram.sum())
    if total == 0:
        return None
    place = int(np.searchsorted(np.cumsum(histogram), share * total))
    return LATENCY_FIRST_MS + (min(place, LATENCY_BINS - 1) + 0.5) * LATENCY_STEP_MS
