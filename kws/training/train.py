"""The training loop: from an experiment and a folder of clips to a run's folder."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import kws
from kws import runs
from kws.config import Experiment
from kws.datasets import is_synthetic, spec_augment
from kws.errors import KwsError
from kws.files import replacing
from kws.training import features as feature_maker
from kws.training.features import Recipe
from kws.training.history import Epoch, History
from kws.training.network import Learner, require_tensorflow

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how much is done, how much there is)."""
Report = Callable[[Epoch, bool], None]
"""Called after each epoch with it and whether it is the best so far."""

# Streams that validation clips are dealt to; also the number of clips evaluated in step.
_VALIDATION_STREAMS = 128
# A picture takes as long as many a short epoch.
_PLOT_SECONDS = 10.0
# Settings that a run may change without its training being another one.
_FREE = ("name", "detector")


@dataclass(frozen=True)
class _Set:
    features: Int8
    labels: Int32


def train(
    experiment: Experiment,
    data: Path,
    run: Path,
    progress: Progress | None = None,
    report: Report | None = None,
    restart: bool = False,
) -> History:
    """Train a network on a folder of clips, or go on where an interrupted training stopped.

    The loss is the cross-entropy of the posteriors after a clip's last frame. In every batch
    ``training.carry_state`` of the clips start from the LSTM state that a clip of the batch
    before left behind (EdgeML's rolling idea), so that the network works both from reset and
    after hours of listening. The weights that are kept are a running average, of the epoch with
    the best validation accuracy (mean of from reset and in a stream, if states are carried).

    After each epoch the folder holds all that is needed to go on: an interrupt (Ctrl-C) loses at
    most the epoch under way, and the resumed training takes the same random draws.

    Args:
        experiment: the settings.
        data: folder of word folders (`kws.datasets`). Testing clips are never read.
        run: the run's folder (`kws.runs`), made if missing.
        progress: called often.
        report: called after each epoch.
        restart: throw away what an earlier training left in ``run``.

    Returns:
        What each epoch brought, those before an interrupt included.

    Raises:
        KwsError: unusable data; no validation clips; ``run`` holds a training with other
            settings or data; TensorFlow is not installed; no room.
    """
    require_tensorflow()
    recipes = {split: feature_maker.recipe(experiment, data, split) for split in ("training", "validation")}
    _require_clips(recipes)
    if restart:
        _clear(run)
    provenance = _provenance(experiment, data, recipes)
    before = _require_same(provenance, run)
    saved = _load_checkpoint(run)
    # What trained the weights that are there is said by the run that made them.
    provenance |= {key: before[key] for key in ("kws", "versions", "best") if key in before}
    runs.save_json(provenance, run / runs.PROVENANCE)
    runs.write_config(experiment, run)
    training_features, validation = _features(recipes, run / runs.CACHE, progress)
    _save_calibration(experiment, training_features.features, run)
    history = saved[1] if saved is not None else None
    plotted = 0.0
    if history is None or not _finished(experiment, history):
        learner = _learner(experiment, len(training_features.labels))
        if saved is not None:
            _restore(learner, saved[0], run)
        for epoch in _epochs(experiment, learner, training_features, validation, history, progress):
            history = History((*history.epochs, epoch)) if history is not None else History((epoch,))
            is_best = history.best is epoch
            if is_best:
                learner.best().save(run / runs.WEIGHTS)
            _save_checkpoint(learner, history, run)
            _save_history(history, provenance, run)
            if time.monotonic() - plotted > _PLOT_SECONDS:
                history.plot(run / runs.PLOT, experiment.name)
                plotted = time.monotonic()
            if report is not None:
                report(epoch, is_best)
            if _finished(experiment, history):
                break
    assert history is not None
    _save_history(history, provenance, run)
    history.plot(run / runs.PLOT, experiment.name)
    return history


def _require_clips(recipes: dict[str, Recipe]) -> None:
    config = recipes["training"].experiment.data
    spoken = {i for i, label in enumerate(config.labels) if not label.startswith("_")}
    trained = {e.label for e in recipes["training"].examples}
    silent = [config.labels[i] for i in sorted(spoken - trained)]
    if silent:
        raise KwsError(
            f"no clips of {', '.join(silent)} are left for training; record more speakers, "
            "or lower data.validation_percent and data.testing_percent"
        )
    if not any(e.label in spoken for e in recipes["validation"].examples):
        raise KwsError(
            "no clips are left for validation; record more speakers, raise data.validation_percent, "
            "or list some clips in validation_list.txt"
        )


def _counts(recipe: Recipe) -> dict[str, int]:
    labels = recipe.experiment.data.labels
    counts = np.bincount([e.label for e in recipe.examples], minlength=len(labels))
    return {label: int(n) for label, n in zip(labels, counts, strict=True)}


def _provenance(experiment: Experiment, data: Path, recipes: dict[str, Recipe]) -> dict[str, Any]:
    # No date and no path: the same data and settings give the same file, on any machine.
    listing = json.dumps([feature_maker.listing(r) for r in recipes.values()])
    return {
        "kws": kws.__version__,
        "settings": experiment.as_dict(),
        "data": {
            "name": data.resolve().name,
            "synthetic": is_synthetic(data),
            "clips": {split: _counts(r) for split, r in recipes.items()},
            "fingerprint": hashlib.sha256(listing.encode()).hexdigest()[:16],
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            **{name: _version(name) for name in ("tensorflow", "tf_keras")},
        },
    }


def _version(package: str) -> str:
    # Not imported: a finished run is recognised without TensorFlow.
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _require_same(provenance: dict[str, Any], run: Path) -> dict[str, Any]:
    """The provenance of the training that is to go on, empty where there is none."""
    if not (run / runs.CHECKPOINT).exists():
        return {}
    remedy = "train with --restart to begin afresh, or into another folder"
    before = runs.load_json(run / runs.PROVENANCE)
    try:
        old, new = _flat(before["settings"]), _flat(provenance["settings"])
        same_data = before["data"]["fingerprint"] == provenance["data"]["fingerprint"]
    except (KeyError, TypeError, AttributeError) as error:
        raise KwsError(f"{run / runs.PROVENANCE} is damaged ({error}); {remedy}") from error
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and key.split(".")[0] not in _FREE:
            raise KwsError(
                f"{run} holds a training with other settings ({key} is {old.get(key)} there and {new.get(key)} now);"
                f" {remedy}"
            )
    if not same_data:
        raise KwsError(f"{run} holds a training on other clips than {provenance['data']['name']} has now; {remedy}")
    return before


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    # Through JSON, so that a tuple equals the list it was saved as.
    flat: dict[str, Any] = {}
    for section, values in json.loads(json.dumps(settings)).items():
        flat |= {f"{section}.{k}": v for k, v in values.items()} if isinstance(values, dict) else {section: values}
    return flat


def _clear(run: Path) -> None:
    # Never the whole folder: it may hold files of the user's.
    for name in (runs.PROVENANCE, runs.HISTORY, runs.PLOT, runs.WEIGHTS, runs.CALIBRATION, runs.MODEL):
        (run / name).unlink(missing_ok=True)
    shutil.rmtree((run / runs.CHECKPOINT).parent, ignore_errors=True)


def _features(recipes: dict[str, Recipe], cache: Path, progress: Progress | None) -> tuple[_Set, _Set]:
    made = []
    for split, recipe in recipes.items():

        def tell(done: int, total: int, what: str = f"features of {split} clips") -> None:
            if progress is not None:
                progress(what, done, total)

        labels = np.array([e.label for e in recipe.examples], np.int32)
        made.append(_Set(feature_maker.features(recipe, cache, tell), labels))
    training, validation = made
    # Streams of validation clips must be mixed.
    order = np.random.default_rng(0).permutation(len(validation.labels))
    return training, _Set(validation.features[order, 0], validation.labels[order])


def _save_calibration(experiment: Experiment, features: Int8, run: Path) -> None:
    config = experiment.training
    rng = np.random.default_rng([config.seed, 0])
    chosen = rng.permutation(len(features))[: config.calibration_clips]
    which = rng.integers(features.shape[1], size=len(chosen))
    with replacing(run / runs.CALIBRATION) as temporary, temporary.open("wb") as file:
        np.save(file, features[chosen, which])


def _batch_size(experiment: Experiment, clips: int) -> int:
    return min(experiment.training.batch_size, clips)


def _learner(experiment: Experiment, clips: int) -> Learner:
    batch = _batch_size(experiment, clips)
    return Learner(
        experiment.frontend.bands,
        len(experiment.data.labels),
        experiment.network,
        experiment.training,
        batch_size=batch,
        steps_per_epoch=clips // batch,
    )


def _epochs(
    experiment: Experiment,
    learner: Learner,
    data: _Set,
    validation: _Set,
    history: History | None,
    progress: Progress | None,
) -> Iterator[Epoch]:
    config = experiment.training
    batch = _batch_size(experiment, len(data.labels))
    for number in range(1 + (len(history.epochs) if history is not None else 0), config.epochs + 1):
        begin = time.monotonic()
        # Its own generator for each epoch: a resumed run draws what an uninterrupted one does.
        rng = np.random.default_rng([config.seed, number])
        order = rng.permutation(len(data.labels))
        variants = rng.integers(data.features.shape[1], size=len(order))
        learner.reset_carried()
        results = []
        total = len(order) // batch
        for step in range(total):
            places = order[step * batch : (step + 1) * batch]
            x = spec_augment(data.features[places, variants[places]], rng, experiment.augment)
            carry = np.less(rng.random(batch), config.carry_state) & (step > 0)
            results.append(learner.train(x, data.labels[places], carry))
            if progress is not None:
                progress(f"epoch {number}", step + 1, total)
        loss, accuracy = np.mean(results, axis=0)
        validation_loss, from_reset, in_stream = learner.evaluate(
            validation.features, validation.labels, _VALIDATION_STREAMS
        )
        yield Epoch(
            epoch=number,
            learning_rate=learner.learning_rate,
            loss=float(loss),
            accuracy=float(accuracy),
            validation_loss=validation_loss,
            validation_accuracy=from_reset,
            stream_accuracy=in_stream,
            score=(from_reset + in_stream) / 2 if config.carry_state > 0 else from_reset,
            seconds=round(time.monotonic() - begin, 2),
        )


def _finished(experiment: Experiment, history: History) -> bool:
    since_best = len(history.epochs) - history.best.epoch
    return len(history.epochs) >= experiment.training.epochs or since_best >= experiment.training.patience


def _save_history(history: History, provenance: dict[str, Any], run: Path) -> None:
    best = history.best
    result = {
        "best": {
            "epoch": best.epoch,
            "validation_accuracy": best.validation_accuracy,
            "stream_accuracy": best.stream_accuracy,
        }
    }
    runs.save_json({**provenance, **result}, run / runs.PROVENANCE)
    runs.save_json(history.as_dict(), run / runs.HISTORY)


def _save_checkpoint(learner: Learner, history: History, run: Path) -> None:
    # One file, so that state and history cannot disagree.
    arrays: dict[str, Any] = {**learner.state(), "history": np.array(json.dumps(history.as_dict()))}
    with replacing(run / runs.CHECKPOINT) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _load_checkpoint(run: Path) -> tuple[dict[str, npt.NDArray[Any]], History] | None:
    path = run / runs.CHECKPOINT
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, History.from_dict(json.loads(str(arrays.pop("history"))))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise KwsError(f"{path} is damaged ({error}); train with --restart to begin afresh") from error


def _restore(learner: Learner, arrays: dict[str, npt.NDArray[Any]], run: Path) -> None:
    try:
        learner.restore(arrays)
    except (KeyError, ValueError) as error:
        raise KwsError(f"{run / runs.CHECKPOINT} does not fit the network; train with --restart") from error
