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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import runs
from kws.errors import KwsError
from kws.model.file import Model
from kws.network import FloatNetwork
from kws.network.graphs import dequantized
from kws.npz import DAMAGE
from kws.tflite import Tensor
from kws.types import Floats, Int8

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


def of_run(run: Path, model: Model) -> Noise:
    """`measure` on a run's float weights and calibration clips.

    Raises:
        KwsError: the run lacks them, or they do not belong to the model.
    """
    path = run / runs.CALIBRATION
    try:
        features = np.load(path, allow_pickle=False)
    except DAMAGE as error:
        raise KwsError(f"cannot read {path} ({error}); run `kws train` again") from error
    return measure(model, runs.network_of(model, run).equalized(features), features)


def measure(model: Model, reference: FloatNetwork, features: Int8) -> Noise:
    """Measure every tensor of an int8 model against the float network it was made from.

    Args:
        model: what `kws convert` made of it.
        reference: the float network.
        features: int8 [clips, frames, bands]; of more than 150 clips, 150 from all over are taken.

    Raises:
        KwsError: the float network has other layers than the model.
    """
    if len(features) > _GREATEST_CLIPS:
        features = features[np.linspace(0, len(features) - 1, _GREATEST_CLIPS).astype(int)]
    stored = _stored(model, reference)
    exact, rounded = reference.matrices(), stored.matrices()
    formats = reference.formats(model.graph)
    plain = reference.trace(features)
    heard = _heard(model, features)

    def alone(network: FloatNetwork, tensor: str | None = None) -> float:
        found = network.trace(features, lambda name, x: _rounded(x, formats[name].tensor) if name == tensor else x)
        return _db(plain[POSTERIORS], found[POSTERIORS])

    rows = []
    for name in reference.tensors:
        if name in exact:
            changed = reference.with_matrix(name, rounded[name])
            rows.append(TensorNoise(name, WEIGHTS, _db(exact[name], rounded[name]), alone(changed)))
            continue
        tensor, place = formats[name].tensor, formats[name].place
        own = _rounded(plain[name], tensor) if place is None else dequantized(heard[place, formats[name].state], tensor)
        rows.append(TensorNoise(name, ACTIVATIONS, _db(plain[name], own), alone(reference, name)))
    return Noise(tuple(rows), len(features))


def _stored(model: Model, reference: FloatNetwork) -> FloatNetwork:
    """The model's weights as a float network of the same kind."""
    if tuple(op.name for op in model.graph.operators) == reference.operators:
        stored = reference.from_graph(model.graph)
        if stored.sizes == reference.sizes:
            return stored
    raise KwsError(f"{model.source} does not have the layers of the float network; run `kws convert` again")


def _heard(model: Model, features: Int8) -> dict[tuple[int, str | None], npt.NDArray[Any]]:
    """What the int8 network computes, by the output of a layer and the name of a state: [clips, frames, values]."""
    network, shape = model.network, (*features.shape[:2], -1)
    trace = network.run(features, network.initial_state(len(features)))
    found: dict[tuple[int, str | None], npt.NDArray[Any]] = {}
    for layer, output, states in zip(network.layers, trace.outputs, trace.states, strict=True):
        found[layer.output, None] = output.reshape(shape)
        for state, values in zip(layer.kernel.states, states, strict=True):
            found[layer.output, state.name] = values.reshape(shape)
    return found


def _rounded(x: Floats, tensor: Tensor) -> Floats:
    """Values as a tensor's format can hold them."""
    limits, scale = np.iinfo(tensor.dtype), np.float32(tensor.scale)
    q = np.clip(np.rint(x / scale) + tensor.zero_point, limits.min, limits.max)
    return np.asarray((q - tensor.zero_point) * scale, np.float32)


def _db(reference: Floats, other: Floats) -> float:
    signal = float(np.sum(np.square(reference, dtype=np.float64)))
    error = float(np.sum(np.square(np.subtract(reference, other, dtype=np.float64))))
    if error == 0:
        return math.inf
    return 10 * math.log10(max(signal, np.finfo(np.float64).tiny) / error)
