"""Posteriors that take a transcription through all its rules, and what the rules make of them, taken one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial

import numpy as np

from kws.decisions.script import Script, played, saying, those_of
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.ctc import CtcParameters

_RANDOM_SCENES, _RANDOM_FRAMES = 3, 300


class Rule(StrEnum):
    """What SPEC says of the transcription, a rule each."""

    GREATEST = "CTC/1: the label with the greatest posterior is the frame's symbol"
    TIE = "CTC/1: of equal posteriors the lowest label's"
    LEAST = "CTC/1: at its least posterior every word is a symbol"
    BELOW = "CTC/1: one below it none is"
    REPEAT = "CTC/2: a symbol that is repeated counts once"
    SEPARATED = "CTC/2: a word after a frame without a word counts again"
    FOLLOWS = "CTC/2: another word counts at once"
    OTHERS = "CTC/3: blank and other words are not reported"
    RESET = "reset: a word that was the last symbol counts again"


def ctc_script(parameters: CtcParameters) -> Script:
    """Scenes for a transcription, and how often they come to each of its rules."""
    walk = _Walk(parameters)
    scenes = played(walk, _scenes(parameters))
    words = parameters.labels - parameters.first_word
    impossible = {
        # With nothing at all, the lowest label is the greatest.
        Rule.BELOW: parameters.least == 1,
        Rule.FOLLOWS: words < 2,
    }
    return Script(scenes, walk.finish(), those_of(impossible))


class _Walk:
    def __init__(self, parameters: CtcParameters) -> None:
        self._p = parameters
        self._reached: Counter[Rule] = Counter()
        self._at: set[int] = set()
        self._below: set[int] = set()
        self._last: int | None = None
        self.reset()

    def reset(self) -> None:
        self._left, self._last = self._last, None
        self._frame = 0
        self.detections: list[Detection] = []

    def step(self, row: Sequence[int]) -> None:
        p, reached = self._p, self._reached
        score = max(row)
        best = row.index(score)
        reached[Rule.TIE] += row.count(score) > 1 and score >= p.least
        symbol = best if score >= p.least else None
        if best >= p.first_word:
            self._at |= {best} if score == p.least else set()
            self._below |= {best} if score == p.least - 1 else set()
        if symbol is not None and symbol == self._last:
            reached[Rule.REPEAT] += symbol >= p.first_word
        elif symbol is not None and symbol >= p.first_word:
            reached[Rule.GREATEST] += any(row[i] > 0 for i in range(len(row)) if i != best)
            earlier = [d.label for d in self.detections]
            reached[Rule.SEPARATED] += earlier[-1:] == [symbol]
            reached[Rule.FOLLOWS] += self._last is not None and self._last >= p.first_word
            reached[Rule.RESET] += self._frame == 0 and self._left == symbol
            self.detections.append(Detection(self._frame, symbol, score))
        else:
            reached[Rule.OTHERS] += symbol is not None
        self._last = symbol
        self._frame += 1

    def finish(self) -> dict[str, int]:
        words = set(range(self._p.first_word, self._p.labels))
        self._reached[Rule.LEAST] = len(words) * (self._at == words)
        self._reached[Rule.BELOW] = len(words) * (self._below == words)
        return {rule.value: self._reached[rule] for rule in Rule}


def _scenes(p: CtcParameters) -> Iterator[tuple[str, list[list[int]]]]:
    row = partial(saying, p.labels)
    words = range(p.first_word, p.labels)
    blank = row((0, 255))
    for word in words:
        at, below = row((word, p.least)), row((word, p.least - 1))
        yield f"word {word} at the least posterior", [below, at, at, below, at, blank, at]
        yield f"word {word} again", [at, blank]
        other = word + 1 if word + 1 in words else words[0]
        if p.least > 1:
            yield f"word {word} beside another", [row((word, p.least), (other, p.least - 1)), at]
        yield f"words {word} and {other} in turn", [at, row((other, 255)), at, row((other, 255), (word, 255)), at]
        yield f"word {word} as likely as blank", [row((0, 255), (word, 255)), row((word, 255), (0, 1))]
        yield f"word {word} left behind", [blank, at]
        yield f"word {word} after a reset", [at]
    for label in range(p.first_word):
        yield f"label {label}", [row((label, 255))] * 2
    for seed in range(_RANDOM_SCENES):
        rng = np.random.default_rng(seed)
        drawn = rng.integers(0, 256, (_RANDOM_FRAMES // 3, p.labels)).repeat(3, axis=0)
        drawn[rng.random(len(drawn)) < 0.3] = p.least - 1
        yield f"posteriors at random {seed}", drawn.tolist()
