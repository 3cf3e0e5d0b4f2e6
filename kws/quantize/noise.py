"""What int8 does to each tensor: signal to quantization noise against the float network.

Two figures a tensor, both in dB, 10 log10 of the float values' energy by the error's:

- *own*: the tensor itself, in the int8 network that ships against the float network, each
  running on its own state; in activations it holds all errors made before.
- *alone*: the posteriors of the float network when this tensor alone is rounded as in the file.
  The lowest is the tensor that int8 hurts most.

Each of a gate's two sums, over the input and over h, is kept in 16 bits (docs/SPEC.md, "LSTM");
they count as a tensor (``gate_sums``), whose own figure is that of the float network's sums rounded
so. Their limit is no noise: the float network has it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import runs
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import INT16_MAX, INT16_MIN
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.fixedpoint.layers.lstm import CELL, GATE_SCALE_POWER, GATES, Lstm
from kws.model.file import Model
from kws.quantize.float_reference import GATE_SUM_CLIP, FloatLstm, FloatNetwork
from kws.tflite import Graph, Operator, Tensor

Floats = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]
Rounding = Callable[[Floats], Floats]

WEIGHTS, ACTIVATIONS = "weights", "activations"
POSTERIORS = "posteriors"
_GREATEST_CLIPS = 150


@dataclass(frozen=True)
class TensorNoise:
    """One tensor.

    Attributes:
        name: layer and tensor, such as ``lstm_0/cell``.
        kind: ``weights`` or ``activations``.
        own_db: see the module; infinite where there is no error.
        alone_db: likewise.
    """

    name: str
    kind: str
    own_db: float
    alone_db: float


@dataclass(frozen=True)
class Noise:
    """All tensors, in the order of computation.

    Attributes:
        tensors: with the posteriors, whose format is fixed, last.
        clips: how many clips it was measured on.
    """

    tensors: tuple[TensorNoise, ...]
    clips: int

    @property
    def worst(self) -> TensorNoise:
        """The tensor that int8 hurts most: the one whose rounding alone changes the posteriors most."""
        return min((t for t in self.tensors if t.name != POSTERIORS), key=lambda t: t.alone_db)

    @property
    def posteriors_db(self) -> float:
        """The posteriors' signal to noise in the network that ships."""
        return self.tensors[-1].own_db

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; None where there is no error."""
        rows = [{k: None if v == math.inf else v for k, v in asdict(t).items()} for t in self.tensors]
        return {"clips": self.clips, "worst": self.worst.name, "tensors": rows}


@dataclass(frozen=True)
class _Roundings:
    """Functions that round values as the file's formats do; None leaves them as they are."""

    hidden: tuple[Rounding | None, ...]
    cell: tuple[Rounding | None, ...]
    sums: tuple[int | None, ...]
    """The gate of each LSTM whose two sums are rounded and saturated, if any."""
    logits: Rounding | None = None


def of_run(run: Path, model: Model) -> Noise:
    """`measure` on a run's float weights and calibration clips.

    Raises:
        KwsError: the run lacks them, or they do not belong to the model.
    """
    path = run / runs.CALIBRATION
    try:
        features = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise KwsError(f"cannot read {path} ({error}); run `kws train` again") from error
    return measure(model, FloatNetwork.of(model, run), features)


def measure(model: Model, reference: FloatNetwork, features: Int8) -> Noise:
    """Measure every tensor of an int8 model against the float network it was made from.

    Args:
        model: LSTMs, a dense layer and softmax, as `kws convert` makes them.
        reference: the float network.
        features: int8 [clips, frames, bands]; of more than 150 clips, 150 from all over are taken.

    Raises:
        KwsError: the float network has other layers than the model.
    """
    if len(features) > _GREATEST_CLIPS:
        features = features[np.linspace(0, len(features) - 1, _GREATEST_CLIPS).astype(int)]
    graph = model.graph
    _check(model, reference, graph)
    count = len(reference.lstms)
    dense = graph.operators[count]
    nobody = (None,) * count
    nothing = _Roundings(nobody, nobody, nobody)
    plain = _run(reference, nothing, features)
    trace = model.network.run(features, model.network.initial_state(len(features)))

    def heard(layer: int) -> Floats:
        tensor = graph.tensors[model.network.layers[layer].output]
        return _dequantized(trace.outputs[layer].reshape(*features.shape[:2], -1), tensor)

    def alone(network: FloatNetwork, roundings: _Roundings) -> float:
        return _db(plain.posteriors, _run(network, roundings, features).posteriors)

    rows = []
    for index, op in enumerate(graph.operators[:count]):
        name, lstm = f"lstm_{index}", reference.lstms[index]
        for label, original, rounded, changed in _gates(graph, op, lstm):
            lstms = tuple(changed if i == index else m for i, m in enumerate(reference.lstms))
            network = replace(reference, lstms=lstms)
            rows.append(TensorNoise(f"{name}/{label}", WEIGHTS, _db(original, rounded), alone(network, nothing)))
        for gate, label in enumerate(GATES):
            sums = _gate_sums(lstm, gate, plain.inputs[index], plain.hidden[index])
            changed_sums = replace(nothing, sums=tuple(gate if i == index else None for i in range(count)))
            own = _db(sums, _saturated_sum(sums))
            rows.append(TensorNoise(f"{name}/gate_sums/{label}", ACTIVATIONS, own, alone(reference, changed_sums)))
        cell_tensor = graph.tensors[op.inputs[19]]
        cells = trace.states[index][CELL].reshape(*features.shape[:2], -1) * np.float32(cell_tensor.scale)
        changed_cell = replace(nothing, cell=_only(index, count, cell_tensor))
        rows.append(
            TensorNoise(f"{name}/cell", ACTIVATIONS, _db(plain.cell[index], cells), alone(reference, changed_cell))
        )
        changed_hidden = replace(nothing, hidden=_only(index, count, graph.tensors[op.outputs[0]]))
        own = _db(plain.hidden[index], heard(index))
        rows.append(TensorNoise(f"{name}/hidden", ACTIVATIONS, own, alone(reference, changed_hidden)))
    kernel = _dequantized(_data(graph, dense, 1), graph.tensors[dense.inputs[1]]).T
    own = _db(reference.kernel, kernel)
    rows.append(TensorNoise("dense/weights", WEIGHTS, own, alone(replace(reference, kernel=kernel), nothing)))
    logits = replace(nothing, logits=_rounding(graph.tensors[dense.outputs[0]]))
    rows.append(TensorNoise("dense/logits", ACTIVATIONS, _db(plain.logits, heard(count)), alone(reference, logits)))
    output = graph.tensors[graph.outputs[0]]
    rounded_posteriors = _rounding(output)(plain.posteriors)
    own = _db(plain.posteriors, heard(count + 1))
    rows.append(TensorNoise(POSTERIORS, ACTIVATIONS, own, _db(plain.posteriors, rounded_posteriors)))
    return Noise(tuple(rows), len(features))


def _check(model: Model, reference: FloatNetwork, graph: Graph) -> None:
    lstms = ["UNIDIRECTIONAL_SEQUENCE_LSTM"] * len(reference.lstms)
    names = [op.name for op in graph.operators]
    units = [layer.kernel.units for layer in model.network.layers if isinstance(layer.kernel, Lstm)]
    sizes = (model.network.input_size, units, model.network.output_size)
    wanted = (reference.lstms[0].kernel.shape[0], [m.units for m in reference.lstms], len(reference.bias))
    if names != [*lstms, "FULLY_CONNECTED", "SOFTMAX"] or sizes != wanted:
        raise KwsError(f"{model.source} does not have the layers of the float network; run `kws convert` again")


def _gates(graph: Graph, op: Operator, lstm: FloatLstm) -> list[tuple[str, Floats, Floats, FloatLstm]]:
    """Each gate's weight matrices: name, float, as rounded, and the layer with the rounded one in place."""
    found = []
    for first, part, field in ((1, "input_weights", "kernel"), (5, "recurrent_weights", "recurrent")):
        whole: Floats = getattr(lstm, field)
        for gate, gate_name in enumerate(GATES):
            columns = slice(gate * lstm.units, (gate + 1) * lstm.units)
            rounded = _dequantized(_data(graph, op, first + gate), graph.tensors[op.inputs[first + gate]]).T
            changed = whole.copy()
            changed[:, columns] = rounded
            found.append((f"{part}/{gate_name}", whole[:, columns], rounded, replace(lstm, **{field: changed})))
    return found


def _data(graph: Graph, op: Operator, position: int) -> npt.NDArray[Any]:
    data = graph.tensors[op.inputs[position]].data
    assert data is not None  # or it would not have become a network
    return data


def _dequantized(values: npt.NDArray[Any], tensor: Tensor) -> Floats:
    scales = tensor.scales if tensor.scales.size == 1 else tensor.scales[:, None]
    return np.asarray((values.astype(np.float32) - tensor.zero_point) * scales, np.float32)


def _rounding(tensor: Tensor) -> Rounding:
    limits = np.iinfo(tensor.dtype)

    def rounded(x: Floats) -> Floats:
        q = np.clip(np.rint(x / np.float32(tensor.scale)) + tensor.zero_point, limits.min, limits.max)
        return np.asarray((q - tensor.zero_point) * np.float32(tensor.scale), np.float32)

    return rounded


def _only(index: int, count: int, tensor: Tensor) -> tuple[Rounding | None, ...]:
    return tuple(_rounding(tensor) if i == index else None for i in range(count))


@dataclass(frozen=True)
class _Values:
    """float32 [clips, frames, values] of each tensor that flows."""

    inputs: list[Floats]
    hidden: list[Floats]
    cell: list[Floats]
    logits: Floats
    posteriors: Floats


def _run(network: FloatNetwork, roundings: _Roundings, features: Int8) -> _Values:
    x: Floats = features.astype(np.float32) * np.float32(FEATURE_SCALE)
    inputs, hidden, cells = [], [], []
    for lstm, round_hidden, round_cell, gate in zip(
        network.lstms, roundings.hidden, roundings.cell, roundings.sums, strict=True
    ):
        inputs.append(x)
        x, c = _run_lstm(lstm, x, round_hidden, round_cell, gate)
        hidden.append(x)
        cells.append(c)
    logits: Floats = x @ network.kernel + network.bias
    if roundings.logits is not None:
        logits = roundings.logits(logits)
    powers: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    posteriors: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return _Values(inputs, hidden, cells, logits, posteriors)


def _run_lstm(
    lstm: FloatLstm, x: Floats, round_hidden: Rounding | None, round_cell: Rounding | None, gate: int | None
) -> tuple[Floats, Floats]:
    h: Floats = np.zeros((len(x), lstm.units), np.float32)
    c: Floats = h
    hidden = np.empty((*x.shape[:2], lstm.units), np.float32)
    cells = np.empty_like(hidden)
    # An LSTM that takes its gates' pre-activations as they come.
    width = 4 * lstm.units
    bare = FloatLstm(np.eye(width, dtype=np.float32), np.zeros((lstm.units, width), np.float32), lstm.bias * 0)
    for t in range(x.shape[1]):
        if gate is None:
            _, h, c = lstm.run(x[:, t : t + 1], h, c)
        else:
            columns = slice(gate * lstm.units, (gate + 1) * lstm.units)
            parts = np.stack([x[:, t] @ lstm.kernel + lstm.bias, h @ lstm.recurrent])
            parts[:, :, columns] = _saturated_sum(parts[:, :, columns])
            _, h, c = bare.run(parts.sum(axis=0)[:, None], h, c)
        if round_cell is not None:
            c = round_cell(c)
        if round_hidden is not None:
            h = round_hidden(h)
        hidden[:, t], cells[:, t] = h, c
    return hidden, cells


def _gate_sums(lstm: FloatLstm, gate: int, x: Floats, hidden: Floats) -> Floats:
    """A gate's sums over the input and over h, float32 [2, clips, frames, units]."""
    columns = slice(gate * lstm.units, (gate + 1) * lstm.units)
    before = np.pad(hidden[:, :-1], ((0, 0), (1, 0), (0, 0)))
    sums = np.stack([x @ lstm.kernel[:, columns] + lstm.bias[columns], before @ lstm.recurrent[:, columns]])
    return np.clip(sums, -GATE_SUM_CLIP, GATE_SUM_CLIP)


def _saturated_sum(x: Floats) -> Floats:
    """As the device keeps each of a gate's two sums: int16 in Q3.12, so within -8 and 8."""
    one = 2.0**-GATE_SCALE_POWER
    return np.asarray(np.clip(np.rint(x * one), INT16_MIN, INT16_MAX) / one, np.float32)


def _db(reference: Floats, other: Floats) -> float:
    signal = float(np.sum(np.square(reference, dtype=np.float64)))
    error = float(np.sum(np.square(np.subtract(reference, other, dtype=np.float64))))
    if error == 0:
        return math.inf
    return 10 * math.log10(max(signal, np.finfo(np.float64).tiny) / error)
