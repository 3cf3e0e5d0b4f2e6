"""What a PDM microphone puts on its line, bit by bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SILENCE = 0x55


class PdmSource:
    """Bits in bytes, the first the most significant; after their end, silence.

    Attributes:
        position: how many bytes were taken.
    """

    def __init__(self, pdm: npt.NDArray[np.uint8]) -> None:
        self._content = pdm.tobytes()
        self.position = 0

    def read(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        part = self._content[self.position : self.position + count]
        self.position += count
        return part + bytes([_SILENCE]) * (count - len(part))

    @property
    def finished(self) -> bool:
        """Whether all that was given has been taken."""
        return self.position >= len(self._content)
