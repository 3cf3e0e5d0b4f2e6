"""A trained run to one int8 .tflite file with its metadata.

A network of LSTMs alone is quantized by TensorFlow's converter over whole clips; the result is then made
single-step: every activation keeps one frame where it had a clip's worth. LSTM kernels carry
their state from step to step and from call to call alike, so both compute the same bytes. A network with
convolutions kws quantizes itself (`kws.network.stack.graph`).

The way of a weight: the run's ``weights.npz`` -> Keras -> the converter's file, in a process of its
own -> one graph, single-step and with the metadata -> ``model.tflite``, which is read again as every
other model is before it is kept.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

import kws
from kws import runs
from kws.config import Experiment
from kws.datasets.splits import TRAINING
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.files import require_place, scratch
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE, FEATURE_ZERO_POINT
from kws.model.file import COLLECTIONS, Model, ModelInfo, save, with_info
from kws.network import FloatNetwork, Frame, StreamNetworkConfig
from kws.npz import DAMAGE
from kws.tflite import Graph, parse
from kws.types import Progress

_WORKER = "kws.quantize._converter"
_LAST_LINES = 8
# Sections of which a model says only what is not the default.
_BRIEF = ("augment", "negatives", "training")


@dataclass(frozen=True)
class ConvertResult:
    """What a conversion made.

    Attributes:
        path: the file.
        model: the same, loaded.
        operators: the operators' names in order.
    """

    path: Path
    model: Model
    operators: tuple[str, ...]

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return len(self.model.content)


def convert(run: Path, progress: Progress | None = None) -> ConvertResult:
    """Quantize a run's best weights to ``model.tflite`` in the run's folder.

    The same run gives the same bytes. The int8 ranges come from the run's calibration clips,
    that is, from training clips only.

    Args:
        run: a folder that `kws.training.train` filled.
        progress: called with (0, 1) and (1, 1): the converter tells nothing in between.

    Raises:
        KwsError: not a trained run, or one where no model can be written; TensorFlow is missing or its
            converter failed; the result has an operator that the firmware cannot run.
    """
    experiment = runs.load_config(run)
    network = runs.load_network(run)
    require_place(run / runs.MODEL)
    _require_calibration(run, experiment)
    provenance = _provenance(run)
    _check_fit(network, experiment, run)
    if progress is not None:
        progress(0, 1)
    calibration = np.load(run / runs.CALIBRATION, allow_pickle=False)
    graph = network.equalized(calibration).quantized(calibration)
    if graph is None:
        graph = single_step(parse(quantize(run), "the converter's result"), network)
    info = ModelInfo(experiment.outputs, experiment.frontend, experiment.decision, provenance, experiment.gate)
    content = with_info(graph, info)
    path = run / runs.MODEL
    model = Model.from_bytes(content, os.fspath(path))
    save(content, path)
    if progress is not None:
        progress(1, 1)
    return ConvertResult(path, model, tuple(op.name for op in graph.operators))


def _require_calibration(run: Path, experiment: Experiment) -> None:
    path = run / runs.CALIBRATION
    shape = (experiment.frontend.frames(experiment.data.clip_samples), experiment.frontend.features)
    try:
        features = np.load(path, allow_pickle=False)
    except DAMAGE as error:
        raise KwsError(f"cannot read {path} ({error}); run `kws train` again") from error
    if features.dtype != np.int8 or features.ndim != 3 or features.shape[1:] != shape or not len(features):
        raise KwsError(f"{path} does not fit the run's settings; run `kws train` again")


def _check_fit(network: FloatNetwork, experiment: Experiment, run: Path) -> None:
    assert isinstance(experiment.network, StreamNetworkConfig)
    sizes = network.sizes
    wanted = experiment.network.sizes(Frame.of(experiment.frontend), len(experiment.data.symbols))
    if sizes != wanted:
        raise KwsError(
            f"{run}: the weights are of a network of sizes {sizes}, the settings of {wanted};"
            " run `kws train` with --restart, which trains anew"
        )


def _provenance(run: Path) -> dict[str, Any]:
    """What the model says of its training. Every byte is flash on a device that keeps the whole file."""
    values = runs.load_json(run / runs.PROVENANCE)
    defaults = Experiment().as_dict()
    # The metadata has its own front end and detector; twice could disagree.
    settings = {
        name: _set(section, defaults.get(name, {})) if name in _BRIEF else section
        for name, section in values.get("settings", {}).items()
        if name not in ("frontend", "detector")
    }
    # The labels are the alphabet, and where it is empty nobody needs to know that there might be one.
    if isinstance(settings.get("data"), dict):
        settings["data"] = {key: value for key, value in settings["data"].items() if key != "alphabet"}
    data = dict(values.get("data", {}))
    # The run knows the clips of each label and the hours of each collection.
    data["clips"] = {split: sum(counts.values()) for split, counts in data.get("clips", {}).items()}
    if "sentences" in data:
        data["sentences"] = {key: data["sentences"][key] for key in ("count", "hours")}
    if "negatives" in data:
        heard = [made["hours"] for made in data["negatives"] if made["split"] == TRAINING]
        data[COLLECTIONS] = sorted({name for hours in heard for name in hours})
        data["negatives"] = _hours(data["negatives"])
    return {
        **values,
        "data": data,
        "settings": {name: section for name, section in settings.items() if section != {}},
        "converted_with": {"kws": kws.__version__, "weights": runs.digest(run / runs.WEIGHTS)},
    }


def _set(section: Any, defaults: Any) -> Any:
    """What of a section is not the default of the version of kws that the provenance names, and the seed."""
    plain = json.loads(json.dumps(defaults))
    return {k: value for k, value in section.items() if k == "seed" or k not in plain or value != plain[k]}


def _hours(negatives: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Hours of negatives by split and kind."""
    hours: dict[str, dict[str, float]] = {}
    for made in negatives:
        if made["hours"]:
            hours.setdefault(made["split"], {})[made["kind"]] = round(sum(made["hours"].values()), 2)
    return hours


def quantize(run: Path) -> bytes:
    """Convert a run's network to an int8 .tflite over whole clips, one row of posteriors a frame.

    TensorFlow runs in a process of its own: its converter's failures are crashes.

    Args:
        run: its weights, and the calibration clips that set the ranges. The order of these
            matters: the converter's LSTM carries its state from clip to clip.

    Returns:
        The file's bytes; input [1, frames, bands], output [1, frames, labels].

    Raises:
        KwsError: TensorFlow is missing, or the converter failed; the message has its last lines.
    """
    if any(util.find_spec(name) is None for name in ("tensorflow", "tf_keras")):
        raise MissingError(f"converting needs TensorFlow; run `{how_to_install('train')}`")
    with scratch("convert") as folder:
        made = folder / runs.MODEL
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        # However this kws was found, the other process must find the same.
        here = os.fspath(Path(kws.__file__).resolve().parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH")) if p)
        command = [sys.executable, "-P", "-m", _WORKER, os.fspath(run), os.fspath(made)]
        result = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if result.returncode != 0 or not made.exists():
            raise KwsError(_failure(result.returncode, result.stderr + result.stdout))
        return made.read_bytes()


def _failure(code: int, output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()][-_LAST_LINES:]
    how = f"crashed ({signal.Signals(-code).name})" if code < 0 else f"failed (exit code {code})"
    return f"TensorFlow's converter {how}; its last lines:\n" + ("\n".join(lines) or "(none)")


def single_step(graph: Graph, network: FloatNetwork) -> Graph:
    """Make a network over whole clips a network of one frame a call.

    Args:
        graph: what the converter made.
        network: what it was made of.

    Returns:
        The same with one frame, without the tensors that no operator uses and without metadata.

    Raises:
        KwsError: other operators than expected, an input that is not the front end's features, or
            a layer that computes another thing than in training.
    """
    names = [op.name for op in graph.operators]
    if tuple(names) != network.operators:
        raise KwsError(f"the converter made {', '.join(names)} where {', '.join(network.operators)} was expected")
    source = graph.tensors[graph.inputs[0]]
    if source.scales.size != 1 or (source.scale, source.zero_point) != (FEATURE_SCALE, FEATURE_ZERO_POINT):
        raise KwsError(
            f"the converter quantized the input with {source.scales} and {source.zero_points},"
            f" not as the front end does ({FEATURE_SCALE} and {FEATURE_ZERO_POINT})"
        )
    objection = network.objection(graph)
    if objection is not None:
        raise KwsError(
            f"the converter's result {objection}; get the TensorFlow that kws asks for: {how_to_install('train')}"
        )
    return network.single_step(graph)
