"""Where a run comes from: what ``run.json`` says, and whether a training goes on from the same."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import kws
from kws import runs
from kws.config import Experiment
from kws.earlier import upgraded
from kws.errors import KwsError

# Settings that a run may change without its training being another one.
_FREE = ("name", "detector")
_REMEDY = "train with --restart to begin afresh, or into another folder"


def of(experiment: Experiment, data: dict[str, Any]) -> dict[str, Any]:
    """A run's provenance.

    No date and no path: the same data and settings give the same file, on any machine.

    Args:
        experiment: the settings.
        data: `kws.training.sources.provenance` of the clips.
    """
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


def _version(package: str) -> str:
    # Not imported: a finished run is recognised without TensorFlow.
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def require_same(provenance: dict[str, Any], run: Path) -> dict[str, Any]:
    """The provenance of the training in ``run`` that is to go on, empty where there is none.

    Raises:
        KwsError: it has other settings, teachers, start or clips than ``provenance``.
    """
    if not (run / runs.CHECKPOINT).exists():
        return {}
    before = runs.load_json(run / runs.PROVENANCE)
    try:
        # A setting that came into being since then had its default.
        old = {**_flat(Experiment().as_dict()), **_flat(upgraded(before["settings"]))}
        new = _flat(provenance["settings"])
        same_data = before["data"]["fingerprint"] == provenance["data"]["fingerprint"]
    except (KeyError, TypeError, AttributeError) as error:
        raise KwsError(f"{run / runs.PROVENANCE} is damaged ({error}); {_REMEDY}") from error
    for key in sorted(new):
        if old.get(key) != new[key] and key.split(".")[0] not in _FREE:
            raise KwsError(
                f"{run} holds a training with other settings ({key} is {old.get(key)} there and {new[key]} now);"
                f" {_REMEDY}"
            )
    if before.get("teachers") != provenance.get("teachers"):
        raise KwsError(f"{run} holds a training with other teachers; {_REMEDY}")
    if (began := before.get("start")) != (begins := provenance.get("start")):
        raise KwsError(
            f"{run} holds a training that started from {_called(began)}, not from {_called(begins)}; {_REMEDY}"
        )
    if not same_data:
        raise KwsError(f"{run} holds a training on other clips than {provenance['data']['name']} has now; {_REMEDY}")
    return before


def _called(start: dict[str, Any] | None) -> str:
    return "random weights" if start is None else f"the model {start['name']} ({start['id']})"


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    # Through JSON, so that a tuple equals the list it was saved as.
    flat: dict[str, Any] = {}
    for section, values in json.loads(json.dumps(settings)).items():
        flat |= {f"{section}.{k}": v for k, v in values.items()} if isinstance(values, dict) else {section: values}
    return flat
