"""Detector settings for a stated budget of false accepts per hour, chosen on streams.

Two streams are made, each of one half of the speakers, and the posteriors of all their pieces are
kept in a temporary folder. Where the streams are of the room, streams of the desk can stand beside
them: words missed there count in the choice, false accepts there do not, since the budget is per hour
of the room. For every moving average and cool-down on the grid, one pass with a threshold common to
all words counts each word's misses and false accepts at each threshold. What to expect of a word
elsewhere lies between its own few counts and those of all words. As if words did not meddle with each
other, the thresholds with the fewest expected misses and no more expected false accepts than the budget
are then found exactly (`kws.evaluation.stream.operating_points`: a multiple-choice knapsack, by dynamic
programming); since they do meddle, the detector proper counts again with these thresholds, and where it
exceeds the budget, the knapsack is filled again with less.
A word detected late counts as missed here.

How good the choice is on speakers it has not heard is estimated by choosing on either half and
counting on the other; and a fresh stream, of another seed, tries the final settings, as do the
negatives that come with kws. Those do not count in the choice, so that they can judge it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import workers
from kws.config import SAMPLE_RATE
from kws.decisions.detector import DetectorConfig
from kws.engines import create
from kws.errors import KwsError
from kws.evaluation.negatives import hear
from kws.evaluation.stream.operating_points import (
    UNITS,
    expected_false_accepts,
    expected_misses,
    knapsack,
    settings,
    thresholds,
)
from kws.evaluation.stream.run import DEFAULTS, Runner, StreamOptions, require_words, score
from kws.evaluation.stream.score import Rates, Tally, Truth, rates
from kws.evaluation.stream.source import SourceRate, by_source, turns
from kws.evaluation.stream.spec import StreamSpec, halves, share_speakers
from kws.evaluation.stream.tuned import ENOUGH, Tuning
from kws.files import scratch
from kws.model.file import Model, ModelInfo
from kws.types import Int64, StageProgress

LATENCY_MS = 500.0
_CANDIDATES = 6
_ROUNDS = 12
_FRESH = 7919


def tune(
    model: Model,
    spec: StreamSpec,
    root: Path,
    budget: float,
    options: StreamOptions = DEFAULTS,
    *,
    desk: StreamSpec | None = None,
    latency_ms: float = LATENCY_MS,
    progress: StageProgress | None = None,
) -> Tuning:
    """Choose detector settings; the same arguments give the same settings.

    Args:
        model: the model, with its metadata.
        spec: the stream to tune on.
        root: the data folder.
        budget: false accepts per hour of ``spec``, over all words.
        options: how the model is run.
        desk: another stream whose missed words count, too, but not its false accepts.
        latency_ms: settings with a greater median latency are taken only if all have one.
        progress: called with (stage, done, total).

    Raises:
        KwsError: as `kws.evaluation.stream.run.evaluate_stream`, a budget that is not positive, or one
            that no settings keep to.
    """
    info = require_words(model, spec)
    if not budget > 0:
        raise KwsError(f"the budget must be more than 0 false accepts per hour, not {budget:g}")
    if desk is not None:
        require_words(model, desk)
    create(options.engine, model).close()
    processes = options.processes
    parts = halves(spec)
    beside = () if desk is None else _beside(desk, parts)
    fresh = dataclasses.replace(spec, seed=spec.seed + _FRESH)
    with scratch("tune") as folder:
        recorder = _Recorder(Runner(model, options.engine, root), (*parts, *beside, fresh))
        jobs = [(i, piece) for i, one in enumerate(recorder.specs) for piece in range(one.pieces)]
        truths = {}
        for job, (rows, truth) in _run(recorder, jobs, processes, "running the streams", progress):
            _keep(folder, job, rows)
            truths[job] = truth
        conditions = tuple(len(one.conditions) for one in recorder.specs)
        bench = _Bench(info, folder, truths, options.tolerance, conditions, len(parts))
        heard = [job for job in sorted(truths) if job[0] < len(recorder.specs) - 1]
        budgeted = [job for job in heard if bench.budgeted(job)]
        grid = _grid(bench, heard, processes, progress)
        chooser = _Chooser(bench, grid, budget, latency_ms, processes)
        chosen = chooser.choose(heard)
        held_out = None
        if len(parts) == 2:
            first, second = ([j for j in heard if bench.half(j) == half] for half in (0, 1))
            crossed = bench.count([j for j in second if bench.budgeted(j)], [chooser.choose(first)], processes)
            crossed.add(bench.count([j for j in first if bench.budgeted(j)], [chooser.choose(second)], processes))
            held_out = _all(crossed, 0)
        both = bench.count(budgeted, [info.detector, chosen], processes)
        rest = [job for job in heard if not bench.budgeted(job)]
        on_desk = bench.count(rest, [info.detector, chosen], processes) if rest else None
        again = bench.count([j for j in sorted(truths) if j[0] == len(recorder.specs) - 1], [chosen], processes)
    if progress is not None:
        progress("listening to negatives", 0, 1)
    heard_negatives = hear(model)
    sources = tuple(_by_source(both, spec, info.words))
    often = turns(both, sources, spec.distinct)
    old, tuned = (_all(both, point, often) for point in (0, 1))
    on_the_desk = 1.0 if on_desk is None else turns(on_desk, (), spec.distinct)
    return Tuning(
        info.detector,
        chosen,
        budget,
        old.hours,
        spec.seed,
        old,
        tuned,
        held_out and dataclasses.replace(held_out, turns=often),
        not share_speakers(parts),
        _all(again, 0, often),
        heard_negatives.count(),
        heard_negatives.count(chosen),
        budget * old.hours < ENOUGH * 0.99,
        spec.scene,
        None if on_desk is None else _all(on_desk, 0, on_the_desk),
        None if on_desk is None else _all(on_desk, 1, on_the_desk),
        sources,
    )


def _beside(desk: StreamSpec, parts: Sequence[StreamSpec]) -> tuple[StreamSpec, ...]:
    """Streams of the desk whose speakers are those of ``parts``, each of an equal share of its length."""
    minutes = desk.minutes / len(parts)
    drawn = ("seed", "wanted", "unwanted")
    return tuple(
        dataclasses.replace(desk, minutes=minutes, digest="", **{name: getattr(part, name) for name in drawn})
        for part in parts
    )


def _by_source(tally: Tally, spec: StreamSpec, words: Sequence[str]) -> list[SourceRate]:
    if spec.room is None:
        return []
    return by_source(tally, 1, [s for s, _ in spec.conditions], words, spec.distinct, spec.room.material())


Job = tuple[int, int]


def _run(
    worker: Any, jobs: Sequence[Any], processes: int | None, stage: str, progress: StageProgress | None
) -> Iterable[tuple[Any, Any]]:
    # A bench's posteriors lie on this computer's disk.
    with contextlib.closing(workers.run(worker, jobs, processes, here=isinstance(worker, _Counter))) as results:
        for done, result in enumerate(results, start=1):
            if progress is not None:
                progress(stage, done, len(jobs))
            yield result


def _all(tally: Tally, point: int, heard: float = 1.0) -> Rates:
    return rates(tally, point, range(len(tally.samples)), turns=heard)


@dataclass
class _Recorder:
    """Runs pieces of several streams."""

    runner: Runner
    specs: tuple[StreamSpec, ...]

    def __call__(self, job: Job) -> tuple[npt.NDArray[np.int8], Truth]:
        return self.runner.run(self.specs[job[0]], job[1])

    def close(self) -> None:
        self.runner.close()


def _keep(folder: Path, job: Job, rows: npt.NDArray[np.int8]) -> None:
    """Put a piece's posteriors on the disk: of a hundred hours they are too many for the memory."""
    try:
        np.save(_posteriors(folder, job), rows)
    except OSError as error:
        raise KwsError(f"cannot keep posteriors in {folder}: {error.strerror or error}") from error


def _posteriors(folder: Path, job: Job) -> Path:
    return folder / f"{job[0]}-{job[1]}.npy"


@dataclass
class _Bench:
    """Int64 what detectors make of recorded pieces."""

    info: ModelInfo
    folder: Path
    truths: dict[Job, Truth]
    tolerance: int
    conditions: tuple[int, ...]
    halves: int

    def half(self, piece: Job) -> int:
        """Which half of the speakers is heard in a piece."""
        return piece[0] % self.halves

    def budgeted(self, piece: Job) -> bool:
        """Whether the budget is of the piece's hours; if not, only its missed words count."""
        return piece[0] < self.halves

    def count(self, pieces: Sequence[Job], detectors: Sequence[DetectorConfig], processes: int | None) -> Tally:
        """Counts over pieces of one scene, a point a detector."""
        total = Tally.empty(len(detectors), len(self.info.words), self.conditions[pieces[0][0]])
        jobs = [(piece, tuple(detectors)) for piece in pieces]
        # A pool takes seconds to start; below that it is quicker here.
        processes = processes if len(jobs) * len(detectors) > 2000 else 1
        for _, tally in _run(_Counter(self), jobs, processes, "", None):
            total.add(tally)
        return total


@dataclass
class _Counter:
    """A bench's worker."""

    bench: _Bench

    def __call__(self, job: tuple[Job, tuple[DetectorConfig, ...]]) -> Tally:
        piece, detectors = job
        b = self.bench
        rows = np.load(_posteriors(b.folder, piece))
        return score(b.info, rows, b.truths[piece], detectors, b.tolerance, b.conditions[piece[0]])

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class _Grid:
    """Each word's misses and false accepts by threshold, by half of the speakers.

    Attributes:
        said: how often each word was said, int [halves, words].
        misses, false: int [halves, words, thresholds] for each (average_frames, cooldown_frames).
    """

    said: Int64
    misses: dict[tuple[int, int], Int64]
    false: dict[tuple[int, int], Int64]


def _grid(bench: _Bench, pieces: Sequence[Job], processes: int | None, progress: StageProgress | None) -> _Grid:
    steps = thresholds()
    averages, cooldowns = settings(bench.info.frontend)
    words = len(bench.info.words)
    shape = (bench.halves, words, len(steps))
    both = [(a, c) for a in averages for c in cooldowns]
    said = np.zeros((bench.halves, words), np.int64)
    for piece in pieces:
        spoken = bench.truths[piece].words
        said[bench.half(piece)] += np.bincount(spoken[spoken >= 0], minlength=words)
    grid = _Grid(said, {s: np.zeros(shape, np.int64) for s in both}, {s: np.zeros(shape, np.int64) for s in both})
    jobs = [
        (piece, tuple(DetectorConfig(a, t, c) for c in cooldowns for t in steps)) for a in averages for piece in pieces
    ]
    for (piece, detectors), tally in _run(_Counter(bench), jobs, processes, "trying settings", progress):
        half = bench.half(piece)
        for i, cooldown in enumerate(cooldowns):
            points = slice(i * len(steps), (i + 1) * len(steps))
            setting = (detectors[0].average_frames, cooldown)
            hits = tally.hits[points].sum(axis=2).T
            grid.misses[setting][half] += tally.said.sum(axis=1)[:, None] - hits
            if bench.budgeted(piece):
                grid.false[setting][half] += tally.false[points].sum(axis=(2, 3)).T
    return grid


@dataclass
class _Chooser:
    """Chooses settings on some of the pieces."""

    bench: _Bench
    grid: _Grid
    budget: float
    latency_ms: float
    processes: int | None

    def choose(self, pieces: Sequence[Job]) -> DetectorConfig:
        """The settings with the fewest misses that keep to the budget on pieces of whole halves."""
        which = sorted({self.bench.half(piece) for piece in pieces})
        budgeted = [p for p in pieces if self.bench.budgeted(p)]
        rest = [p for p in pieces if not self.bench.budgeted(p)]
        room = int(self.budget * sum(self.bench.truths[p].samples for p in budgeted) / SAMPLE_RATE / 3600 + 1e-9)
        said = self.grid.said[which].sum(axis=0)
        misses = {s: expected_misses(m[which].sum(axis=0), said) for s, m in self.grid.misses.items()}
        false = {s: expected_false_accepts(f[which].sum(axis=0)) for s, f in self.grid.false.items()}

        def fill(setting: tuple[int, int], allowed: int) -> tuple[int, tuple[int, ...]] | None:
            return knapsack(misses[setting], false[setting], allowed)

        rooms = dict.fromkeys(misses, room * UNITS)
        waiting = {s: filled for s in misses if (filled := fill(s, rooms[s])) is not None}
        kept: list[tuple[bool, int, float, DetectorConfig]] = []
        for _ in range(_ROUNDS):
            promising = sorted(waiting, key=lambda s: (waiting[s][0], s))[:_CANDIDATES]
            quick = [k[1] for k in kept if not k[0]]
            if not promising or (quick and min(quick) * UNITS <= waiting[promising[0]][0]):
                break
            configs = [_config(s, waiting[s][1]) for s in promising]
            tally = self.bench.count(budgeted, configs, self.processes)
            beside = self.bench.count(rest, configs, self.processes) if rest else None
            for point, (setting, config) in enumerate(zip(promising, configs, strict=True)):
                found = _all(tally, point)
                excess = found.false_accepts - room
                del waiting[setting]
                if excess <= 0:
                    latency = np.inf if found.latency_ms is None else found.latency_ms
                    unheard = found.unheard + (0 if beside is None else _all(beside, point).unheard)
                    kept.append((latency > self.latency_ms, unheard, latency, config))
                    continue
                # Filled again with less.
                rooms[setting] -= excess * UNITS
                if (filled := fill(setting, rooms[setting])) is not None:
                    waiting[setting] = filled
        if not kept:
            raise KwsError(
                f"no settings keep to {self.budget:g} false accepts per hour; allow more, or train a better model"
            )
        return min(kept, key=lambda k: (*k[:3], dataclasses.astuple(k[3])))[3]


def _config(setting: tuple[int, int], chosen: Sequence[int]) -> DetectorConfig:
    steps = thresholds()
    values = tuple(steps[i] for i in chosen)
    # The one threshold is for people; the detector takes the words' own.
    return DetectorConfig(setting[0], round(float(np.median(values)), 4), setting[1], values)
