"""The decision of a clip: one rule for every engine, the float network, and every condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE
from kws.decisions import CtcLexiconConfig, DetectorConfig
from kws.errors import KwsError
from kws.fixedpoint.posterior import probabilities
from kws.frontends import FrontendConfig
from kws.model.file import ModelInfo
from kws.types import Int64

# What a spotter's detector does unless tuned.
_AVERAGE_MS = 200.0
_THRESHOLD = DetectorConfig().threshold
# Of a probability, as of a posterior that int8 rounds to 0.
_SMALLEST = 0.5 / 256
# No word has been said before that; in a stream, the word of the clip before may still be named then.
_FIRST_WORD_MS = 200.0


def clip_classes(posteriors: npt.NDArray[np.int8] | npt.NDArray[np.float32], info: ModelInfo) -> Int64:
    """What each clip is heard as: :func:`clip_labels`, or the likeliest of the words that a model's labels spell.

    Args:
        posteriors: [clips, frames, labels], int8 as an engine gives them or float32.
        info: the model's.

    Returns:
        Indices into the model's classes, int64 [clips].

    Raises:
        KwsError: the clips have no frame.
    """
    if not isinstance(info.decision, CtcLexiconConfig):
        return clip_labels(posteriors, info.labels, info.frontend)
    _require_frames(posteriors)
    p = info.decision.parameters(info.labels)
    rows = [(), *((label,) for label in range(1, p.first_word)), *p.words]
    classes = [*range(p.first_word), *(p.first_word + label - p.labels for label in p.reports)]
    logs = np.log(np.maximum(probabilities(posteriors), _SMALLEST))
    likeliest = np.argmax([_likelihood(logs, tokens) for tokens in rows], axis=0)
    heard: Int64 = np.array(classes, np.int64)[likeliest]
    return heard


def _likelihood(logs: npt.NDArray[np.floating], tokens: Sequence[int]) -> npt.NDArray[np.float64]:
    """Log likelihood by CTC of tokens alone, summed over all alignments (Graves 2006, section 4.1).

    Args:
        logs: of the posteriors, the first label being the blank, [clips, frames, labels].
        tokens: in order.

    Returns:
        float64 [clips].
    """
    states = [0, *(label for token in tokens for label in (token, 0))]
    skips = np.array([i > 1 and s != 0 and s != states[i - 2] for i, s in enumerate(states)])
    total = np.full((len(logs), len(states)), -np.inf)
    total[:, 0] = 0
    for t in range(logs.shape[1]):
        if t:
            one, two = (np.pad(total, ((0, 0), (n, 0)), constant_values=-np.inf)[:, :-n] for n in (1, 2))
            total = np.logaddexp(np.logaddexp(total, one), np.where(skips, two, -np.inf))
        else:
            total[:, 1:2] = 0
        total += logs[:, t, states]
    likelihood: npt.NDArray[np.float64] = np.logaddexp.reduce(total[:, -2:], axis=1)
    return likelihood


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
    _require_frames(posteriors)
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


def _require_frames(posteriors: npt.NDArray[np.int8] | npt.NDArray[np.float32]) -> None:
    if posteriors.shape[1] == 0:
        raise KwsError("the clips are shorter than one frame, so there is nothing to decide by; use longer clips")
