"""The pipeline: front end, network, decision.

Twin of ``firmware/src/spotter.c``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Decision, Detection
from kws.fixedpoint.frontends.base import Frontend
from kws.fixedpoint.network import Network, Trace


@dataclass
class Spotted:
    """What a piece of the streams gave.

    Attributes:
        features: int8 [streams, frames, bands].
        trace: every layer's output, one call a frame.
        posteriors: int8 [streams, frames, labels].
        detections: detected words, one list a stream.
    """

    features: npt.NDArray[np.int8]
    trace: Trace
    posteriors: npt.NDArray[np.int8]
    detections: list[list[Detection]]


class Spotter:
    """One or more streams, in step, from PCM to detections.

    Args:
        frontend: the front end of all streams.
        network: a single-step network.
        decisions: one a stream.
    """

    def __init__(self, frontend: Frontend, network: Network, decisions: Sequence[Decision]) -> None:
        self.network = network
        self._frontend = frontend
        self._decisions = decisions
        self.reset()

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        self._frontend.reset()
        self.state = self.network.initial_state(len(self._decisions))
        for decision in self._decisions:
            decision.reset()

    def process(self, pcm: npt.NDArray[np.int16]) -> Spotted:
        """Feed int16 [streams, samples]; however the streams are cut into calls, the result is the same."""
        # SPOT/1, of all frames
        features = self._frontend.process(pcm)
        # SPOT/2
        trace = self.network.run(features, self.state)
        posteriors = trace.outputs[-1].reshape(len(pcm), features.shape[1], self.network.output_size)
        return Spotted(features, trace, posteriors, self.decide(posteriors))

    def open(self, frames: int) -> bool:
        """Open each stream's listening window for so many frames; False where there is none."""
        return all(decision.open(frames) for decision in self._decisions)

    def decide(self, posteriors: npt.NDArray[np.int8]) -> list[list[Detection]]:
        """Feed int8 [streams, frames, labels] to the decisions alone; return what each stream's detected."""
        # SPOT/3
        return [d.process(rows) for d, rows in zip(self._decisions, posteriors, strict=True)]
