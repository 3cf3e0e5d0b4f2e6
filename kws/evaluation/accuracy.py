"""Clip accuracy: how many clips get the right label, by engine, and what quantization cost.

The label of a clip is the one with the greatest posterior after its last frame, from a reset;
the lowest index wins a tie.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import DataConfig, from_dict
from kws.datasets import clips as clip_index
from kws.datasets.augment import NoiseSource
from kws.engines import create
from kws.errors import KwsError
from kws.fixedpoint.frontend import Frontend
from kws.quantize.float_reference import FloatNetwork
from kws.quantize.model import Model, ModelInfo

Progress = Callable[[int, int], None]
SPLITS = ("validation", "testing", "training", "all")
_BATCH = 512


@dataclass(frozen=True)
class Accuracy:
    """How one engine (or the float network) labelled the clips.

    Attributes:
        engine: its name; ``float`` for the unquantized network.
        correct: clips labelled right.
        total: clips.
        confusion: int [labels, labels]; rows are the true labels.
        agreement: share of clips with the same label as the float network, or None.
    """

    engine: str
    correct: int
    total: int
    confusion: npt.NDArray[np.int64]
    agreement: float | None = None

    @property
    def accuracy(self) -> float:
        """Share of clips labelled right, 0 to 1."""
        return self.correct / self.total

    def recall(self) -> npt.NDArray[np.float64]:
        """Share of each label's clips that were labelled so; NaN for a label without clips."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.diag(self.confusion) / self.confusion.sum(axis=1), np.float64)

    def precision(self) -> npt.NDArray[np.float64]:
        """Share right of the clips given each label; NaN for a label never given."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.diag(self.confusion) / self.confusion.sum(axis=0), np.float64)


@dataclass(frozen=True)
class Report:
    """What `evaluate` found.

    Attributes:
        labels: class names.
        data: the data folder's name.
        synthetic: whether the data set says that it is synthetic speech.
        split: what was evaluated.
        results: one entry an engine; the float network, if there, is last.
        float_missing: why there is no float entry, or None.
    """

    labels: tuple[str, ...]
    data: str
    synthetic: bool
    split: str
    results: tuple[Accuracy, ...]
    float_missing: str | None

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON; ``accuracy`` is the first engine's."""
        entries = {}
        for r in self.results:
            entries[r.engine] = {
                "accuracy": r.accuracy,
                "correct": r.correct,
                "total": r.total,
                "confusion": r.confusion.tolist(),
                "agreement_with_float": r.agreement,
            }
        return {
            "labels": list(self.labels),
            "data": self.data,
            "synthetic": self.synthetic,
            "split": self.split,
            "engine": self.results[0].engine,
            "accuracy": self.results[0].accuracy,
            "results": entries,
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
    listed = clip_index.index(root, data.validation_percent, data.testing_percent)
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
    seed: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Label the clips of a data set with each engine.

    Args:
        model: what to run; its metadata gives labels and clip length.
        root: a data set in Speech Commands' layout or a folder of word folders.
        split: one of :data:`SPLITS`.
        engines: names of engines.
        reference: the float network, to see what quantization cost.
        float_missing: why ``reference`` is None, for the report.
        seed: of the draw of unknown words and silence.
        progress: called with (clips done, clips in total).

    Raises:
        KwsError: the model is a bare network, an engine is missing, or clips cannot be read.
    """
    info = model.require_info()
    data = data_config(info)
    chosen = choose(root, data, split, seed)
    noise = NoiseSource(clip_index.background(root), data.clip_samples, seed)
    guesses: dict[str, list[npt.NDArray[np.int64]]] = {name: [] for name in [*engines, "float"]}
    truth = []
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(create(name, model)) for name in engines]
        for start in range(0, len(chosen), _BATCH):
            pcm, labels = clip_index.load(chosen[start : start + _BATCH], data, noise)
            truth.append(labels)
            for engine in running:
                guesses[engine.name].append(np.argmax(engine.classify(pcm), axis=1))
            if reference is not None:
                features = Frontend(model.tables, len(pcm)).process(pcm)
                guesses["float"].append(np.argmax(reference.run(features)[:, -1], axis=1))
            if progress is not None:
                progress(min(start + _BATCH, len(chosen)), len(chosen))
    true = np.concatenate(truth)
    float_labels = np.concatenate(guesses["float"]) if reference is not None else None
    results = [
        _score(name, true, np.concatenate(parts), len(info.labels), float_labels if name != "float" else None)
        for name, parts in guesses.items()
        if parts
    ]
    return Report(info.labels, root.resolve().name, clip_index.is_synthetic(root), split, tuple(results), float_missing)


def _score(
    engine: str,
    true: npt.NDArray[np.int32],
    guess: npt.NDArray[np.int64],
    labels: int,
    float_labels: npt.NDArray[np.int64] | None,
) -> Accuracy:
    confusion = np.zeros((labels, labels), np.int64)
    np.add.at(confusion, (true, guess), 1)
    agreement = None if float_labels is None else float(np.mean(guess == float_labels))
    return Accuracy(engine, int(np.sum(true == guess)), len(true), confusion, agreement)
