"""The training loop: from an experiment and a folder of clips to a run's folder."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import platform
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import kws
from kws import runs
from kws.config import HEAD, LSTM, TEACHER, Experiment
from kws.errors import KwsError
from kws.files import replacing
from kws.quantize.float_reference import FloatNetwork
from kws.training import features as feature_maker
from kws.training import sources
from kws.training.course import Lessons, StreamCourse, TeacherCourse
from kws.training.descent import Descent
from kws.training.features import Recipe
from kws.training.history import Epoch, History
from kws.training.start import Start
from kws.training.teacher import Teacher, as_labels
from kws.training.tensorflow import require_tensorflow

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how much is done, how much there is)."""
Report = Callable[[Epoch, bool], None]
"""Called after each epoch with it and whether it is the best so far."""

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
    data: Path | Sequence[Path],
    run: Path,
    progress: Progress | None = None,
    report: Report | None = None,
    restart: bool = False,
    teachers: Sequence[Path] = (),
    start: Path | None = None,
    cache: Path | None = None,
) -> History:
    """Train a network on folders of clips, or go on where an interrupted training stopped.

    An LSTM learns on endless streams (`kws.training.streams`): in every batch
    ``training.carry_state`` of the clips go on from the state that the batch before left behind
    (EdgeML's rolling idea), so that the network works both from reset and after hours of
    listening. The weights that are kept are a running average, of the epoch with the best
    validation accuracy (mean of from reset and in a stream, if states are carried).

    After each epoch the folder holds all that is needed to go on: an interrupt (Ctrl-C) loses at
    most the epoch under way, and the resumed training takes the same random draws.

    Args:
        experiment: the settings.
        data: folder of word folders (`kws.datasets`), or several (`kws.datasets.clips.collect`).
            Testing clips are never read.
        run: the run's folder (`kws.runs`), made if missing.
        progress: called often.
        report: called after each epoch.
        restart: throw away what an earlier training left in ``run``.
        teachers: runs of teachers (``network.kind = "teacher"``) to learn from; the mean of
            their posteriors counts ``training.distillation`` against the labels.
        start: .tflite file or run's folder to start from (`kws.training.start`).
        cache: where features are kept, to be shared by several runs; by default in ``run``.

    Returns:
        What each epoch brought, those before an interrupt included.

    Raises:
        KwsError: unusable data; no validation clips; a model that cannot be started from;
            ``run`` holds a training with other settings, data or start; TensorFlow is not
            installed; no room.
    """
    require_tensorflow()
    folders = [data] if isinstance(data, Path) else list(data)
    recipes = sources.recipes(experiment, folders)
    initial, introduction = _start(experiment, start, run)
    if restart:
        _clear(run)
    provenance = _provenance(experiment, sources.described(folders, recipes))
    if teachers:
        provenance["teachers"] = [_introduced(path) for path in teachers]
    if introduction:
        provenance["start"] = introduction
    before = _require_same(provenance, run)
    saved = _load_checkpoint(run)
    # What trained the weights that are there is said by the run that made them.
    provenance |= {key: before[key] for key in ("kws", "versions", "best") if key in before}
    runs.save_json(provenance, run / runs.PROVENANCE)
    runs.write_config(experiment, run)
    folder = run / runs.CACHE if cache is None else cache
    lessons, validation = _features(recipes, folder, cache is not None, progress)
    is_teacher = experiment.network.kind == TEACHER
    if not is_teacher:
        _save_calibration(experiment, lessons.features, run)
    history = saved[1] if saved is not None else None
    plotted = 0.0
    if history is None or not _finished(experiment, history):
        course = _course(experiment, _taught(experiment, lessons, teachers, folder, progress), initial)
        if saved is not None:
            _restore(course.descent, saved[0], run)
        for epoch in _epochs(experiment, course, validation, history, progress):
            history = History((*history.epochs, epoch)) if history is not None else History((epoch,))
            is_best = history.best is epoch
            if is_best:
                course.learner.save(run / runs.WEIGHTS)
            _save_checkpoint(course.descent, history, run)
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


def _start(experiment: Experiment, start: Path | None, run: Path) -> tuple[FloatNetwork | None, dict[str, Any]]:
    """The weights to start from and what the provenance says of them."""
    if start is None:
        if experiment.training.trainable == HEAD and experiment.network.kind == LSTM:
            raise KwsError(
                f'training.trainable = "{HEAD}" leaves the LSTMs as they are, so they must come from a trained model;'
                " name one with --from"
            )
        return None, {}
    if os.path.realpath(start) in map(os.path.realpath, (run, run / runs.MODEL)):
        raise KwsError(f"{run} cannot start from itself; train into another folder")
    found = Start.load(start)
    return found.network_for(experiment), found.introduced()


def _provenance(experiment: Experiment, data: dict[str, Any]) -> dict[str, Any]:
    # No date and no path: the same data and settings give the same file, on any machine.
    return {
        "kws": kws.__version__,
        "settings": experiment.as_dict(),
        "data": data,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            **{name: _version(name) for name in ("tensorflow", "tf_keras")},
        },
    }


def _introduced(run: Path) -> dict[str, Any]:
    """What a student's provenance says of a teacher."""
    values = runs.load_json(run / runs.PROVENANCE)
    try:
        return {"name": values["settings"]["name"], "weights": runs.digest(run / runs.WEIGHTS), **values["best"]}
    except (KwsError, KeyError) as error:
        raise KwsError(f"{run} is not the run of a trained teacher ({error}); train it first") from error


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
        # A setting that came into being since then had its default.
        old, new = {**_flat(Experiment().as_dict()), **_flat(before["settings"])}, _flat(provenance["settings"])
        same_data = before["data"]["fingerprint"] == provenance["data"]["fingerprint"]
    except (KeyError, TypeError, AttributeError) as error:
        raise KwsError(f"{run / runs.PROVENANCE} is damaged ({error}); {remedy}") from error
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and key.split(".")[0] not in _FREE:
            raise KwsError(
                f"{run} holds a training with other settings ({key} is {old.get(key)} there and {new.get(key)} now);"
                f" {remedy}"
            )
    if before.get("teachers") != provenance.get("teachers"):
        raise KwsError(f"{run} holds a training with other teachers; {remedy}")
    if (began := before.get("start")) != (begins := provenance.get("start")):
        raise KwsError(
            f"{run} holds a training that started from {_called(began)}, not from {_called(begins)}; {remedy}"
        )
    if not same_data:
        raise KwsError(f"{run} holds a training on other clips than {provenance['data']['name']} has now; {remedy}")
    return before


def _called(start: dict[str, Any] | None) -> str:
    return "random weights" if start is None else f"the model {start['name']} ({start['id']})"


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


def _features(recipes: dict[str, Recipe], cache: Path, shared: bool, progress: Progress | None) -> tuple[Lessons, _Set]:
    made = []
    for split, recipe in recipes.items():

        def tell(done: int, total: int, what: str = f"features of {split} clips") -> None:
            if progress is not None:
                progress(what, done, total)

        labels = np.array([e.label for e in recipe.examples], np.int32)
        made.append((feature_maker.features(recipe, cache, tell, shared), labels))
    (lessons, lesson_labels), (judged, labels) = made
    # Streams of validation clips must be mixed.
    order = np.random.default_rng(0).permutation(len(labels))
    validation = _Set(judged.features[order, 0], labels[order])
    return Lessons(lessons.features, lessons.ends, lesson_labels, None), validation


def _taught(
    experiment: Experiment, lessons: Lessons, teachers: Sequence[Path], cache: Path, progress: Progress | None
) -> Lessons:
    """The lessons with the mean of the teachers' posteriors, kept in the cache."""
    if not teachers:
        return lessons
    key = hashlib.sha256(lessons.features.data)
    key.update(json.dumps([experiment.data.labels, [_introduced(run) for run in teachers]]).encode())
    path = cache / f"taught-{key.hexdigest()[:16]}.npy"
    shape = (*lessons.features.shape[:2], len(experiment.data.labels))
    if path.exists():
        with contextlib.suppress(OSError, ValueError, EOFError):
            found = np.load(path, allow_pickle=False)
            if found.shape == shape and found.dtype == np.float32:
                return dataclasses.replace(lessons, taught=found)
    clips = lessons.features.reshape(-1, *lessons.features.shape[2:])
    total = np.zeros(shape, np.float32)
    for number, run in enumerate(teachers, 1):
        teacher, settings = Teacher.load(run)
        if settings.frontend != experiment.frontend or settings.data.clip_ms != experiment.data.clip_ms:
            raise KwsError(f"the teacher {run} hears with another front end or clip length; train one with the same")

        def tell(done: int, count: int, what: str = f"teacher {number} of {len(teachers)}") -> None:
            if progress is not None:
                progress(what, done, count)

        posteriors = as_labels(teacher.posteriors(clips, tell), settings, experiment)
        total += posteriors.reshape(shape) / len(teachers)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, total)
    return dataclasses.replace(lessons, taught=total)


def _save_calibration(experiment: Experiment, features: Int8, run: Path) -> None:
    config = experiment.training
    rng = np.random.default_rng([config.seed, 0])
    chosen = rng.permutation(len(features))[: config.calibration_clips]
    which = rng.integers(features.shape[1], size=len(chosen))
    with replacing(run / runs.CALIBRATION) as temporary, temporary.open("wb") as file:
        np.save(file, features[chosen, which])


def _course(experiment: Experiment, lessons: Lessons, initial: FloatNetwork | None) -> StreamCourse | TeacherCourse:
    if experiment.network.kind == TEACHER:
        return TeacherCourse(experiment, lessons)
    return StreamCourse(experiment, lessons, initial)


def _epochs(
    experiment: Experiment,
    course: StreamCourse | TeacherCourse,
    validation: _Set,
    history: History | None,
    progress: Progress | None,
) -> Iterator[Epoch]:
    for number in range(1 + (len(history.epochs) if history is not None else 0), experiment.training.epochs + 1):
        begin = time.monotonic()

        def tell(done: int, total: int, what: str = f"epoch {number}") -> None:
            if progress is not None:
                progress(what, done, total)

        loss, accuracy = course.epoch(number, tell)
        verdict = course.judge(validation.features, validation.labels)
        carries = experiment.training.carry_state > 0
        yield Epoch(
            epoch=number,
            learning_rate=course.descent.learning_rate,
            loss=loss,
            accuracy=accuracy,
            validation_loss=verdict.loss,
            validation_accuracy=verdict.from_reset,
            stream_accuracy=verdict.in_stream,
            score=(verdict.from_reset + verdict.in_stream) / 2 if carries else verdict.from_reset,
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
            "validation_accuracy": round(best.validation_accuracy, 4),
            "stream_accuracy": round(best.stream_accuracy, 4),
        }
    }
    runs.save_json({**provenance, **result}, run / runs.PROVENANCE)
    runs.save_json(history.as_dict(), run / runs.HISTORY)


def _save_checkpoint(descent: Descent, history: History, run: Path) -> None:
    # One file, so that state and history cannot disagree.
    arrays: dict[str, Any] = {**descent.state(), "history": np.array(json.dumps(history.as_dict()))}
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


def _restore(descent: Descent, arrays: dict[str, npt.NDArray[Any]], run: Path) -> None:
    try:
        descent.restore(arrays)
    except (KeyError, ValueError) as error:
        raise KwsError(f"{run / runs.CHECKPOINT} does not fit the network; train with --restart") from error
