"""Trainings over settings and seeds: the same jobs here or on a cluster, gone on with, features shared.

Each training has a run's folder of its own (`kws.runs`) and uses one thread, so that several run side by
side and none depends on how many.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws import config, runs, workers
from kws.config import Experiment
from kws.errors import KwsError
from kws.files import parse_json, require_place
from kws.network.tensorflow import require_tensorflow
from kws.training import distillation, sources
from kws.training.start import Start
from kws.training.train import TrainOptions, prepare, train
from kws.types import StageProgress

RUNS, RESULTS, CACHE = "runs", "results", "cache"
_LOOK_SECONDS = 2.0
_NAME = 60
_OTHER = ("epoch", "learning_rate", "loss", "accuracy", "validation_loss", "seconds")

Grid = Mapping[str, Sequence[Any]]
"""Values to try by setting, such as ``training.seed``."""


@dataclass(frozen=True)
class Point:
    """One training of a sweep.

    Attributes:
        settings: what the grid set, in its order.
        experiment: with these settings.
    """

    settings: tuple[tuple[str, Any], ...]
    experiment: Experiment

    @property
    def name(self) -> str:
        """Of its folder: the settings, and a digest that tells it from all others."""
        said = ",".join(f"{key.rpartition('.')[2]}={_plain(value)}" for key, value in self.settings)
        text = re.sub(r"[^\w=.,-]+", "-", said)[:_NAME].strip("-")
        return f"{text}-{hashlib.sha256(json.dumps(self.settings).encode()).hexdigest()[:6]}"


@dataclass(frozen=True)
class Result:
    """What a training came to.

    Attributes:
        name: of its folder.
        settings: what the grid set.
        measures: of the best epoch, by name: what of `kws.training.history.Epoch` compares trainings.
        best: the best epoch.
        epochs: how many there were.
        weights: how many the network has.
    """

    name: str
    settings: tuple[tuple[str, Any], ...]
    measures: dict[str, float]
    best: int
    epochs: int
    weights: int


def _plain(value: Any) -> str:
    return "x".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def points(experiment: Experiment, grid: Grid) -> list[Point]:
    """Every combination of a grid's values, the last setting varying fastest.

    Args:
        experiment: what the grid does not set.
        grid: values by setting.

    Raises:
        KwsError: an unknown setting, or a value that it cannot have.
    """
    found = []
    for values in itertools.product(*grid.values()):
        plain = experiment.as_dict()
        for key, value in zip(grid, values, strict=True):
            section, _, name = key.partition(".")
            if not name or not isinstance(plain.get(section), dict):
                raise KwsError(
                    f"{key!r} is no setting; a sweep's settings are like training.seed or network.lstm_units"
                )
            plain[section][name] = value
        found.append(Point(tuple(zip(grid, values, strict=True)), config.from_dict(Experiment, plain)))
    if len({p.name for p in found}) < len(found):
        raise KwsError("a value is given twice in the grid; each is trained once")
    return found


def sweep(
    experiment: Experiment,
    grid: Grid,
    data: Sequence[Path],
    out: Path,
    options: TrainOptions | None = None,
    processes: int | None = None,
    progress: StageProgress | None = None,
) -> list[Result]:
    """Train every point of a grid; what is done is not done again.

    Args:
        experiment: what the grid does not set.
        grid: values by setting.
        data: folders of word folders.
        out: the sweep's folder: ``runs``, ``results``, and ``cache`` unless the options name one.
        options: of each training, but for ``restart``.
        processes: trainings side by side here; all cores if None.
        progress: called with (stage, done, total).

    Returns:
        The results, in order of the points.

    Raises:
        KwsError: as `points` and `kws.training.train.train`.
    """
    require_tensorflow()
    tell = progress if progress is not None else lambda *_: None
    given = points(experiment, grid)
    options = options or TrainOptions()
    options = dataclasses.replace(options, cache=(options.cache or out / CACHE).absolute())
    results = out.absolute() / RESULTS
    require_place(results / "x")
    keys = _keys(given, data, options)
    missing = [p for p in given if _load(results, p, keys[p.name]) is None]
    _prepare(missing, data, options, tell)
    jobs = [(p, (out / RUNS / p.name).absolute()) for p in missing]
    watched = [(out / RUNS / p.name, p.experiment.training.epochs) for p in given]
    done = {p.name for p in given} - {p.name for p in missing}
    worker = _Trainer(tuple(d.absolute() for d in data), options)
    with _watching(watched, done, tell), closing(workers.run(worker, jobs, processes)) as found:
        for (point, _), values in found:
            runs.save_json({"key": keys[point.name], **values}, results / f"{point.name}.json")
            done.add(point.name)
    return [_require(results, p, keys[p.name]) for p in given]


def _keys(given: Sequence[Point], data: Sequence[Path], options: TrainOptions) -> dict[str, str]:
    """A digest of all that each training depends on, by the point's name."""
    said: dict[str, Any] = {"teachers": [distillation.provenance(run) for run in options.teachers]}
    said["start"] = None if options.start is None else Start.load(options.start).provenance()
    keys = {}
    prints: dict[str, str] = {}
    for point in given:
        plain = point.experiment.as_dict()
        about = _heard(plain)
        if about not in prints:
            found = sources.find(point.experiment, data, options.others, options.leave_out)
            prints[about] = sources.provenance(data, found, options.others)["fingerprint"]
        text = json.dumps([said, plain, prints[about]])
        keys[point.name] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return keys


def _heard(plain: dict[str, Any]) -> str:
    """All settings that features may depend on."""
    heard = {name: values for name, values in plain.items() if name not in ("name", "network", "training")}
    training = plain["training"]
    if training["sentences"]:
        # Which sentences fit depends on the rows.
        heard["rows"] = [training[name] for name in ("words_a_row", "gap_ms")]
    return json.dumps(heard)


def _prepare(missing: Sequence[Point], data: Sequence[Path], options: TrainOptions, tell: StageProgress) -> None:
    """Make the features, and what teachers say of them, before any training asks for them."""
    seen = set()
    for point in missing:
        about = _heard(point.experiment.as_dict())
        if about not in seen:
            seen.add(about)
            prepare(point.experiment, data, options, tell)


@dataclass(frozen=True)
class _Trainer:
    """The worker (`kws.workers`)."""

    data: tuple[Path, ...]
    options: TrainOptions

    def __call__(self, job: tuple[Point, Path]) -> dict[str, Any]:
        point, run = job
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, "1")
        history = train(point.experiment, self.data, run, options=self.options)
        best = dataclasses.asdict(history.best)
        with np.load(run / runs.WEIGHTS, allow_pickle=False) as file:
            weights = sum(int(np.prod(file[name].shape)) for name in file.files)
        return {
            "settings": [list(pair) for pair in point.settings],
            "measures": {name: value for name, value in best.items() if _measured(name, value)},
            "best": history.best.epoch,
            "epochs": len(history.epochs),
            "weights": weights,
        }

    def close(self) -> None:
        pass


def _measured(name: str, value: object) -> bool:
    return name not in _OTHER and isinstance(value, int | float)


def _load(results: Path, point: Point, key: str) -> Result | None:
    path = results / f"{point.name}.json"
    if not path.exists():
        return None
    values = runs.load_json(path)
    if values.get("key") != key:
        return None
    try:
        measures = {str(name): float(value) for name, value in values["measures"].items()}
        return Result(point.name, point.settings, measures, values["best"], values["epochs"], values["weights"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise KwsError(f"{path} is damaged ({error!r}); delete it and sweep again") from error


def _require(results: Path, point: Point, key: str) -> Result:
    found = _load(results, point, key)
    if found is None:
        raise KwsError(f"{results / point.name}.json is gone; sweep again")
    return found


@contextmanager
def _watching(watched: Sequence[tuple[Path, int]], done: set[str], tell: StageProgress) -> Iterator[None]:
    """Tell of epochs while trainings run, wherever they do: their histories are files."""
    total = sum(epochs for _, epochs in watched)
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            tell("training (epochs)", sum(e if run.name in done else _epochs(run, e) for run, e in watched), total)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _epochs(run: Path, most: int) -> int:
    try:
        return min(len(parse_json((run / runs.HISTORY).read_bytes())["epochs"]), most)
    except (OSError, ValueError, KeyError, TypeError):
        return 0
