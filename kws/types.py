"""Types that many modules share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int8, Int16, Int32, Int64

__all__ = ["Floats", "Int8", "Int16", "Int32", "Int64", "Pcm", "Progress", "StageProgress", "silent"]

Floats = npt.NDArray[np.float32]
Pcm = npt.NDArray[np.int16]
"""Samples at 16 kHz."""

Progress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""

StageProgress = Callable[[str, int, int], None]
"""The same of work in named stages."""


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody: what stands in for a `StageProgress` that is not given."""
