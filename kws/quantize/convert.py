"""A trained run to one int8 .tflite file with its metadata.

TensorFlow's converter quantizes the network over whole clips; the result is then made
single-step: every activation keeps one frame where it had a clip's worth. LSTM kernels carry
their state from step to step and from call to call alike, so both compute the same bytes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import kws
from kws import runs
from kws.config import LSTM, Experiment
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.files import scratch
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE, FEATURE_ZERO_POINT
from kws.model.file import Model, ModelInfo, save, with_info
from kws.quantize.float_reference import CELL_CLIP, FloatNetwork
from kws.tflite import Graph, parse

Progress = Callable[[int, int], None]

_WORKER = "kws.quantize._converter"
_LAST_LINES = 8


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
        KwsError: not a trained run; TensorFlow is missing or its converter failed; the result
            has an operator that the firmware cannot run.
    """
    experiment = runs.load_config(run)
    if experiment.network.kind != LSTM:
        raise KwsError(f"{run} is the run of a teacher, which no device runs; convert that of an LSTM it taught")
    network = FloatNetwork.load(run)
    calibration = _load_calibration(run, experiment)
    provenance = _provenance(run)
    _check_fit(network, experiment, run)
    if progress is not None:
        progress(0, 1)
    graph = single_step(parse(quantize(network, calibration), "the converter's result"))
    info = ModelInfo(experiment.data.labels, experiment.frontend, experiment.detector, provenance)
    content = with_info(graph, info)
    path = run / runs.MODEL
    model = Model.from_bytes(content, os.fspath(path))
    save(content, path)
    if progress is not None:
        progress(1, 1)
    return ConvertResult(path, model, tuple(op.name for op in graph.operators))


def _load_calibration(run: Path, experiment: Experiment) -> npt.NDArray[np.int8]:
    path = run / runs.CALIBRATION
    shape = (experiment.frontend.frames(experiment.data.clip_samples), experiment.frontend.bands)
    try:
        features = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise KwsError(f"cannot read {path} ({error}); run `kws train` again") from error
    if features.dtype != np.int8 or features.ndim != 3 or features.shape[1:] != shape or not len(features):
        raise KwsError(f"{path} does not fit the run's settings; run `kws train` again")
    return np.asarray(features, np.int8)


def _check_fit(network: FloatNetwork, experiment: Experiment, run: Path) -> None:
    units = tuple(lstm.units for lstm in network.lstms)
    sizes = (network.lstms[0].kernel.shape[0], *units, len(network.bias))
    wanted = (experiment.frontend.bands, *experiment.network.lstm_units, len(experiment.data.labels))
    if sizes != wanted:
        raise KwsError(
            f"{run}: the weights are of a network of sizes {sizes}, the settings of {wanted};"
            " run `kws train` with --restart, which trains anew"
        )


def _provenance(run: Path) -> dict[str, Any]:
    values = runs.load_json(run / runs.PROVENANCE)
    # The metadata has its own front end and detector; twice could disagree.
    settings = {k: v for k, v in values.get("settings", {}).items() if k not in ("frontend", "detector")}
    data = dict(values.get("data", {}))
    # Every byte is flash on a device that keeps the whole file; the run knows the clips of each label.
    data["clips"] = {split: sum(counts.values()) for split, counts in data.get("clips", {}).items()}
    return {
        **values,
        "data": data,
        "settings": settings,
        "converted_with": {"kws": kws.__version__, "weights": runs.digest(run / runs.WEIGHTS)},
    }


def quantize(network: FloatNetwork, calibration: npt.NDArray[np.int8]) -> bytes:
    """Convert to an int8 .tflite over whole clips, one row of posteriors a frame.

    TensorFlow runs in a process of its own: its converter's failures are crashes.

    Args:
        network: the weights.
        calibration: int8 [clips, frames, bands] features that set the ranges. Their order
            matters: the converter's LSTM carries its state from clip to clip.

    Returns:
        The file's bytes; input [1, frames, bands], output [1, frames, labels].

    Raises:
        KwsError: TensorFlow is missing, or the converter failed; the message has its last lines.
    """
    if any(util.find_spec(name) is None for name in ("tensorflow", "tf_keras")):
        raise MissingError(f"converting needs TensorFlow; run `{how_to_install('train')}`")
    with scratch("convert") as folder:
        network.save(folder / runs.WEIGHTS)
        np.save(folder / runs.CALIBRATION, _spanning(calibration))
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        # However this kws was found, the other process must find the same.
        here = os.fspath(Path(kws.__file__).resolve().parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH")) if p)
        command = [sys.executable, "-m", _WORKER, os.fspath(folder)]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
        made = folder / runs.MODEL
        if result.returncode != 0 or not made.exists():
            raise KwsError(_failure(result.returncode, result.stderr + result.stdout))
        return made.read_bytes()


def _failure(code: int, output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()][-_LAST_LINES:]
    how = f"crashed ({signal.Signals(-code).name})" if code < 0 else f"failed (exit code {code})"
    return f"TensorFlow's converter {how}; its last lines:\n" + ("\n".join(lines) or "(none)")


def _spanning(calibration: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Calibration clips of which the first reaches both ends of int8.

    The converter derives the input's scale from the range it sees; only with the whole range
    does it find the scale and zero point that the front end's features really have.
    """
    out = calibration.copy()
    out[0, 0, 0], out[0, 0, 1] = -128, 127
    return out


def single_step(graph: Graph) -> Graph:
    """Make a network over whole clips a network of one frame a call.

    Args:
        graph: LSTMs, a dense layer and softmax on every frame, all of [1, frames, values].

    Returns:
        The same with frames = 1, without the tensors that no operator uses and without metadata.

    Raises:
        KwsError: an operator where none of these is expected, or an input that is not the
            front end's features.
    """
    names = [op.name for op in graph.operators]
    lstms = max(1, len(names) - 2)
    wanted = ["UNIDIRECTIONAL_SEQUENCE_LSTM"] * lstms + ["FULLY_CONNECTED", "SOFTMAX"]
    if names != wanted:
        raise KwsError(f"the converter made {', '.join(names)} where {', '.join(wanted)} was expected")
    source = graph.tensors[graph.inputs[0]]
    if source.scales.size != 1 or (source.scale, source.zero_point) != (FEATURE_SCALE, FEATURE_ZERO_POINT):
        raise KwsError(
            f"the converter quantized the input with {source.scales} and {source.zero_points},"
            f" not as the front end does ({FEATURE_SCALE} and {FEATURE_ZERO_POINT})"
        )
    clips = {op.options.get("CellClip") for op in graph.operators[:lstms]}
    if clips != {CELL_CLIP}:
        raise KwsError(f"the converter limits the LSTM's cell to {clips}, not to {CELL_CLIP} as in training")
    used = sorted({i for op in graph.operators for i in (*op.inputs, *op.outputs, *op.intermediates) if i >= 0})
    place = {old: new for new, old in enumerate(used)} | {-1: -1}
    flowing = {*graph.inputs, *(i for op in graph.operators for i in op.outputs)}
    tensors = []
    for index in used:
        tensor = graph.tensors[index]
        if index in flowing:
            batch, _, size = tensor.shape
            tensor = replace(tensor, shape=(batch, 1, size))
        tensors.append(tensor)
    operators = [
        replace(
            op,
            inputs=tuple(place[i] for i in op.inputs),
            outputs=tuple(place[i] for i in op.outputs),
            intermediates=tuple(place[i] for i in op.intermediates),
        )
        for op in graph.operators
    ]
    return Graph(tensors, operators, (place[graph.inputs[0]],), (place[graph.outputs[0]],))
