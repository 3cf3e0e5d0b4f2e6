"""Decision ``detector``: moving average, thresholds, cool-down.

Twin of ``firmware/src/decisions/detector.c``; specified in docs/SPEC.md, "Detector". C goes frame by frame.
Here the sums of all frames are made at once, and the rules are applied to stretches of frames in
which the best word is the same: hours of posteriors have few of those
(tests/fixedpoint/decisions/test_detector.py, test_c_detects_the_same).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Decision, Detection


@dataclass(frozen=True)
class DetectorParameters:
    """The detector in integers.

    Attributes:
        average_frames: length of the moving average.
        threshold_sums: one a word: it is detected when the sum of its last ``average_frames``
            posteriors (0 to 255 each) reaches this; at least 1.
        cooldown_frames: frames after a detection in which no other is reported.
        first_word: labels before this one (silence, unknown) are never reported.
    """

    average_frames: int
    threshold_sums: tuple[int, ...]
    cooldown_frames: int
    first_word: int

    @property
    def labels(self) -> int:
        """Number of labels."""
        return self.first_word + len(self.threshold_sums)


class Detector(Decision):
    """The detector of one stream.

    A score is the sum of the word's last ``average_frames`` posteriors, 0 to 255 times that.
    """

    def __init__(self, parameters: DetectorParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        p = self.parameters
        self._window: npt.NDArray[np.int8] = np.full((p.average_frames - 1, p.labels), -128, np.int8)
        self._decider = Decider(p)

    def process(self, posteriors: npt.NDArray[np.int8]) -> list[Detection]:
        """Feed int8 [frames, labels] posteriors (zero point -128); return what was detected."""
        p = self.parameters
        rows = np.concatenate([self._window, posteriors])
        self._window = rows[len(posteriors) :].copy()
        return self._decider.process(window_sums(rows[:, p.first_word :], p.average_frames))


def moving_sums(posteriors: npt.NDArray[np.int8], average_frames: int, first_word: int) -> npt.NDArray[np.uint16]:
    """What :func:`detect` takes, from a whole stream.

    Args:
        posteriors: int8 [frames, labels], zero point -128.
        average_frames: length of the moving average; frames before the first count as zeros.
        first_word: index of the first label that is a word.

    Returns:
        uint16 [words, frames], each word's sum of its last ``average_frames`` posteriors.
    """
    words = posteriors[:, first_word:]
    before = np.full((average_frames - 1, words.shape[1]), -128, np.int8)
    return window_sums(np.concatenate([before, words]), average_frames)


def detect(sums: npt.NDArray[np.uint16], parameters: DetectorParameters) -> list[Detection]:
    """What a detector finds in a stream, from its moving sums.

    The same as :meth:`Detector.process` after a reset. For trying many thresholds and cool-downs on
    one stream, whose sums are then made once.

    Args:
        sums: :func:`moving_sums` of the stream, made with ``parameters``' ``average_frames`` and ``first_word``.
        parameters: the detector.
    """
    return Decider(parameters).process(sums)


def window_sums(rows: npt.NDArray[np.int8], average_frames: int) -> npt.NDArray[np.uint16]:
    """Sums of every ``average_frames`` successive rows of int8 [rows, words], as uint16 [words, sums]."""
    # DETECT/1
    frames, words = rows.shape
    running = np.zeros((words, frames + 1), np.uint16)
    # The running sums wrap, but a difference of two is below 2^16, hence exact.
    np.cumsum((rows.T.astype(np.int16) + 128).astype(np.uint16), axis=1, dtype=np.uint16, out=running[:, 1:])
    return running[:, average_frames:] - running[:, :-average_frames]


class Decider:
    """Moving sums to detections."""

    def __init__(self, parameters: DetectorParameters) -> None:
        self._parameters = parameters
        self._thresholds = np.array(parameters.threshold_sums, np.uint16)[:, None]
        self._frame = 0
        self._ready = 0  # the first frame after the cool-down
        self._held = -1

    def process(self, sums: npt.NDArray[np.uint16]) -> list[Detection]:
        """Feed uint16 [words, frames] sums; return what was detected."""
        p = self._parameters
        reached = sums >= self._thresholds
        best = _best_words(sums, reached)
        changes = np.flatnonzero(best[1:] != best[:-1]) + 1
        edges = [0, *changes.tolist(), len(best)] if len(best) else []
        first_frame = self._frame
        self._frame += len(best)
        detections = []
        for start, end in itertools.pairwise(edges):
            word = int(best[start])
            # DETECT/5: a word that stays above its threshold is one detection however long it stays there.
            if word == self._held:
                continue
            # DETECT/3
            t = max(start, self._ready - first_frame)
            if word >= 0 and t < end:
                # DETECT/6
                detections.append(Detection(first_frame + t, p.first_word + word, int(sums[word, t])))
                self._held = word
                self._ready = first_frame + t + p.cooldown_frames + 1
            # DETECT/2: the held word, which is not the best here.
            elif self._held >= 0 and not reached[self._held, start:end].all():
                self._held = -1
        return detections


def _best_words(sums: npt.NDArray[np.uint16], reached: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Of each frame, the word with the greatest of the sums that reach their thresholds, or -1."""
    # DETECT/4
    best = np.full(sums.shape[1], -1, np.intp)
    some = np.flatnonzero(reached.any(axis=0))
    best[some] = np.argmax(np.where(reached[:, some], sums[:, some], 0), axis=0)
    return best
