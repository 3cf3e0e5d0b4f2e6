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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import workers
from kws.config import SAMPLE_RATE
from kws.datasets.splits import kept_apart
from kws.decisions import DetectorConfig
from kws.engines import create
from kws.engines.base import Engine
from kws.errors import KwsError
from kws.evaluation.stream.report import StreamReport
from kws.evaluation.stream.scene import render
from kws.evaluation.stream.score import Match, Recordings, Tally, Truth, detection_times, match
from kws.evaluation.stream.spec import StreamSpec
from kws.fixedpoint.decisions.detector import detect, moving_sums
from kws.fixedpoint.posterior import GREATEST_PROBABILITY
from kws.model.file import Model, ModelInfo
from kws.types import Progress

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
        return tallied(info, truth, found, len(self.spec.conditions)), recordings

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
    tally = Tally.empty(len(detectors), len(spec.wanted), len(spec.conditions))
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
        tuple(snr for _, snr in spec.conditions),
        tuple(source for source, _ in spec.conditions),
        info.detector,
        shifts,
        tally,
        recordings.as_dict(info.words),
        options.tolerance_ms,
        spec.seed,
        spec.split,
        kept_apart(root, info.data, spec.split),
        spec.distinct,
        {} if spec.room is None else spec.room.material(),
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
