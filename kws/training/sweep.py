"""Trainings over settings and seeds, side by side (`kws.training.side_by_side`), gone on with."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws import config, runs
from kws.config import Experiment
from kws.errors import KwsError
from kws.files import require_place
from kws.network.tensorflow import require_tensorflow
from kws.training import distillation, sources
from kws.training import start as starts
from kws.training.history import History
from kws.training.side_by_side import Training, train_all, what_is_heard
from kws.training.train import TrainOptions
from kws.types import StageProgress

RUNS, RESULTS, CACHE = "runs", "results", "cache"
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
    given = points(experiment, grid)
    options = options or TrainOptions()
    options = dataclasses.replace(options, cache=options.cache or out / CACHE)
    results = out.absolute() / RESULTS
    require_place(results / "x")
    keys = _keys(given, data, options)
    trainings = [Training(p.experiment, out / RUNS / p.name) for p in given]
    point_of = dict(zip(trainings, given, strict=True))
    finished = [t for t in trainings if _load(results, point_of[t], keys[point_of[t].name]) is not None]
    missing = [t for t in trainings if t not in finished]
    with closing(train_all(missing, data, options, processes, progress, finished)) as found:
        for training, history in found:
            point = point_of[training]
            values = {"key": keys[point.name], **_values(point, training.run, history)}
            runs.save_json(values, results / f"{point.name}.json")
    return [_require(results, p, keys[p.name]) for p in given]


def _keys(given: Sequence[Point], data: Sequence[Path], options: TrainOptions) -> dict[str, str]:
    """A digest of all that each training depends on, by the point's name."""
    teachers = [distillation.provenance(run) for run in options.teachers]
    keys = {}
    prints: dict[str, str] = {}
    begins: dict[str, dict[str, Any] | None] = {}
    for point in given:
        plain = point.experiment.as_dict()
        about = what_is_heard(point.experiment)
        if about not in prints:
            found = sources.find(point.experiment, data, options.others, options.leave_out)
            prints[about] = sources.provenance(data, found, options.others)["fingerprint"]
        network, start = point.experiment.network, options.start
        if network.kind not in begins:
            begins[network.kind] = None if start is None else starts.load(start, network).provenance()
        text = json.dumps([{"teachers": teachers, "start": begins[network.kind]}, plain, prints[about]])
        keys[point.name] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return keys


def _values(point: Point, run: Path, history: History) -> dict[str, Any]:
    """What a result's file says."""
    kept = dataclasses.asdict(history.kept)
    with np.load(run / runs.WEIGHTS, allow_pickle=False) as file:
        weights = sum(int(np.prod(file[name].shape)) for name in file.files)
    return {
        "settings": [list(pair) for pair in point.settings],
        "measures": {name: value for name, value in kept.items() if _measured(name, value)},
        "best": history.kept.epoch,
        "epochs": len(history.epochs),
        "weights": weights,
    }


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
