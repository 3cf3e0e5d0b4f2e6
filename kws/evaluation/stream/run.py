"""A model in an endless stream: false accepts per hour, misses, latency, and how they trade.

Pieces of the stream are rendered, run and scored one by one, on all cores; each starts from a
reset, as a device does at power-on, and lasts about ten minutes. Its first seconds count like all
others. Only counts come back, so hundreds of hours need no more memory than one piece.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import workers
from kws.config import SAMPLE_RATE
from kws.datasets.splits import kept_apart
from kws.decisions import DetectorConfig
from kws.engines import create
from kws.engines.base import Engine
from kws.errors import KwsError
from kws.evaluation.stream.audio import render
from kws.evaluation.stream.score import Match, Rates, Recordings, Tally, Truth, detection_times, match, rates
from kws.evaluation.stream.spec import CLEAN, StreamSpec
from kws.fixedpoint.decisions.detector import detect, moving_sums
from kws.fixedpoint.posterior import GREATEST_PROBABILITY
from kws.model.file import Model, ModelInfo
from kws.types import Progress

GOOD_SNR_DB = 10.0
"""The ratio from which on speech counts as good in headlines."""
_BLOCK = 60 * SAMPLE_RATE
# Where the curve begins; it ends at the highest threshold that a posterior still reaches.
_LOWEST = 0.05
_POINTS = 40


@dataclass(frozen=True)
class StreamOptions:
    """How a model is run over a stream.

    Attributes:
        engine: what runs the model.
        tolerance_ms: how long after its end a word may be detected, in milliseconds.
        processes: how many; all cores if None. No result depends on it.
    """

    engine: str = "c"
    tolerance_ms: float = 750
    processes: int | None = None

    @property
    def tolerance(self) -> int:
        """The tolerance in samples."""
        return round(self.tolerance_ms * SAMPLE_RATE / 1000)


DEFAULTS = StreamOptions()


@dataclass(frozen=True)
class StreamReport:
    """What a stream showed.

    Attributes:
        model_id: id of the model's file.
        engine: what ran it.
        words: the wanted words, in label order.
        snr_db: the conditions; infinite is clean.
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
        wall_seconds: how long it took; no part of what is compared.
    """

    model_id: str
    engine: str
    words: tuple[str, ...]
    snr_db: tuple[float, ...]
    detector: DetectorConfig
    shifts: tuple[float, ...]
    tally: Tally
    recordings: dict[str, list[dict[str, Any]]]
    tolerance_ms: float
    seed: int
    split: str
    apart: str
    distinct: tuple[int, int]
    wall_seconds: float = field(default=0.0, compare=False)

    @property
    def hours(self) -> float:
        """Length of the stream."""
        return float(self.tally.samples.sum()) / SAMPLE_RATE / 3600

    def conditions(self, min_snr_db: float = -math.inf) -> list[int]:
        """Indices of the conditions at a ratio or better."""
        return [i for i, snr in enumerate(self.snr_db) if snr >= min_snr_db]

    def own(self, min_snr_db: float = -math.inf, word: int | None = None) -> Rates:
        """At the model's own settings."""
        return rates(self.tally, 0, self.conditions(min_snr_db), word)

    def at(self, condition: int) -> Rates:
        """At the model's own settings, in one condition."""
        return rates(self.tally, 0, [condition])

    def curve(self, min_snr_db: float = -math.inf) -> list[Rates]:
        """The DET curve at a ratio or better, from the lowest thresholds to the highest."""
        return self.curve_of(self.conditions(min_snr_db))

    def curve_of(self, conditions: Sequence[int]) -> list[Rates]:
        """The DET curve in some conditions."""
        return [rates(self.tally, point, conditions) for point in range(1, len(self.shifts))]

    def best(self, budget: float, min_snr_db: float = -math.inf) -> Rates | None:
        """The point of the curve with the fewest misses among those with at most ``budget`` false accepts per hour."""
        kept = [r for r in self.curve(min_snr_db) if r.false_accepts_per_hour <= budget]
        return min(kept, key=lambda r: (r.misses, r.false_accepts), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: first what people look for, then all counts."""
        snr: list[float | str] = ["clean" if s == CLEAN else s for s in self.snr_db]
        best = self.best(1.0, GOOD_SNR_DB)
        return {
            "model_id": self.model_id,
            "engine": self.engine,
            "hours": self.hours,
            "hours_per_minute": self.hours / (self.wall_seconds / 60) if self.wall_seconds else None,
            "own_settings": self.own().as_dict(),
            "own_settings_at_10_db_or_better": self.own(GOOD_SNR_DB).as_dict(),
            "one_false_accept_per_hour_at_10_db_or_better": None if best is None else best.as_dict(),
            "by_snr": [{"snr_db": s, **self.at(i).as_dict()} for i, s in enumerate(snr)],
            "by_word": {w: _without_latency(self.own(word=i)) for i, w in enumerate(self.words)},
            "det": [
                {"shift": s, "miss_rate": r.miss_rate, "false_accepts_per_hour": r.false_accepts_per_hour}
                for s, r in zip(self.shifts[1:], self.curve(), strict=True)
            ],
            "words": list(self.words),
            "snr_db": snr,
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
            tally = Tally(**{name: np.array(counts, np.int64) for name, counts in values["counts"].items()})
            detector = dict(values["detector"])
            detector["word_thresholds"] = tuple(detector["word_thresholds"])
            wanted, unwanted = values["distinct_recordings"]
            return cls(
                values["model_id"],
                values["engine"],
                tuple(values["words"]),
                tuple(CLEAN if s == "clean" else float(s) for s in values["snr_db"]),
                DetectorConfig(**detector),
                tuple(values["shifts"]),
                tally,
                values["recordings"],
                values["tolerance_ms"],
                values["seed"],
                values["split"],
                values.get("kept_apart", "speakers"),
                (wanted, unwanted),
                values["wall_seconds"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise KwsError(f"it is not a report of `kws stream-test` ({error!r})") from error


def _without_latency(r: Rates) -> dict[str, object]:
    """The latencies are counted for all words together."""
    return {name: value for name, value in r.as_dict().items() if not name.startswith("latency")}


def shifted(info: ModelInfo, shift: float) -> DetectorConfig:
    """The model's detector with every word's threshold moved by ``shift`` logits."""
    if shift == 0:
        return info.detector
    own = info.thresholds
    moved = tuple(min(1 / (1 + math.exp(-(logit(t) + shift))), 1.0) for t in own)
    return dataclasses.replace(info.detector, word_thresholds=moved)


def logit(p: float) -> float:
    """The log odds of a probability, limited to what a posterior can reach."""
    p = min(p, GREATEST_PROBABILITY)
    return math.log(p / (1 - p))


def sweep(info: ModelInfo) -> tuple[float, ...]:
    """The shifts of an operating point each: 0, then those from the lowest thresholds to the highest."""
    own = [logit(t) for t in info.thresholds]
    low, high = logit(_LOWEST) - max(own), logit(GREATEST_PROBABILITY) - min(own)
    return (0.0, *(round(float(s), 4) for s in np.linspace(low, high, _POINTS)))


def posteriors(engine: Engine, pcm: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
    """Posteriors of a stream from a reset, int8 [frames, labels]; only a minute's other outputs are kept at a time."""
    engine.reset()
    return np.concatenate([engine.process(pcm[i : i + _BLOCK]).posteriors for i in range(0, len(pcm), _BLOCK)])


class Runner:
    """Renders and runs pieces; each process makes an engine of its own when the first piece comes."""

    def __init__(self, model: Model, engine: str, root: Path) -> None:
        self.model, self.root = model, root
        self._name = engine
        self._engine: Engine | None = None

    def run(self, spec: StreamSpec, piece: int) -> tuple[npt.NDArray[np.int8], Truth]:
        """Posteriors of a piece, int8 [frames, labels], and what was said in it."""
        rendered = render(spec, self.root, piece)
        info = self.model.require_info()
        return posteriors(self.engine(), rendered.pcm), Truth.of(rendered, info.words)

    def engine(self) -> Engine:
        """This process's engine."""
        if self._engine is None:
            self._engine = create(self._name, self.model)
        return self._engine

    def close(self) -> None:
        """Release the engine."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


@dataclass
class _Scorer:
    """Counts what some detectors make of a piece."""

    runner: Runner
    spec: StreamSpec
    detectors: tuple[DetectorConfig, ...]
    tolerance: int

    def __call__(self, job: int) -> tuple[Tally, Recordings]:
        rows, truth = self.runner.run(self.spec, job)
        info = self.runner.model.require_info()
        found = matches(info, rows, truth, self.detectors, self.tolerance)
        recordings = Recordings()
        recordings.count(truth, found[0])
        return tallied(info, truth, found, len(self.spec.snr_db)), recordings

    def close(self) -> None:
        self.runner.close()


def score(
    info: ModelInfo,
    rows: npt.NDArray[np.int8],
    truth: Truth,
    detectors: Sequence[DetectorConfig],
    tolerance: int,
    conditions: int,
) -> Tally:
    """Count what detectors make of a piece: `matches`, then `tallied`."""
    return tallied(info, truth, matches(info, rows, truth, detectors, tolerance), conditions)


def matches(
    info: ModelInfo,
    rows: npt.NDArray[np.int8],
    truth: Truth,
    detectors: Sequence[DetectorConfig],
    tolerance: int,
) -> list[Match]:
    """What became of each detector's detections in a piece.

    Args:
        info: the model's metadata, but for its detector.
        rows: posteriors, int8 [frames, labels].
        truth: what was said.
        detectors: the operating points.
        tolerance: in samples.
    """
    sums: dict[int, npt.NDArray[np.uint16]] = {}
    results = []
    for detector in detectors:
        frames = detector.average_frames
        if frames not in sums:
            sums[frames] = moving_sums(rows, frames, info.first_word)
        found = detect(sums[frames], detector.parameters(info.labels))
        results.append(match(truth, detection_times(found, info), tolerance))
    return results


def tallied(info: ModelInfo, truth: Truth, found: Sequence[Match], conditions: int) -> Tally:
    """The counts of a piece.

    Args:
        info: the model's metadata.
        truth: what was said.
        found: what became of the detections at each operating point.
        conditions: number of conditions.
    """
    tally = Tally.empty(len(found), len(info.words), conditions)
    tally.count_truth(truth)
    for point, one in enumerate(found):
        tally.count(point, truth, one)
    return tally


def evaluate_stream(
    model: Model, spec: StreamSpec, root: Path, options: StreamOptions = DEFAULTS, progress: Progress | None = None
) -> StreamReport:
    """Run a model over a stream and score it.

    The result depends on the model, the specification and the clips, not on the processes.

    Args:
        model: what to run, with its metadata.
        spec: the stream; its wanted words must be the model's.
        root: the data folder that ``spec`` names the clips of.
        options: how it is run.
        progress: called with (pieces done, pieces in total).

    Raises:
        KwsError: a bare network, other words, an engine that is missing, or clips that cannot be read.
    """
    info = require_words(model, spec)
    began = time.monotonic()
    # What an engine needs is built, or found missing, once.
    create(options.engine, model).close()
    shifts = sweep(info)
    detectors = tuple(shifted(info, s) for s in shifts)
    tally = Tally.empty(len(detectors), len(spec.wanted), len(spec.snr_db))
    recordings = Recordings()
    scorer = _Scorer(Runner(model, options.engine, root), spec, detectors, options.tolerance)
    with contextlib.closing(workers.run(scorer, range(spec.pieces), options.processes)) as results:
        for done, (_, (one, failed)) in enumerate(results, start=1):
            tally.add(one)
            recordings.add(failed)
            if progress is not None:
                progress(done, spec.pieces)
    return StreamReport(
        model.id,
        options.engine,
        info.words,
        spec.snr_db,
        info.detector,
        shifts,
        tally,
        recordings.as_dict(info.words),
        options.tolerance_ms,
        spec.seed,
        spec.split,
        kept_apart(root, info.data, spec.split),
        (sum(len(set(clips)) for clips in spec.wanted.values()), len(set(spec.unwanted))),
        time.monotonic() - began,
    )


def require_words(model: Model, spec: StreamSpec) -> ModelInfo:
    """The metadata of a model that knows a stream's words.

    Raises:
        KwsError: the model is a bare network or spots other words.
    """
    info = model.require_info()
    words = info.words
    if set(words) != set(spec.wanted):
        raise KwsError(
            f"the stream's words are {', '.join(spec.wanted)} and the model's are {', '.join(words)};"
            " specify a stream for this model"
        )
    return info
