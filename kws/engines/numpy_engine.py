"""Engine ``numpy``: the harness itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.engines.base import Engine, Int8, Int16, Output
from kws.fixedpoint.network import Trace
from kws.model.file import Model

_BATCH = 256


def from_trace(trace: Trace, calls: int, **more: object) -> Output:
    """The first stream of a harness trace as an engine's output."""
    layers = {i: _rows(out[0], calls) for i, out in enumerate(trace.outputs)}
    cells = {i: _rows(cell[0], calls) for i, cell in trace.cells.items()}
    return Output(layers=layers, cells=cells, posteriors=layers[len(layers) - 1], **more)  # type: ignore[arg-type]


def _rows(values: npt.NDArray[Any], calls: int) -> npt.NDArray[Any]:
    # Not -1: it means nothing where there are no calls.
    return values.reshape(calls, math.prod(values.shape[1:]))


class NumpyEngine(Engine):
    """One stream through :mod:`kws.fixedpoint`."""

    name = "numpy"

    def __init__(self, model: Model) -> None:
        self.model = model
        self._spotter = model.spotter() if model.info is not None else None
        self._state = model.network.initial_state()

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        if self._spotter is not None:
            self._spotter.reset()
        else:
            self._state = self.model.network.initial_state()

    def process(self, pcm: npt.NDArray[np.int16]) -> Output:
        """Feed int16 [samples]."""
        if self._spotter is None:
            self.model.require_info()
        assert self._spotter is not None
        s = self._spotter.process(pcm[None])
        return from_trace(s.trace, s.features.shape[1], features=s.features[0], detections=s.detections[0])

    def run_network(self, x: Int8) -> Output:
        """Feed int8 [calls, input size] to the network alone."""
        state = self._spotter.state if self._spotter is not None else self._state
        return from_trace(self.model.network.run(x[None], state), len(x), features=None)

    def classify_streams(self, streams: Int16) -> Int8:
        """As in the other engines, some hundreds of streams side by side."""
        count, clips, samples = streams.shape
        info = self.model.require_info()
        frames = info.frontend.frames(samples)
        out = np.empty((count, clips, frames, len(info.labels)), np.int8)
        for start in range(0, count, _BATCH):
            batch = slice(start, min(start + _BATCH, count))
            spotter = self.model.spotter(batch.stop - start)
            for clip in range(clips):
                posteriors = spotter.process(streams[batch, clip]).posteriors
                out[batch, clip] = posteriors[:, posteriors.shape[1] - frames :]
        return out
