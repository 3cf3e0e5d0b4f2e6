"""What an int8 posterior stands for: the one scale between the networks' outputs and probabilities.

Specified in docs/SPEC.md, "Detector".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

POSTERIOR_SCALE = 1 / 256
POSTERIOR_ZERO_POINT = -128
GREATEST_PROBABILITY = 255 / 256
"""What the greatest posterior, 127, stands for; certainty itself has no int8 value."""


def probabilities(posteriors: npt.NDArray[np.int8] | npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Posteriors as probabilities; those of int8 are 0 to 255/256, and float32 holds them exactly, too.

    Args:
        posteriors: int8 as a quantized network gives them, or float32 as a float network does:
            these are probabilities already. Any shape.

    Returns:
        float64, the same shape.
    """
    if np.issubdtype(posteriors.dtype, np.floating):
        return posteriors.astype(np.float64)
    return (posteriors.astype(np.float64) - POSTERIOR_ZERO_POINT) * POSTERIOR_SCALE


def mean_probability(score: int, frames: int) -> float:
    """The mean probability behind a detector's score, 0 to 255/256.

    Args:
        score: sum of posteriors, each 0 to 255 (its int8 value less the zero point).
        frames: how many were summed.
    """
    return score * POSTERIOR_SCALE / frames
