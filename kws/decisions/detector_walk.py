"""The detector's rules taken one by one, and a count of how often posteriors come to each.

Written step by step as docs/SPEC.md, "Detector", has them, with nothing shared with
``kws/fixedpoint/decisions/detector.py``: what this finds is what both twins must find.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.detector import DetectorParameters


class Rule(StrEnum):
    """What SPEC says of the detector, a rule each."""

    FILL = "DETECT/1: before the average is full, the missing frames count as zeros"
    DROP_OUT = "DETECT/1: the oldest frame drops out of the average"
    REARMED = "DETECT/2: a held word that has fallen below its threshold is reported again"
    REARMED_IN_COOLDOWN = "DETECT/2: a held word is let go within the cool-down too"
    COOLDOWN_FIRST = "DETECT/3: nothing in the first frame of the cool-down"
    COOLDOWN_LAST = "DETECT/3: nothing in the last frame of the cool-down"
    COOLDOWN_OVER = "DETECT/3: a report in the first frame after the cool-down"
    LAPSED = "DETECT/3: a word that rises and falls within the cool-down is never reported"
    AT_THRESHOLD = "DETECT/4: every word is reported at its own threshold"
    BELOW_THRESHOLD = "DETECT/4: no word is reported one below its own threshold"
    ABOVE_THRESHOLD = "DETECT/4: a word is reported one above its threshold"
    GREATEST_HIGHER = "DETECT/4: of two words the greater sum wins, the higher label"
    GREATEST_LOWER = "DETECT/4: of two words the greater sum wins, the lower label"
    TIE = "DETECT/4: of equal sums the lowest label wins"
    OWN_THRESHOLD = "DETECT/4: a greater sum below its own threshold keeps no word back"
    OTHERS_ALONE = "DETECT/4: silence and unknown are never reported"
    OTHERS_GREATER = "DETECT/4: silence and unknown keep no word back"
    HELD = "DETECT/5: a word that stays at its threshold is reported once"
    HELD_KEEPS_BACK = "DETECT/5: the held word, while the best, keeps the others back"
    REPLACED = "DETECT/6: a better word is reported while the first is held"
    FREED = "DETECT/6: the first word is free again, without having fallen"
    RESET_WINDOW = "reset: the average is emptied"
    RESET_COOLDOWN = "reset: the cool-down ends"
    RESET_HELD = "reset: no word is held"


class Walk:
    """One stream's detector, frame by frame.

    Attributes:
        reached: how often each rule was come to.
        detections: those since the reset.
    """

    def __init__(self, parameters: DetectorParameters) -> None:
        self.parameters = parameters
        self.reached: Counter[Rule] = Counter()
        self._at: set[int] = set()
        self._below: set[int] = set()
        self._clear()
        self._left = (0, -1, [0] * parameters.labels)

    def _clear(self) -> None:
        p = self.parameters
        self._ring = [[0] * p.labels for _ in range(p.average_frames)]
        self.sums = [0] * p.labels
        self._before = [0] * p.labels  # the last frame's posteriors
        self._slot = 0
        self._cooldown = 0
        self._held = -1
        self._frame = 0
        self.detections: list[Detection] = []
        # For the count of rules only.
        self._reported_at = -1
        self._let_go: dict[int, bool] = {}  # words let go, and whether within the cool-down
        self._replaced: set[int] = set()  # words at their thresholds, held until a better one came
        self._kept_back: set[int] = set()  # words that rose to their thresholds within the cool-down

    def reset(self) -> None:
        """Forget everything but what the next scene's first report shows to have been forgotten."""
        self._left = (self._cooldown, self._held, list(self.sums))
        self._clear()

    def leaving(self) -> list[int]:
        """The oldest posteriors in the average, 0 to 255, which the next frame's replace."""
        return self._ring[self._slot]

    def step(self, row: Sequence[int]) -> None:
        """Take a frame's posteriors, 0 to 255 each, one a label."""
        p = self.parameters
        above_before = {w for w in self._words() if self._reaches(w)}
        for label, value in enumerate(row):
            self.sums[label] += value - self._ring[self._slot][label]
        self._ring[self._slot] = list(row)
        self._slot = (self._slot + 1) % p.average_frames
        reaching = {w for w in self._words() if self._reaches(w)}
        fallen = above_before - reaching
        if self._frame >= p.average_frames and any(row[w] >= self._before[w] for w in fallen):
            self.reached[Rule.DROP_OUT] += 1
        self._before = list(row)
        self._forget(fallen)
        if self._held >= 0 and not self._reaches(self._held):
            self._let_go[self._held] = self._cooldown > 0
            self._held = -1
        if self._cooldown > 0:
            self._cool_down(reaching)
        else:
            self._decide(reaching)
        self._frame += 1

    def finish(self) -> dict[str, int]:
        """How often each rule was come to, in SPEC's order."""
        words = len(self.parameters.threshold_sums)
        self.reached[Rule.AT_THRESHOLD] *= len(self._at) == words
        self.reached[Rule.BELOW_THRESHOLD] *= len(self._below) == words
        return {rule.value: self.reached[rule] for rule in Rule}

    def _words(self) -> range:
        return range(self.parameters.first_word, self.parameters.labels)

    def _threshold(self, word: int) -> int:
        return self.parameters.threshold_sums[word - self.parameters.first_word]

    def _reaches(self, word: int) -> bool:
        return self.sums[word] >= self._threshold(word)

    def _forget(self, fallen: set[int]) -> None:
        self.reached[Rule.LAPSED] += len(self._kept_back & fallen)
        self._kept_back -= fallen
        self._replaced -= fallen

    def _cool_down(self, reaching: set[int]) -> None:
        kept_back = reaching - {self._held}
        best = min(reaching, key=lambda w: (-self.sums[w], w), default=-1)
        if best != self._held and kept_back:
            self.reached[Rule.COOLDOWN_FIRST] += self._frame == self._reported_at + 1
            self.reached[Rule.COOLDOWN_LAST] += self._cooldown == 1
        self._kept_back |= kept_back
        self._cooldown -= 1

    def _decide(self, reaching: set[int]) -> None:
        sums = self.sums
        self._kept_back.clear()
        if not reaching:
            below = {w for w in self._words() if sums[w] == self._threshold(w) - 1}
            self._below |= below
            self.reached[Rule.BELOW_THRESHOLD] += len(below)
            others = sums[: self.parameters.first_word]
            self.reached[Rule.OTHERS_ALONE] += any(s >= min(self.parameters.threshold_sums) for s in others)
            return
        best = min(reaching, key=lambda w: (-sums[w], w))
        self.reached[Rule.GREATEST_HIGHER] += any(w < best for w in reaching)
        self.reached[Rule.GREATEST_LOWER] += any(w > best and sums[w] < sums[best] for w in reaching)
        self.reached[Rule.TIE] += any(w != best and sums[w] == sums[best] for w in reaching)
        if best == self._held:
            self.reached[Rule.HELD] += 1
            self.reached[Rule.HELD_KEEPS_BACK] += len(reaching) > 1
            return
        self._count_report(best)
        if self._held >= 0:
            self._replaced.add(self._held)
        self._held = best
        self._cooldown = self.parameters.cooldown_frames
        self._reported_at = self._frame
        self.detections.append(Detection(self._frame, best, sums[best]))

    def _count_report(self, best: int) -> None:
        """Which rules a report of ``best`` comes to, before it changes anything."""
        p, reached, score = self.parameters, self.reached, self.sums[best]
        if score == self._threshold(best):
            self._at.add(best)
            reached[Rule.AT_THRESHOLD] += 1
        reached[Rule.ABOVE_THRESHOLD] += score == self._threshold(best) + 1
        reached[Rule.FILL] += self._frame + 1 < p.average_frames
        reached[Rule.OWN_THRESHOLD] += any(score < self.sums[w] < self._threshold(w) for w in self._words())
        reached[Rule.OTHERS_GREATER] += any(s > score for s in self.sums[: p.first_word])
        reached[Rule.REPLACED] += self._held >= 0
        reached[Rule.FREED] += best in self._replaced
        self._replaced.discard(best)
        if best in self._let_go:
            reached[Rule.REARMED_IN_COOLDOWN if self._let_go.pop(best) else Rule.REARMED] += 1
        if self._reported_at >= 0:
            reached[Rule.COOLDOWN_OVER] += self._frame == self._reported_at + p.cooldown_frames + 1
        else:
            cooldown, held, sums = self._left
            reached[Rule.RESET_WINDOW] += sums[best] > 0 and 0 < self._frame + 1 < p.average_frames
            reached[Rule.RESET_COOLDOWN] += self._frame < cooldown
            reached[Rule.RESET_HELD] += held == best and self._frame == 0
