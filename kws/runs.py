"""The folder of one training run: what is in it, and its settings and provenance as files.

====================  =====================================================================
``config.toml``       the exact settings; `kws train` takes it again
``run.json``          provenance: data, versions, the best epoch so far
``history.json``      one entry an epoch
``history.png``       the same as a picture
``weights.npz``       the best epoch's float weights (`kws.network`)
``calibration.npy``   features that set the int8 ranges, int8 [clips, frames, bands]
``checkpoint/``       the whole state of training after the last epoch; to go on from
``cache/``            features of all clips; may be deleted
``model.tflite``      what `kws convert` makes of all this
====================  =====================================================================
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws import network, toml
from kws.config import Experiment, load
from kws.errors import KwsError
from kws.files import parse_json, read_file, write_atomic
from kws.network import FloatNetwork, StreamNetworkConfig

if TYPE_CHECKING:
    from kws.model.file import Model

CONFIG = "config.toml"
PROVENANCE = "run.json"
HISTORY = "history.json"
PLOT = "history.png"
WEIGHTS = "weights.npz"
CALIBRATION = "calibration.npy"
CHECKPOINT = "checkpoint/last.npz"
CACHE = "cache"
MODEL = "model.tflite"


def to_toml(experiment: Experiment) -> str:
    """The experiment as a TOML text that `kws.config.load` reads back as the same experiment."""
    lines = [f"name = {toml.value(experiment.name)}"]
    for section, values in experiment.as_dict().items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]", *(f"{key} = {toml.value(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def write_config(experiment: Experiment, run: Path) -> None:
    """Write a run's ``config.toml``.

    Raises:
        KwsError: the file cannot be written.
    """
    write_atomic(run / CONFIG, to_toml(experiment))


def _is_run(folder: Path) -> bool:
    """Whether a folder has anything of a training; one with models alone has not."""
    return any((folder / name).exists() for name in (CONFIG, WEIGHTS))


def load_config(run: Path) -> Experiment:
    """The settings of a run.

    Raises:
        KwsError: the folder is not a run, or its settings cannot be read.
    """
    if not _is_run(run):
        raise KwsError(f"{run} is not the folder of a training run (no {CONFIG}); run `kws train` first")
    return load(run / CONFIG, earlier=True)


def load_network(run: Path) -> FloatNetwork:
    """The float network of a run's best epoch.

    Raises:
        KwsError: the folder is not a run, or that of a network that no device runs; its weights are
            missing, damaged, or another network's.
    """
    settings = load_config(run).network
    if not isinstance(settings, StreamNetworkConfig):
        raise KwsError(f"{run} is the run of a {settings.kind}, which no device runs; name one that learned from it")
    return settings.float_network.load(run / WEIGHTS)


def network_of(model: Model, run: Path) -> FloatNetwork:
    """The float network in a run's folder, if it is what a model was converted from.

    Raises:
        KwsError: there is none; it has other sizes or was trained on since; or the model is none of kws's own.
    """
    try:
        kind = network.of_graph(model.graph)
    except KwsError as error:
        raise KwsError(f"{model.source} {error}; take a model of kws's own") from error
    if not _is_run(run):
        raise KwsError(f"{model.source} does not lie in the folder of its training, which has the float network")
    found = kind.load(run / WEIGHTS)
    converted = model.require_info().provenance.get("converted_with", {})
    same = found.sizes == kind.from_graph(model.graph).sizes
    if "weights" in converted:
        same &= converted["weights"] == digest(run / WEIGHTS)
    if not same:
        raise KwsError(f"{run / WEIGHTS} is not what {model.source} was converted from; run `kws convert` again")
    return found


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        KwsError: the file cannot be read or is not a JSON object.
    """
    try:
        values = parse_json(read_file(path))
    except OSError as error:
        raise KwsError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise KwsError(f"{path} is damaged ({error}); train again with --restart") from error
    if not isinstance(values, dict):
        raise KwsError(f"{path} is damaged (not an object); train again with --restart")
    return values


def digest(path: Path) -> str:
    """16 hexadecimal digits of a file's SHA-256.

    Raises:
        KwsError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise KwsError(f"cannot read {path}: {error.strerror or error}") from error


def save_json(values: dict[str, Any], path: Path) -> None:
    """Write a JSON object for people to read, keys in the order given.

    Raises:
        KwsError: the file cannot be written.
    """
    write_atomic(path, json.dumps(values, indent=1) + "\n")
