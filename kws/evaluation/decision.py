"""The decision of a clip: one rule for every engine, the float network, and every condition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.errors import KwsError


def clip_labels(posteriors: npt.NDArray[np.int8] | npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The label of each clip: the greatest posterior after its last frame, the lowest index on a tie.

    A network for streams names a word from its end on, and many clips end with their word, so the
    last frame knows most; averages over more frames were tried and are worse (docs/DESIGN.md).

    Args:
        posteriors: [clips, frames, labels], int8 as an engine gives them or float32.

    Returns:
        Label indices, int64 [clips].

    Raises:
        KwsError: the clips have no frame.
    """
    if posteriors.shape[1] == 0:
        raise KwsError("the clips are shorter than one frame, so there is nothing to decide by; use longer clips")
    return np.asarray(np.argmax(posteriors[:, -1], axis=1), np.int64)
