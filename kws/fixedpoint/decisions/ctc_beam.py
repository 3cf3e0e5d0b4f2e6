"""Decision ``ctc_beam``: the transcription of a network trained with the CTC loss, by prefix beam search.

After Graves 2012 (Supervised Sequence Labelling, section 7.5) and Hannun 2014 (arXiv:1408.2873), in integers. Twin of
``firmware/src/decisions/ctc_beam.c``; specified in docs/SPEC.md, "Beam search".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from kws.fixedpoint.decisions.base import FrameDecision

UNIT = 16
"""Logs are in so many parts of a nat."""
WORDS = 8
"""Most words of a hypothesis that are not reported yet."""
NOTHING = -30000
"""The log of 0."""
LOGS = tuple(round(UNIT * math.log(max(p, 0.5) / 256)) for p in range(256))
"""Of each posterior; none is below -100."""
SUMS = tuple(round(UNIT * math.log1p(math.exp(-d / UNIT))) for d in range(56))
"""What the greater of two logs gains by the lesser, by their difference; nothing from 56 on."""

Node = tuple[int, int, int, int]
"""Of a word list: label, first child, next sibling (0 for none), whether a sequence may end here."""


@dataclass(frozen=True)
class BeamParameters:
    """The search in integers.

    Attributes:
        labels: number of labels.
        first_word: labels before this one are blank, whatever else they are called.
        least: posterior of 0 to 255 below which no word is begun.
        width: hypotheses that are kept.
        patience: frames after which an unchanged best hypothesis decides.
        margin: how much worse than the best a hypothesis may be, in 1/16 nat.
        nodes: the word list; the first is its root. Empty where any word may follow any other.
    """

    labels: int
    first_word: int
    least: int
    width: int
    patience: int
    margin: int
    nodes: tuple[Node, ...] = ()

    def after(self, node: int, word: int) -> int | None:
        """The node of the word list after one word more; None where the list has no such sequence."""
        if not self.nodes:
            return 0
        found = self._child(node, word)
        return self._child(0, word) if found is None and self.nodes[node][3] else found

    def _child(self, node: int, word: int) -> int | None:
        found = self.nodes[node][1]
        while found and self.nodes[found][0] != word:
            found = self.nodes[found][2]
        return found or None


def log_add(one: int, other: int) -> int:
    """The log of the sum of two numbers, of their logs."""
    apart = abs(one - other)
    return max(one, other) + (SUMS[apart] if apart < len(SUMS) else 0)


@dataclass(frozen=True)
class _Hypothesis:
    """Some words, and the logs of the probabilities that a blank ended them, or their last word itself."""

    words: tuple[int, ...] = ()
    peaks: tuple[int, ...] = ()
    last: int | None = None
    node: int = 0
    blank: int = 0
    label: int = NOTHING

    def before(self, word: int) -> int:
        """The log of all that a word may follow: its own repetition needs a blank between."""
        return self.blank if self.last == word else log_add(self.blank, self.label)

    def heard(self, row: list[int]) -> _Hypothesis:
        """With the last word's greatest posterior so far."""
        if not self.words or self.last is None:
            return self
        return replace(self, peaks=(*self.peaks[:-1], max(self.peaks[-1], row[self.last])))


class CtcBeam(FrameDecision):
    """The search of one stream. A score is the word's greatest posterior, 0 to 255."""

    def __init__(self, parameters: BeamParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self._steady = 0
        self._beam = [_Hypothesis()]

    def _step(self, row: list[int]) -> tuple[int, int] | None:
        p = self.parameters
        # BEAM/1
        blank = LOGS[min(255, sum(row[: p.first_word]))]
        candidates = [self._stay(h, row, blank) for h in self._beam]
        same = candidates[0]
        candidates += [longer for h in self._beam for longer in self._extended(h, row)]
        # BEAM/4
        scored = [(log_add(h.blank, h.label), h) for h in candidates]
        scored.sort(key=lambda one: -one[0])
        best = scored[0][0]
        kept = [h for score, h in scored[: p.width] if best - score <= p.margin]
        # BEAM/5
        self._steady = min(self._steady + 1, p.patience) if kept[0] is same else 0
        beam = [
            replace(h, blank=max(h.blank - best, NOTHING), label=max(h.label - best, NOTHING)).heard(row) for h in kept
        ]
        # BEAM/6
        if self._steady == p.patience and beam[0].words:
            beam = [h for h in beam if h.words[:1] == beam[0].words[:1]]
        # BEAM/7
        firsts = {h.words[:1] for h in beam}
        decided = len(firsts) == 1 and () not in firsts
        word = (beam[0].words[0], beam[0].peaks[0]) if decided else None
        self._beam = [replace(h, words=h.words[1:], peaks=h.peaks[1:]) for h in beam] if decided else beam
        return word

    def _stay(self, h: _Hypothesis, row: list[int], blank: int) -> _Hypothesis:
        # BEAM/2
        label = NOTHING
        if h.last is not None:
            log = LOGS[row[h.last]]
            label = h.label + log
            if h.words and row[h.last] >= self.parameters.least:
                for shorter in self._beam:
                    if shorter.words == h.words[:-1]:
                        label = log_add(label, shorter.before(h.last) + log)
        return replace(h, blank=log_add(h.blank, h.label) + blank, label=label)

    def _extended(self, h: _Hypothesis, row: list[int]) -> list[_Hypothesis]:
        # BEAM/3
        p = self.parameters
        if len(h.words) == WORDS:
            return []
        there = {other.words for other in self._beam}
        found = []
        for word in range(p.first_word, p.labels):
            node = p.after(h.node, word) if row[word] >= p.least else None
            if node is not None and (*h.words, word) not in there:
                label = h.before(word) + LOGS[row[word]]
                found.append(_Hypothesis((*h.words, word), (*h.peaks, 0), word, node, NOTHING, label))
        return found
