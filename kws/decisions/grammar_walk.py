"""The grammar's rules taken one by one, and a count of how often posteriors come to each.

Written step by step as docs/SPEC.md, "Grammar", has them, with nothing shared with
``kws/fixedpoint/decisions/grammar.py``: what this finds is what both twins must find.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from kws.decisions.detector_walk import Walk
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.grammar import GrammarParameters, PhraseParameters


class Rule(StrEnum):
    """What SPEC says of the grammar, a rule each."""

    WORD = "GRAMMAR/1: a word is reported as the detector does"
    STAYS = "GRAMMAR/2: a word that is at its threshold already does not rise"
    AT_THRESHOLD = "GRAMMAR/2: every word of every phrase rises at its threshold there"
    BELOW_THRESHOLD = "GRAMMAR/2: no word of any phrase rises one below it"
    COMPLETE = "GRAMMAR/3: every phrase is complete when its words have risen in order"
    LAST_FRAME = "GRAMMAR/3: a rise counts in the last frame of the wait"
    TOO_LATE = "GRAMMAR/3: a rise does not count in the first frame after the wait"
    TOO_EARLY = "GRAMMAR/3: a word that no other came before does not count"
    AT_ONCE = "GRAMMAR/3: words that rise in one frame are not one after the other"
    RENEWED = "GRAMMAR/3: the word before, said again, begins the wait anew"
    CONSUMED = "GRAMMAR/3: a word completes a phrase once"
    FIRST_PHRASE = "GRAMMAR/4: of two phrases in one frame the first is reported"
    PHRASE_FIRST = "GRAMMAR/4: of a phrase and a word the phrase is reported"
    QUIET = "GRAMMAR/4: no word in the cool-down after a phrase"
    QUIET_OVER = "GRAMMAR/4: a word in the first frame after it"
    ALONE = "GRAMMAR/4: a word outside phrases is not reported"
    CLOSED = "GRAMMAR/5: nothing is reported while the window is closed"
    WAKE = "GRAMMAR/5: the wake word is reported, and opens the window"
    WINDOW_LAST = "GRAMMAR/5: a report in the window's last frame"
    WINDOW_OVER = "GRAMMAR/5: none in the first frame after it"
    WAKE_AGAIN = "GRAMMAR/5: the wake word in the open window begins it anew"
    RESET_WAIT = "reset: no word is waited for"
    RESET_OPEN = "reset: the window is closed"


class GrammarWalk:
    """One stream's grammar, frame by frame.

    Attributes:
        reached: how often each rule was come to.
        detections: those since the reset.
    """

    def __init__(self, parameters: GrammarParameters) -> None:
        self.parameters = parameters
        self.reached: Counter[Rule] = Counter()
        self._at: set[tuple[int, int]] = set()
        self._below: set[tuple[int, int]] = set()
        self._complete: set[int] = set()
        self._words = Walk(parameters.detector)
        self._clear()
        self._left_waits: list[list[int]] = [[0] * len(p.words) for p in parameters.phrases]
        self._left_open = 0

    def _clear(self) -> None:
        phrases = self.parameters.phrases
        self._wait = [[0] * len(p.words) for p in phrases]
        self._above = [[False] * len(p.words) for p in phrases]
        self._lapsed = [[-1] * len(p.words) for p in phrases]  # the frame before which a wait ran out
        self._renewed = [[False] * len(p.words) for p in phrases]
        self._done = [False] * len(phrases)  # complete, and not begun since
        self._quiet = self._open = 0
        self._quiet_over = self._closed_at = -1
        self._frame = 0
        self.detections: list[Detection] = []

    def reset(self) -> None:
        """Forget everything but what the next scene shows to have been forgotten."""
        self._left_waits, self._left_open = self._wait, self._open
        self._words.reset()
        self._clear()

    def step(self, row: Sequence[int]) -> None:
        """Take a frame's posteriors, 0 to 255 each, one a label."""
        p = self.parameters
        before = len(self._words.detections)
        self._words.step(row)
        word = self._words.detections[-1] if len(self._words.detections) > before else None
        complete = [i for i in range(len(p.phrases)) if self._phrase(i)]
        found = self._choose(word, complete)
        if p.window > 0:
            found = self._listen(found)
        if found is not None:
            self.detections.append(found)
        self._frame += 1

    def _phrase(self, number: int) -> bool:
        phrase = self.parameters.phrases[number]
        waits, complete = self._wait[number], False
        left = list(waits)
        rises = [self._rises(number, place) for place in range(len(phrase.words))]
        for place in reversed(range(len(phrase.words))):
            awaited = place == 0 or left[place] > 0
            if left[place] > 0:
                waits[place] = left[place] - 1
                if waits[place] == 0:
                    self._lapsed[number][place] = self._frame + 1
            if rises[place]:
                self._count_rise(number, place, left, rises)
            if not rises[place] or not awaited or complete:
                continue
            waits[place] = 0
            if place + 1 < len(phrase.words):
                self._renewed[number][place + 1] = left[place + 1] > 0 and not rises[place + 1]
                waits[place + 1] = phrase.within
            else:
                complete = True
        if complete:
            waits[:] = [0] * len(waits)
            self._complete.add(number)
        self._done[number] = complete or (self._done[number] and not rises[-2])
        return complete

    def _rises(self, number: int, place: int) -> bool:
        phrase = self.parameters.phrases[number]
        total = self._words.sums[phrase.words[place]]
        least, before = phrase.threshold_sums[place], self._above[number][place]
        self._above[number][place] = total >= least
        if total >= least and before:
            self.reached[Rule.STAYS] += 1
        if total == least and not before:
            self._at.add((number, place))
        if total == least - 1 and not before:
            self._below.add((number, place))
        return total >= least and not before

    def _count_rise(self, number: int, place: int, left: list[int], rises: list[bool]) -> None:
        phrase: PhraseParameters = self.parameters.phrases[number]
        reached = self.reached
        if place == 0:
            return
        if left[place] == 0:
            reached[Rule.TOO_LATE] += self._lapsed[number][place] == self._frame
            reached[Rule.TOO_EARLY] += self._lapsed[number][place] < 0 and not rises[place - 1]
            reached[Rule.AT_ONCE] += rises[place - 1] and phrase.words[place - 1] != phrase.words[place]
            reached[Rule.CONSUMED] += place + 1 == len(phrase.words) and self._done[number]
            reached[Rule.RESET_WAIT] += self._frame < self._left_waits[number][place]
            return
        reached[Rule.LAST_FRAME] += left[place] == 1
        reached[Rule.RENEWED] += self._renewed[number][place]

    def _choose(self, word: Detection | None, complete: list[int]) -> Detection | None:
        p, reached = self.parameters, self.reached
        quiet = self._quiet > 0
        if quiet:
            self._quiet -= 1
            if self._quiet == 0:
                self._quiet_over = self._frame + 1
        if complete:
            reached[Rule.FIRST_PHRASE] += len(complete) > 1
            reached[Rule.PHRASE_FIRST] += word is not None
            self._quiet = p.detector.cooldown_frames
            label = p.phrases[complete[0]].words[-1]
            return Detection(self._frame, p.detector.labels + complete[0], self._words.sums[label])
        if word is None:
            return None
        if quiet:
            reached[Rule.QUIET] += 1
            return None
        if not p.report_words and word.label != p.wake:
            reached[Rule.ALONE] += 1
            return None
        reached[Rule.QUIET_OVER] += self._quiet_over == self._frame
        reached[Rule.WORD] += 1
        return word

    def _listen(self, found: Detection | None) -> Detection | None:
        p, reached = self.parameters, self.reached
        left = self._open
        self._open = max(self._open - 1, 0)
        if left == 1:
            self._closed_at = self._frame + 1
        if found is None:
            return None
        if found.label == p.wake:
            reached[Rule.WAKE] += 1
            reached[Rule.WAKE_AGAIN] += left > 0
            self._open = p.window
            return found
        if left == 0:
            reached[Rule.CLOSED] += 1
            reached[Rule.WINDOW_OVER] += self._closed_at == self._frame
            reached[Rule.RESET_OPEN] += self._frame < self._left_open
            return None
        reached[Rule.WINDOW_LAST] += left == 1
        return found

    def finish(self) -> dict[str, int]:
        """How often each rule was come to, in SPEC's order."""
        p = self.parameters
        places = {(i, k) for i, phrase in enumerate(p.phrases) for k in range(len(phrase.words))}
        self.reached[Rule.AT_THRESHOLD] = len(places) * (self._at == places)
        self.reached[Rule.BELOW_THRESHOLD] = len(places) * (self._below == places)
        self.reached[Rule.COMPLETE] = len(p.phrases) * (len(self._complete) == len(p.phrases))
        return {rule.value: self.reached[rule] for rule in Rule}
