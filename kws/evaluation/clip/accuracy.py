"""Clip accuracy: how many clips get the right label, and under which conditions they do not.

The label of a clip is decided in `kws.evaluation.clip.decision`. Clips start from a reset; the
*carried* figure is that of the same clips in streams that are never reset
(`kws.evaluation.clip.conditions.deal`), as on a device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import workers
from kws.config import DataConfig, from_dict
from kws.datasets import clips as clip_index
from kws.datasets.augment import NoiseSource
from kws.engines import create
from kws.errors import KwsError
from kws.evaluation.clip import scoring
from kws.evaluation.clip.conditions import CLEAN, Condition, deal
from kws.evaluation.clip.runner import FLOAT, ClipJob, ClipRunner, Heard, StreamJob
from kws.evaluation.clip.scoring import Accuracy, Group, Rate, Speakers
from kws.model.file import Model, ModelInfo
from kws.quantize import noise as quantization_noise
from kws.quantize.float_reference import FloatNetwork

Progress = Callable[[int, int], None]
SPLITS = ("validation", "testing", "training", "all")
_BLOCK = 256
_SIDE_BY_SIDE = 8
# Below this the start of other processes takes longer than the work.
_WORTH_PROCESSES = 1500
_NOISE_CLIPS = 150


@dataclass(frozen=True)
class Report:
    """What `evaluate` found.

    Attributes:
        labels: class names.
        data: the data folder's name.
        synthetic: whether the data set says that it is synthetic speech.
        background: whether it has noise recordings; otherwise noise is synthesised.
        split: what was evaluated.
        seed: of every draw.
        results: one entry an engine; the float network, if there, is last.
        float_missing: why there is no float entry, or None.
        engines_missing: engines that were asked for but cannot run here, and why.
        words: by word folder, worst first, on the first engine.
        speakers: by speaker, on the first engine; None where nobody has enough clips.
        conditions: clips labelled right by the first engine under each condition.
        quantization: what int8 does to each tensor, if it was asked for.
    """

    labels: tuple[str, ...]
    data: str
    synthetic: bool
    background: bool
    split: str
    seed: int
    results: tuple[Accuracy, ...]
    float_missing: str | None
    engines_missing: dict[str, str]
    words: tuple[Group, ...]
    speakers: Speakers | None
    conditions: dict[Condition, Rate]
    quantization: quantization_noise.Noise | None

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON; what is by the first engine stands at the top."""
        first = self.results[0]
        speakers = None
        if self.speakers is not None:
            speakers = {
                "min_clips": scoring.MIN_SPEAKER_CLIPS,
                "worst_decile": self.speakers.worst_decile,
                "worst_decile_by_chance": self.speakers.by_chance,
                "dispersion": self.speakers.dispersion,
                "speakers": [_group(g) for g in self.speakers.groups],
            }
        return {
            "labels": list(self.labels),
            "data": self.data,
            "synthetic": self.synthetic,
            "background_recordings": self.background,
            "split": self.split,
            "seed": self.seed,
            "engine": first.engine,
            "accuracy": first.accuracy,
            "results": {r.engine: _result(r, self.labels) for r in self.results},
            "float_missing": self.float_missing,
            "engines_missing": self.engines_missing,
            "words": [_group(g) for g in self.words],
            "speakers": speakers,
            "conditions": [{**asdict(c), **_rate(r)} for c, r in self.conditions.items()],
            "quantization": None if self.quantization is None else self.quantization.as_dict(),
        }


def _rate(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {
        "accuracy": rate.share,
        "correct": rate.correct,
        "total": rate.total,
        "interval": [low, high],
        "design_effect": rate.design_effect,
    }


def _group(group: Group) -> dict[str, Any]:
    return {"name": group.name, "correct": group.rate.correct, "total": group.rate.total, "heard": group.heard}


def _result(r: Accuracy, labels: tuple[str, ...]) -> dict[str, Any]:
    classes = {
        label: {"recall": None if np.isnan(recall) else recall, "precision": None if np.isnan(hit) else hit}
        for label, recall, hit in zip(labels, r.recall().tolist(), r.precision().tolist(), strict=True)
    }
    return {
        **_rate(r.rate),
        "confusion": r.confusion.tolist(),
        "classes": classes,
        "agreement_with_float": r.agreement,
        "carried": None if r.carried is None else _rate(r.carried),
        "posterior_error": None
        if r.posterior_error is None
        else {"mean": r.posterior_error[0], "max": r.posterior_error[1]},
    }


def data_config(info: ModelInfo) -> DataConfig:
    """How the model's clips were chosen and cut, as far as its provenance tells."""
    words = info.labels[info.first_word :]
    stored = info.provenance.get("settings", {})
    values = stored.get("data", {}) if isinstance(stored, dict) else {}
    return from_dict(DataConfig, {**(values if isinstance(values, dict) else {}), "words": list(words)}, "data")


def choose(root: Path, data: DataConfig, split: str, seed: int) -> list[clip_index.Example]:
    """The clips to evaluate: a split as in training, or every clip of the folder.

    Raises:
        KwsError: no such split, or it is empty.
    """
    if split not in SPLITS:
        raise KwsError(f"there is no split {split!r}; choose from {', '.join(SPLITS)}")
    listed = clip_index.index(root, data.validation_percent, data.testing_percent, data.split_by)
    whole = split == "all"
    chosen = clip_index.everything(listed, data) if whole else clip_index.examples(listed, data, split, seed)
    if not chosen:
        have = {c.split for c in listed}
        raise KwsError(f"{root} has no clips in its {split} split, only in: {', '.join(sorted(have))}")
    return chosen


def evaluate(
    model: Model,
    root: Path,
    *,
    split: str = "validation",
    engines: Sequence[str] = ("c",),
    reference: FloatNetwork | None = None,
    float_missing: str | None = None,
    conditions: Sequence[Condition] = (),
    carried: bool = True,
    quantization: bool = False,
    skip_missing: bool = False,
    seed: int = 1,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Label the clips of a data set with each engine.

    The report does not depend on the number of processes.

    Args:
        model: what to run; its metadata gives labels and clip length.
        root: a data set in Speech Commands' layout or a folder of word folders.
        split: one of :data:`SPLITS`.
        engines: names of engines; the first is the one whose clips are looked at closely.
        reference: the float network, to see what quantization cost.
        float_missing: why ``reference`` is None, for the report.
        conditions: noises and gains under which the first engine hears the clips, too.
        carried: whether to hear them in streams that are never reset, too.
        quantization: whether to measure what int8 does to each tensor; needs ``reference``.
        skip_missing: report engines that cannot run here instead of raising.
        seed: of the draw of unknown words, silence, noise and the order in streams.
        processes: how many; by default as many as the work is worth, at most all cores.
        progress: called with (clips done, clips in total).

    Raises:
        KwsError: the model is a bare network, an engine is missing, or clips cannot be read.
    """
    info = model.require_info()
    data = data_config(info)
    chosen = choose(root, data, split, seed)
    background = clip_index.background(root)
    usable, missing = _usable(model, engines, skip_missing)
    noise = NoiseSource(background, data.clip_samples, seed)
    silence = clip_index.load([e for e in chosen if e.clip is None], data, noise)[0]
    runner = ClipRunner(model, usable, reference, tuple(chosen), data, tuple(background), silence, seed)
    tensors = None
    if quantization and reference is not None:
        tensors = quantization_noise.measure(model, reference, _features(model, runner, len(chosen)))
    heard = _hear(runner, len(chosen), (CLEAN, *conditions), carried, processes, progress)
    true = np.array([e.label for e in chosen], np.int32)
    guesses = _gather(heard, len(chosen))
    names = [*usable, *([FLOAT] if reference is not None else [])]
    who = [f"silence {i}" if e.clip is None else e.clip.speaker for i, e in enumerate(chosen)]
    results = [_score(name, true, who, guesses, len(info.labels), _errors(heard, name)) for name in names]
    first = guesses[usable[0], CLEAN]
    return Report(
        info.labels,
        root.resolve().name,
        clip_index.is_synthetic(root),
        bool(background),
        split,
        seed,
        tuple(results),
        float_missing,
        missing,
        scoring.by_word(chosen, first, info.labels),
        scoring.by_speaker(chosen, first, info.labels),
        {c: _right(true, who, guesses[usable[0], c]) for c in conditions},
        tensors,
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


def _hear(
    runner: ClipRunner,
    count: int,
    conditions: tuple[Condition, ...],
    carried: bool,
    processes: int | None,
    progress: Progress | None,
) -> list[Heard]:
    jobs: list[ClipJob | StreamJob] = []
    if carried:
        dealt = deal(count, runner.seed)
        blocks = [slice(i, i + _SIDE_BY_SIDE) for i in range(0, len(dealt.places), _SIDE_BY_SIDE)]
        jobs += [StreamJob(dealt.places[b], dealt.counted[b]) for b in blocks]
    places = [tuple(range(i, min(i + _BLOCK, count))) for i in range(0, count, _BLOCK)]
    jobs += [ClipJob(block, conditions) for block in places]
    total = sum(job.clips for job in jobs)
    if processes is None and total * (len(runner.engines) + (runner.reference is not None)) < _WORTH_PROCESSES:
        processes = 1
    heard, done = [], 0
    with contextlib.closing(workers.run(runner, jobs, processes)) as results:
        for job, result in results:
            heard.append(result)
            done += job.clips
            if progress is not None:
                progress(done, total)
    # In an order of their own, so that sums of floats do not depend on who was first.
    return sorted(heard, key=lambda h: (CLEAN in {c for _, c in h.labels}, int(h.places[0])))


def _gather(heard: Sequence[Heard], count: int) -> dict[tuple[str, Condition | None], scoring.Labels]:
    guesses: dict[tuple[str, Condition | None], scoring.Labels] = {}
    for part in heard:
        for key, labels in part.labels.items():
            guesses.setdefault(key, np.full(count, -1, np.int64))[part.places] = labels
    return guesses


def _errors(heard: Sequence[Heard], engine: str) -> tuple[float, float] | None:
    parts = [h.errors[engine] for h in heard if engine in h.errors]
    if not parts:
        return None
    return sum(p[0] for p in parts) / sum(p[2] for p in parts), max(p[1] for p in parts)


def _right(true: npt.NDArray[np.int32], who: Sequence[str], guess: scoring.Labels) -> Rate:
    right = true == guess
    return Rate(int(np.sum(right)), len(true), scoring.design_effect(right, who))


def _score(
    engine: str,
    true: npt.NDArray[np.int32],
    who: Sequence[str],
    guesses: dict[tuple[str, Condition | None], scoring.Labels],
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
