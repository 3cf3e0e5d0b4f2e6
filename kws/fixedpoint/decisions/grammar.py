"""Decision ``grammar``: a detector, phrases of its words, a listening window.

Twin of ``firmware/src/decisions/grammar.c``; specified in docs/SPEC.md, "Grammar". C goes frame by frame. Here
the sums of all frames are made at once, and phrases look only at the frames in which a word rises to its
threshold: there are few.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Decision, Detection
from kws.fixedpoint.decisions.detector import Decider, DetectorParameters, moving_sums, window_sums

Sums = npt.NDArray[np.uint16]
"""Each word's sum of its last posteriors, uint16 [words, frames]."""


@dataclass(frozen=True)
class PhraseParameters:
    """A phrase in integers.

    Attributes:
        words: labels of its words, in order; 2 or more.
        threshold_sums: one a word: what its sum must rise to here; at least 1.
        within: frames after a word's rise in which the next one's counts; at least 1.
    """

    words: tuple[int, ...]
    threshold_sums: tuple[int, ...]
    within: int


@dataclass(frozen=True)
class GrammarParameters:
    """The grammar in integers.

    Attributes:
        detector: of the words.
        phrases: the phrases; number i is reported as label ``detector.labels + i``.
        report_words: whether words are reported outside phrases, and not the wake word alone.
        wake: the word or phrase that opens the window, or -1.
        window: frames for which it is open; 0 for no window.
    """

    detector: DetectorParameters
    phrases: tuple[PhraseParameters, ...] = ()
    report_words: bool = True
    wake: int = -1
    window: int = 0


class Grammar(Decision):
    """The grammar of one stream.

    A score is the sum of the last ``average_frames`` posteriors of the word, or of the phrase's last word.
    """

    def __init__(self, parameters: GrammarParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget everything, and close the window."""
        p = self.parameters.detector
        self._rows: npt.NDArray[np.int8] = np.full((p.average_frames - 1, p.labels), -128, np.int8)
        self._rules = _Rules(self.parameters)

    def open(self, frames: int) -> bool:
        """Open the window for the next ``frames`` frames, or close it with 0; False where there is none."""
        if self.parameters.window == 0:
            return False
        self._rules.open(frames)
        return True

    def process(self, posteriors: npt.NDArray[np.int8]) -> list[Detection]:
        """Feed int8 [frames, labels] posteriors (zero point -128); return what was detected."""
        p = self.parameters.detector
        rows = np.concatenate([self._rows, posteriors])
        self._rows = rows[len(posteriors) :].copy()
        return self._rules.process(window_sums(rows[:, p.first_word :], p.average_frames))


def completions(sums: Sums, phrases: Sequence[PhraseParameters], first_word: int) -> list[tuple[tuple[int, int], ...]]:
    """When each of some phrases is complete in a stream, whatever else is reported: (frame, score), from a reset.

    For trying many thresholds on one stream, whose sums are then made once (`kws.fixedpoint.decisions.detector`).
    """
    return [tuple(_Phrase(phrase, first_word).process(sums)) for phrase in phrases]


def detect(posteriors: npt.NDArray[np.int8], parameters: GrammarParameters) -> list[Detection]:
    """What a grammar finds in int8 [frames, labels] posteriors of a whole stream."""
    p = parameters.detector
    return _Rules(parameters).process(moving_sums(posteriors, p.average_frames, p.first_word))


class _Rules:
    """Moving sums to detections."""

    def __init__(self, parameters: GrammarParameters) -> None:
        p = self._parameters = parameters
        self._words = Decider(p.detector)
        self._phrases = [_Phrase(phrase, p.detector.first_word) for phrase in p.phrases]
        self._frame = 0
        self._quiet_until = -1
        self._open_until = -1

    def open(self, frames: int) -> None:
        """Open the window for the next frames."""
        self._open_until = self._frame - 1 + frames

    def process(self, sums: Sums) -> list[Detection]:
        """Feed uint16 [words, frames] sums; return what was detected."""
        p = self._parameters
        self._frame += sums.shape[1]
        labels = p.detector.labels
        # In a frame phrases stand before words, and in their own order.
        events = [
            [(frame, number, labels + number, score) for frame, score in phrase.process(sums)]
            for number, phrase in enumerate(self._phrases)
        ]
        # GRAMMAR/1
        words = [(d.frame, len(self._phrases), d.label, d.score) for d in self._words.process(sums)]
        found = []
        last = -1
        for frame, _, label, score in heapq.merge(*events, words):
            # GRAMMAR/4: one report a frame.
            if frame == last:
                continue
            if label >= labels:
                self._quiet_until = frame + p.detector.cooldown_frames
            elif frame <= self._quiet_until or not (p.report_words or label == p.wake):
                continue
            last = frame
            # GRAMMAR/5
            if p.window > 0:
                if label == p.wake:
                    self._open_until = frame + p.window
                elif frame > self._open_until:
                    continue
            found.append(Detection(frame, label, score))
        return found


class _Phrase:
    """One phrase's places, each with what it waits for."""

    def __init__(self, phrase: PhraseParameters, first_word: int) -> None:
        self._phrase = phrase
        self._rows = [word - first_word for word in phrase.words]
        self._thresholds = np.array(phrase.threshold_sums, np.uint16)[:, None]
        self._above = np.zeros((len(phrase.words), 1), np.bool_)
        self._until = [-1] * len(phrase.words)  # the last frame in which a place's rise counts
        self._frame = 0

    def process(self, sums: Sums) -> Iterator[tuple[int, int]]:
        """Feed uint16 [words, frames] sums; yield frame and score of each completion."""
        if sums.shape[1] == 0:
            return
        last = len(self._rows) - 1
        own = sums[self._rows]
        # GRAMMAR/2
        above = np.concatenate([self._above, own >= self._thresholds], axis=1)
        self._above = above[:, -1:]
        places, frames = np.nonzero(above[:, 1:] & ~above[:, :-1])
        first_frame = self._frame
        self._frame += sums.shape[1]
        complete = -1
        # GRAMMAR/3: from the last place to the first, so that no rise serves two places.
        for i in np.lexsort((-places, frames)):
            place, frame = int(places[i]), first_frame + int(frames[i])
            if frame == complete or (place > 0 and frame > self._until[place]):
                continue
            self._until[place] = -1
            if place < last:
                self._until[place + 1] = frame + self._phrase.within
            else:
                complete = frame
                self._until = [-1] * len(self._rows)
                yield frame, int(own[place, frames[i]])
