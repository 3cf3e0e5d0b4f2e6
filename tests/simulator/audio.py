"""What a simulated microphone hears."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class PcmSource:
    """Samples in order, then silence for ever.

    Attributes:
        position: samples taken so far, those of the silence included.
    """

    def __init__(self, pcm: npt.NDArray[np.int16]) -> None:
        self._pcm = np.ascontiguousarray(pcm, np.int16)
        self.position = 0

    @property
    def ended(self) -> bool:
        """Whether all samples have been taken."""
        return self.position >= len(self._pcm)

    def read(self, count: int) -> npt.NDArray[np.int16]:
        """The next ``count`` samples, int16."""
        part = self._pcm[self.position : self.position + count]
        self.position += count
        return np.concatenate([part, np.zeros(count - len(part), np.int16)])
