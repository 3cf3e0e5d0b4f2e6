"""What every front end is: int16 PCM in, int8 features out, one row of them a hop.

Framing (docs/SPEC.md, FRONT/1) is the same for all kinds; what a kind makes of a frame is its own.
Twin of what ``firmware/include/kws/model.h`` says of ``kws_frontend``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16000


class Frontend(ABC):
    """The front end of one or more streams in step.

    Args:
        window: samples of a frame.
        hop: samples from the start of a frame to the start of the next, at most ``window``.
        bands: features of a frame.
        streams: number of streams.
    """

    def __init__(self, window: int, hop: int, bands: int, streams: int = 1) -> None:
        self.window, self.hop, self.bands = window, hop, bands
        self._streams = streams
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._pending: npt.NDArray[np.int16] = np.zeros((self._streams, 0), np.int16)

    def process(self, pcm: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """Feed int16 [streams, samples]; return int8 [streams, frames, bands], frames >= 0.

        However a stream is cut into calls, the frames are the same.
        """
        # FRONT/1
        pending = np.concatenate([self._pending, pcm], axis=1)
        count = 0 if pending.shape[1] < self.window else 1 + (pending.shape[1] - self.window) // self.hop
        if count == 0:
            self._pending = pending
            return np.zeros((self._streams, 0, self.bands), np.int8)
        starts = slice(0, count * self.hop, self.hop)
        frames = np.lib.stride_tricks.sliding_window_view(pending, self.window, axis=1)[:, starts]
        features = np.empty((self._streams, count, self.bands), np.int8)
        # In blocks, so that a long recording does not need a hundred times its size in memory.
        block = max(1, 4096 // self._streams)
        for start in range(0, count, block):
            features[:, start : start + block] = self.run(frames[:, start : start + block])
        self._pending = pending[:, count * self.hop :].copy()
        return features

    @abstractmethod
    def run(self, frames: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """Successive frames, int16 [streams, frames, window], to int8 [streams, frames, bands]."""
