"""Engine ``numpy``: the harness itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.engines.base import NO_WINDOW, Engine, Output
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.layers.kernel import Values
from kws.fixedpoint.network import Network, Trace
from kws.model.file import Model
from kws.types import Int8, Int16

_BATCH = 256


def from_trace(network: Network, trace: Trace, calls: int, **more: object) -> Output:
    """The first stream of a harness trace as an engine's output."""
    layers = {i: out[0] for i, out in enumerate(trace.outputs)}
    return Output(layers=layers, states=states_of(network, trace, calls), posteriors=layers[len(layers) - 1], **more)  # type: ignore[arg-type]


def states_of(network: Network, trace: Trace, calls: int) -> dict[tuple[int, str], Values]:
    """The first stream's states as :attr:`kws.engines.base.Output.states` has them."""
    return {
        (i, state.name): values[0].reshape(calls, state.size)
        for i, declared in enumerate(network.states)
        for state, values in zip(declared, trace.states[i], strict=True)
    }


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
        return from_trace(
            self.model.network, s.trace, s.features.shape[1], features=s.features[0], detections=s.detections[0]
        )

    def run_network(self, x: Int8) -> Output:
        """Feed int8 [calls, input size] to the network alone."""
        state = self._spotter.state if self._spotter is not None else self._state
        network = self.model.network
        return from_trace(network, network.run(x[None], state), len(x), features=None)

    def decide(self, posteriors: Int8) -> list[Detection]:
        """Feed int8 [frames, labels] to the decision alone."""
        if self._spotter is None:
            self.model.require_info()
        assert self._spotter is not None
        return self._spotter.decide(posteriors[None])[0]

    def open(self, frames: int) -> None:
        """Open the harness's listening window."""
        if self._spotter is None:
            self.model.require_info()
        assert self._spotter is not None
        if not self._spotter.open(frames):
            raise KwsError(f"{self.model.source} {NO_WINDOW}")

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
