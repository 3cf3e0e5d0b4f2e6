"""The float network in plain NumPy: what quantization is judged against, without TensorFlow."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import runs
from kws.errors import KwsError
from kws.files import replacing
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.fixedpoint.layers.lstm import Lstm
from kws.model.file import Model

Floats = npt.NDArray[np.float32]

CELL_CLIP = 10.0
"""Limit of an LSTM's |c|. TensorFlow's converter gives every LSTM this limit, which Keras's own
does not have, so kws trains with it: otherwise cells grow past 100 and the int8 network is
another one than the one that was trained."""
GATE_SUM_CLIP = 8.0
"""Limit of each of a gate's two sums, over the input and over h: TFLM keeps them apart in Q3.12
before it adds them (docs/SPEC.md, "LSTM"). A network trained without it lets one cancel the other
far beyond 8, which int8 then hurts more than anything else."""


def _sigmoid(x: Floats) -> Floats:
    # tanh never overflows, exp does.
    half = np.float32(0.5)
    result: Floats = half * np.tanh(half * x) + half
    return result


def _limited(sums: Floats) -> Floats:
    return np.clip(sums, -GATE_SUM_CLIP, GATE_SUM_CLIP)


@dataclass(frozen=True)
class FloatLstm:
    """One LSTM's weights in Keras's layout, gates in the order input, forget, cell, output.

    Keras's LSTM but for :data:`CELL_CLIP` and :data:`GATE_SUM_CLIP`.

    Attributes:
        kernel: float32 [inputs, 4 units].
        recurrent: float32 [units, 4 units].
        bias: float32 [4 units].
    """

    kernel: Floats
    recurrent: Floats
    bias: Floats

    @property
    def units(self) -> int:
        """Width of the layer."""
        return len(self.recurrent)

    def run(self, x: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
        """Run float32 [n, frames, inputs] from the state h, c, float32 [n, units].

        Returns:
            h after every frame, float32 [n, frames, units], and the last h and c.
        """
        hidden = np.empty((*x.shape[:2], self.units), np.float32)
        from_input = _limited(x @ self.kernel + self.bias)
        for t in range(x.shape[1]):
            i, f, g, o = np.split(from_input[:, t] + _limited(h @ self.recurrent), 4, axis=1)
            c = np.clip(_sigmoid(f) * c + _sigmoid(i) * np.tanh(g), -CELL_CLIP, CELL_CLIP)
            h = _sigmoid(o) * np.tanh(c)
            hidden[:, t] = h
        return hidden, h, c


@dataclass(frozen=True)
class FloatNetwork:
    """Stacked LSTMs, a dense layer on every frame, softmax (`kws.training.network`).

    Attributes:
        lstms: in order.
        kernel: float32 [units of the last LSTM, labels].
        bias: float32 [labels].
    """

    lstms: tuple[FloatLstm, ...]
    kernel: Floats
    bias: Floats

    @classmethod
    def load(cls, path: str | Path) -> FloatNetwork:
        """Read ``weights.npz``, or the one in a run's folder.

        Raises:
            KwsError: missing, damaged, or not the weights of such a network.
        """
        path = Path(path)
        if path.is_dir():
            path = path / runs.WEIGHTS
        if not path.exists():
            raise KwsError(f"{path} is missing; run `kws train`, with --restart if it says that the run is complete")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: np.asarray(file[name], np.float32) for name in file.files}
            return cls.from_arrays(arrays)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise KwsError(
                f"{path} does not hold a network's weights ({error}); run `kws train` with --restart, which trains anew"
            ) from error

    @classmethod
    def of(cls, model: Model, run: Path) -> FloatNetwork:
        """The float network in a run's folder, if it is what a model was converted from.

        Raises:
            KwsError: as :meth:`load`, or it has other sizes or was trained on since.
        """
        network = cls.load(run)
        converted = model.require_info().provenance.get("converted_with", {})
        units = [layer.kernel.units for layer in model.network.layers if isinstance(layer.kernel, Lstm)]
        same = [lstm.units for lstm in network.lstms] == units
        same &= len(network.bias) == len(model.require_info().labels)
        if "weights" in converted:
            same &= converted["weights"] == runs.digest(run / runs.WEIGHTS)
        if not same:
            raise KwsError(
                f"{run / runs.WEIGHTS} is not what {model.source} was converted from; run `kws convert` again"
            )
        return network

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> FloatNetwork:
        """Build the network from named arrays, as :meth:`arrays` gives them.

        Raises:
            KeyError: an array is missing.
            ValueError: shapes that do not follow one another.
        """
        count = sum(1 for name in arrays if name.endswith("/recurrent"))
        lstms = tuple(FloatLstm(*(arrays[f"lstm_{i}/{part}"] for part in _LSTM_PARTS)) for i in range(count))
        network = cls(lstms, arrays["dense/kernel"], arrays["dense/bias"])
        network._check()
        return network

    def _check(self) -> None:
        if not self.lstms:
            raise ValueError("there is no LSTM")
        inputs = self.lstms[0].kernel.shape[0]
        for lstm in self.lstms:
            shapes = (lstm.kernel.shape, lstm.recurrent.shape, lstm.bias.shape)
            if shapes != ((inputs, 4 * lstm.units), (lstm.units, 4 * lstm.units), (4 * lstm.units,)):
                raise ValueError(f"an LSTM has the shapes {shapes}")
            inputs = lstm.units
        if self.kernel.shape != (inputs, len(self.bias)):
            raise ValueError(f"the dense layer has the shapes {self.kernel.shape} and {self.bias.shape}")

    def arrays(self) -> dict[str, Floats]:
        """The weights by name: ``lstm_0/kernel``, ``lstm_0/recurrent``, ``lstm_0/bias``, ..., ``dense/kernel``."""
        named = {f"lstm_{i}/{part}": getattr(lstm, part) for i, lstm in enumerate(self.lstms) for part in _LSTM_PARTS}
        return {**named, "dense/kernel": self.kernel, "dense/bias": self.bias}

    def save(self, path: Path) -> None:
        """Write the weights as an .npz file.

        Raises:
            KwsError: the file cannot be written.
        """
        named: dict[str, Any] = {**self.arrays()}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)

    def initial_state(self, n: int) -> list[tuple[Floats, Floats]]:
        """h and c of every LSTM after a reset, float32 [n, units] each."""
        return [(np.zeros((n, m.units), np.float32), np.zeros((n, m.units), np.float32)) for m in self.lstms]

    def run(self, features: npt.NDArray[np.int8], state: list[tuple[Floats, Floats]] | None = None) -> Floats:
        """Posteriors after every frame.

        Args:
            features: int8 [n, frames, bands] from the front end.
            state: where the LSTMs start, updated in place; None is from a reset.

        Returns:
            float32 [n, frames, labels]; each row sums to 1.
        """
        x = features.astype(np.float32) * np.float32(FEATURE_SCALE)
        state = self.initial_state(len(x)) if state is None else state
        for index, lstm in enumerate(self.lstms):
            x, h, c = lstm.run(x, *state[index])
            state[index] = (h, c)
        logits = x @ self.kernel + self.bias
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        posteriors: Floats = powers / powers.sum(axis=-1, keepdims=True)
        return posteriors


_LSTM_PARTS = ("kernel", "recurrent", "bias")
