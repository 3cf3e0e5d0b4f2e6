"""The decision of a clip: one rule for every engine, the float network, and every condition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE
from kws.decisions import DetectorConfig
from kws.errors import KwsError
from kws.fixedpoint.posterior import probabilities
from kws.frontends import FrontendConfig

# What a spotter's detector does unless tuned.
_AVERAGE_MS = 200.0
_THRESHOLD = DetectorConfig().threshold
# No word has been said before that; in a stream, the word of the clip before may still be named then.
_FIRST_WORD_MS = 200.0


def clip_labels(
    posteriors: npt.NDArray[np.int8] | npt.NDArray[np.float32], labels: tuple[str, ...], frontend: FrontendConfig
) -> npt.NDArray[np.int64]:
    """The label of each clip: the greatest posterior after its last frame, the lowest index on a tie.

    A network for streams names a word from its end on, and many clips end with their word, so the
    last frame knows most; averages over more frames were tried and are worse (docs/DESIGN.md). It
    also forgets a word after a while, as it should: where the last frame says silence, another
    label that was clear before (on average over a detector's usual window, above its usual
    threshold) is the clip's.

    Args:
        posteriors: [clips, frames, labels], int8 as an engine gives them or float32.
        labels: the labels' names.
        frontend: how far the frames are apart.

    Returns:
        Label indices, int64 [clips].

    Raises:
        KwsError: the clips have no frame.
    """
    if posteriors.shape[1] == 0:
        raise KwsError("the clips are shorter than one frame, so there is nothing to decide by; use longer clips")
    decided = np.asarray(np.argmax(posteriors[:, -1], axis=1), np.int64)
    if SILENCE not in labels:
        return decided
    silence = labels.index(SILENCE)
    quiet = np.flatnonzero(decided == silence)
    average = frontend.frames_in(_AVERAGE_MS)
    heard = probabilities(posteriors[quiet, frontend.frames_in(_FIRST_WORD_MS) :])
    if heard.shape[1] < average:
        return decided
    heard[:, :, silence] = 0
    sums = np.cumsum(np.pad(heard, ((0, 0), (1, 0), (0, 0))), axis=1)
    clearest = (sums[:, average:] - sums[:, :-average]).max(axis=1) / average
    clear = clearest.max(axis=1) > _THRESHOLD
    decided[quiet[clear]] = clearest[clear].argmax(axis=1)
    return decided
