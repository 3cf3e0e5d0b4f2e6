"""Clip accuracy: how many clips get the right label, and under which conditions they do not.

The label of a clip is decided in `kws.evaluation.clip.decision`. Clips start from a reset; the
*carried* figure is that of the same clips in streams that are never reset
(`kws.evaluation.clip.conditions.clip_sequences`), as on a device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import runs, workers
from kws.config import DataConfig
from kws.datasets import clips as clip_index
from kws.datasets.augment import NoiseSource
from kws.engines import create
from kws.errors import KwsError
from kws.evaluation import limits
from kws.evaluation.clip import scoring
from kws.evaluation.clip.conditions import CLEAN, ClipSequences, Condition, clip_sequences
from kws.evaluation.clip.report import ClipReport
from kws.evaluation.clip.runner import FLOAT, ClipJob, ClipResults, ClipRunner, SequenceJob
from kws.evaluation.clip.scoring import Accuracy, Rate
from kws.model.file import Model
from kws.network import FloatNetwork
from kws.quantize import noise
from kws.types import Int64, Progress

SPLITS = ("validation", "testing", "training", "all")
_BLOCK = 256
_SIDE_BY_SIDE = 8
# Below this the start of other processes takes longer than the work.
_WORTH_PROCESSES = 1500
_NOISE_CLIPS = 150


@dataclass(frozen=True)
class Reference:
    """The float network to compare with, to see what quantization cost.

    Attributes:
        network: the network, or None.
        missing: why there is none, for the report; or None.
    """

    network: FloatNetwork | None = None
    missing: str | None = None

    @classmethod
    def of_run(cls, model: Model, run: Path) -> Reference:
        """The network of a run's folder, if it is there and belongs to the model."""
        try:
            return cls(runs.network_of(model, run))
        except KwsError as error:
            return cls(missing=str(error))


@dataclass(frozen=True)
class ClipOptions:
    """How clips are evaluated.

    Attributes:
        split: one of :data:`SPLITS`.
        engines: names of engines; the first is the one whose clips are looked at closely.
        conditions: noises and gains under which the first engine hears the clips, too.
        carried: whether to hear them in streams that are never reset, too.
        quantization: whether to measure what int8 does to each tensor; needs a reference.
        skip_missing: report engines that cannot run here instead of raising.
        seed: of the draw of unknown words, silence, noise and the order in streams.
        processes: how many; by default as many as the work is worth, at most all cores. The
            report does not depend on it.
    """

    split: str = "validation"
    engines: tuple[str, ...] = ("c",)
    conditions: tuple[Condition, ...] = ()
    carried: bool = True
    quantization: bool = False
    skip_missing: bool = False
    seed: int = 1
    processes: int | None = None


DEFAULTS = ClipOptions()
NO_REFERENCE = Reference()


def choose(root: Path, data: DataConfig, split: str, seed: int) -> list[clip_index.Example]:
    """The clips to evaluate: a split as in training, or every clip of the folder.

    Raises:
        KwsError: no such split, or it is empty.
    """
    if split not in SPLITS:
        raise KwsError(f"there is no split {split!r}; choose from {', '.join(SPLITS)}")
    listed = clip_index.index(root, data)
    whole = split == "all"
    chosen = clip_index.everything(listed, data) if whole else clip_index.examples(listed, data, split, seed)
    if not chosen:
        have = {c.split for c in listed}
        raise KwsError(f"{root} has no clips in its {split} split, only in: {', '.join(sorted(have))}")
    return chosen


def evaluate_clips(
    model: Model,
    root: Path,
    options: ClipOptions = DEFAULTS,
    reference: Reference = NO_REFERENCE,
    progress: Progress | None = None,
) -> ClipReport:
    """Label the clips of a data set with each engine.

    Args:
        model: what to run; its metadata gives labels and clip length.
        root: a data set in Speech Commands' layout or a folder of word folders.
        options: what is evaluated, and how.
        reference: the float network, if there is one.
        progress: called with (clips done, clips in total).

    Raises:
        KwsError: the model is a bare network, an engine is missing, or clips cannot be read.
    """
    info = model.require_info()
    if len(info.labels) == 1:
        raise KwsError(
            f"{model.source} says how probable one word is and nothing else, so clips of other words have no label;"
            " `kws stream-test` counts its misses and false accepts"
        )
    data = info.data
    seed, floats = options.seed, reference.network
    chosen = choose(root, data, options.split, seed)
    background = clip_index.background(root)
    usable, missing = _usable(model, options.engines, options.skip_missing)
    source = NoiseSource(background, data.clip_samples, seed)
    silence = clip_index.load([e for e in chosen if e.clip is None], data, source)[0]
    runner = ClipRunner(model, usable, floats, tuple(chosen), data, tuple(background), silence, seed)
    tensors = None
    if options.quantization and floats is not None:
        tensors = noise.measure(model, floats, _features(model, runner, len(chosen)))
    results = _run(runner, len(chosen), options, progress)
    true = np.array([e.label for e in chosen], np.int32)
    guesses = _gather(results, len(chosen))
    names = [*usable, *([FLOAT] if floats is not None else [])]
    who = [f"silence {i}" if e.clip is None else e.clip.speaker for i, e in enumerate(chosen)]
    scores = [_score(name, true, who, guesses, len(info.classes), _errors(results, name)) for name in names]
    first = guesses[usable[0], CLEAN]
    return ClipReport(
        info.classes,
        root.resolve().name,
        clip_index.is_synthetic(root),
        bool(background),
        options.split,
        seed,
        tuple(scores),
        reference.missing,
        missing,
        scoring.by_word(chosen, first, info.classes),
        scoring.by_speaker(chosen, first, info.classes),
        {c: _right(true, who, guesses[usable[0], c]) for c in options.conditions},
        tensors,
        limits.scope(info, data, root, options.split, [e.clip for e in chosen if e.clip is not None]),
    )


def _usable(model: Model, engines: Sequence[str], skip_missing: bool) -> tuple[tuple[str, ...], dict[str, str]]:
    """The engines that can be made, and why others cannot. Making them here builds what they need once."""
    usable, missing = [], {}
    for name in engines:
        try:
            with create(name, model):
                usable.append(name)
        except KwsError as error:
            if not skip_missing:
                raise
            missing[name] = str(error)
    if not usable:
        raise KwsError("none of the engines can run here: " + "; ".join(missing.values()))
    return tuple(usable), missing


def _features(model: Model, runner: ClipRunner, count: int) -> npt.NDArray[np.int8]:
    """Features of clips from all over the list, int8 [clips, frames, bands]."""
    pcm = runner.load(np.unique(np.linspace(0, count - 1, min(count, _NOISE_CLIPS)).astype(int)).tolist())
    return model.require_info().frontend.twin(len(pcm)).process(pcm)


def _run(runner: ClipRunner, count: int, options: ClipOptions, progress: Progress | None) -> list[ClipResults]:
    jobs: list[ClipJob | SequenceJob] = []
    if options.carried:
        sequences = clip_sequences(count, runner.seed)
        rows = [slice(i, i + _SIDE_BY_SIDE) for i in range(0, len(sequences.clips), _SIDE_BY_SIDE)]
        jobs += [SequenceJob(ClipSequences(sequences.clips[r], sequences.scored[r])) for r in rows]
    blocks = [tuple(range(i, min(i + _BLOCK, count))) for i in range(0, count, _BLOCK)]
    jobs += [ClipJob(block, (CLEAN, *options.conditions)) for block in blocks]
    total = sum(job.count for job in jobs)
    processes = options.processes
    if processes is None and total * (len(runner.engines) + (runner.reference is not None)) < _WORTH_PROCESSES:
        processes = 1
    found, done = [], 0
    with contextlib.closing(workers.run(runner, jobs, processes)) as results:
        for job, result in results:
            found.append(result)
            done += job.count
            if progress is not None:
                progress(done, total)
    # In an order of their own, so that sums of floats do not depend on who was first.
    return sorted(found, key=lambda r: (CLEAN in {c for _, c in r.labels}, int(r.clips[0])))


def _gather(results: Sequence[ClipResults], count: int) -> dict[tuple[str, Condition | None], Int64]:
    guesses: dict[tuple[str, Condition | None], Int64] = {}
    for part in results:
        for key, labels in part.labels.items():
            guesses.setdefault(key, np.full(count, -1, np.int64))[part.clips] = labels
    return guesses


def _errors(results: Sequence[ClipResults], engine: str) -> tuple[float, float] | None:
    parts = [r.errors[engine] for r in results if engine in r.errors]
    if not parts:
        return None
    return sum(p[0] for p in parts) / sum(p[2] for p in parts), max(p[1] for p in parts)


def _right(true: npt.NDArray[np.int32], who: Sequence[str], guess: Int64) -> Rate:
    right = true == guess
    return Rate(int(np.sum(right)), len(true), scoring.design_effect(right, who))


def _score(
    engine: str,
    true: npt.NDArray[np.int32],
    who: Sequence[str],
    guesses: dict[tuple[str, Condition | None], Int64],
    labels: int,
    errors: tuple[float, float] | None,
) -> Accuracy:
    guess, carried = guesses[engine, CLEAN], guesses.get((engine, None))
    floats = guesses.get((FLOAT, CLEAN)) if engine != FLOAT else None
    return Accuracy(
        engine,
        scoring.confusion(true, guess, labels),
        scoring.design_effect(true == guess, who),
        None if floats is None else float(np.mean(guess == floats)),
        None if carried is None else _right(true, who, carried),
        errors,
    )
