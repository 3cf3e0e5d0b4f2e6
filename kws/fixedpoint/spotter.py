"""The pipeline: front end, network, detector.

Twin of ``firmware/src/spotter.c``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.detector import Detection, Detector, DetectorParameters
from kws.fixedpoint.frontends.log_mel import Frontend, FrontendTables
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
    """One or more streams, in step, from PCM to detections."""

    def __init__(
        self, tables: FrontendTables, network: Network, detector: DetectorParameters, streams: int = 1
    ) -> None:
        self.network = network
        self._streams = streams
        self._frontend = Frontend(tables, streams)
        self._detectors = [Detector(detector) for _ in range(streams)]
        self.reset()

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        self._frontend.reset()
        self.state = self.network.initial_state(self._streams)
        for detector in self._detectors:
            detector.reset()

    def process(self, pcm: npt.NDArray[np.int16]) -> Spotted:
        """Feed int16 [streams, samples]; however the streams are cut into calls, the result is the same."""
        features = self._frontend.process(pcm)
        trace = self.network.run(features, self.state)
        posteriors = trace.outputs[-1].reshape(self._streams, features.shape[1], self.network.output_size)
        detections = [d.process(rows) for d, rows in zip(self._detectors, posteriors, strict=True)]
        return Spotted(features, trace, posteriors, detections)
