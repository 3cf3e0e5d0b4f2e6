"""Posteriors that take a lexicon through all its rules, and what the rules make of them.

The rules are worked out here on a dictionary of the places that can be reached, apart from both twins.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np

from kws.decisions.script import Script, log_of, played, saying, those_of
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.ctc_lexicon import LexiconParameters

_RANDOM_SCENES, _RANDOM_WORDS = 6, 24
_FULL = 255
_MOST = 254


class Rule(StrEnum):
    """What SPEC says of a lexicon, a rule each."""

    BLANK = "LEX/1: labels that are no words count together"
    BEGINS = "LEX/2: a word begins after what lies between words"
    HELD = "LEX/2: the token that ended a word begins none before a blank"
    STAYS = "LEX/2: a token goes on"
    CLOSE = "LEX/2: a token follows another one at once"
    DOUBLED = "LEX/2: the same token needs a blank between"
    TIE = "LEX/2: of equal paths the one that is further goes on"
    LIMIT = "LEX/2: a path at the limit goes on"
    BEYOND = "LEX/2: one above it is gone"
    BLANKS = "LEX/3: blanks between words cost what they cost"
    OTHERS = "LEX/3: anything else costs no more than it may"
    ENDS = "LEX/4: a word that is cheaper than what lies between words ends"
    WORSE = "LEX/4: one that is as dear does not"
    CHANGES = "LEX/6: another word begins to wait anew"
    PATIENCE = "LEX/6: a word that waited is reported"
    NEXT = "LEX/6: a word is reported when the next one ends"
    OTHER_PATHS = "LEX/7: paths without the word are gone"
    SAME_PATHS = "LEX/7: paths with the word go on"
    RESET = "reset: nothing is left of words"


_Entry = tuple[int, int, int | None, int]
"""Cost, the open word's own, the word that waits to be reported, what that cost."""
_Place = tuple[int, int]
"""A word and a place in it: 0 for its first token, 1 for the blank behind it and so on."""


def ctc_lexicon_script(parameters: LexiconParameters) -> Script:
    """Scenes for a lexicon, and how often they come to each of its rules."""
    walk = _Walk(parameters)
    scenes = played(walk, _scenes(parameters))
    words = parameters.words
    impossible = {
        Rule.BLANK: parameters.first_word < 2,
        Rule.HELD: not {word[-1] for word in words} & {word[0] for word in words},
        Rule.CLOSE: not any(a != b for word in words for a, b in itertools.pairwise(word)),
        Rule.DOUBLED: not any(a == b for word in words for a, b in itertools.pairwise(word)),
    }
    return Script(scenes, walk.finish(), those_of(impossible))


class _Walk:
    def __init__(self, parameters: LexiconParameters) -> None:
        self._p = parameters
        self._reached: Counter[Rule] = Counter()
        self._left = False
        self._inside: dict[_Place, _Entry] = {}
        self.reset()

    def reset(self) -> None:
        self._left = bool(self._inside)
        self._between: _Entry = (0, 0, None, 0)
        self._inside = {}
        self._held: int | None = None
        self._waits: tuple[int | None, int] = (None, 0)
        self._frame = 0
        self.detections: list[Detection] = []

    def step(self, row: Sequence[int]) -> None:
        p, reached = self._p, self._reached
        nothing = min(_FULL, sum(row[: p.first_word]))
        reached[Rule.BLANK] += sum(1 for v in row[: p.first_word] if v > 0) > 1
        reached[Rule.RESET] += self._frame == 0 and self._left
        top = max([nothing, *row[p.first_word :]])
        blank = log_of(top) - log_of(nothing)
        before, self._inside = self._inside, {}
        for word, tokens in enumerate(p.words):
            for place in range(2 * len(tokens) - 1):
                came = self._came(before, word, place)
                if came is None:
                    continue
                price = blank if place % 2 else log_of(top) - log_of(row[tokens[place // 2]])
                cost, own = came[0] + price, came[1] + price
                reached[Rule.LIMIT] += own == p.limit
                reached[Rule.BEYOND] += own > p.limit
                if cost <= _MOST and own <= p.limit:
                    self._inside[word, place] = (cost, own, came[2], came[3])
        reached[Rule.BLANKS] += 0 < blank < p.other
        reached[Rule.OTHERS] += blank > p.other
        self._held = None if blank <= p.other else self._held
        self._between = (min(self._between[0] + min(blank, p.other), _MOST), 0, *self._between[2:])
        self._finish_frame(self._ends())
        self._frame += 1

    def _came(self, before: dict[_Place, _Entry], word: int, place: int) -> _Entry | None:
        """What goes on to a place: the cheapest of those that may, of equals the one that is further from there."""
        tokens, reached = self._p.words[word], self._reached
        from_: list[_Entry | None] = []
        jumped = False
        if place == 0:
            allowed = tokens[0] != self._held
            reached[Rule.HELD] += not allowed
            from_ += [(self._between[0], 0, *self._between[2:])] if allowed else []
        elif place % 2 == 0:
            doubled = tokens[place // 2] == tokens[place // 2 - 1]
            reached[Rule.DOUBLED] += doubled and (word, place - 2) in before
            jumped = not doubled
            from_ += [before.get((word, place - 2))] if jumped else []
        if place > 0:
            from_.append(before.get((word, place - 1)))
        from_.append(before.get((word, place)))
        there = [entry for entry in from_ if entry is not None]
        if not there:
            return None
        least = min(entry[0] for entry in there)
        cheapest = [entry for entry in there if entry[0] == least]
        reached[Rule.TIE] += len(set(cheapest)) > 1
        reached[Rule.CLOSE] += jumped and cheapest[0] is from_[0]
        reached[Rule.STAYS] += cheapest[0] is from_[-1] and place % 2 == 0
        reached[Rule.BEGINS] += place == 0 and len(from_) == 2 and cheapest[0] is from_[0]
        return cheapest[0]

    def _ends(self) -> _Entry | None:
        """The path of the word that ended, if one did."""
        ended = None
        for word, tokens in enumerate(self._p.words):
            entry = self._inside.get((word, 2 * len(tokens) - 2))
            if entry is None:
                continue
            self._reached[Rule.WORSE] += entry[0] == self._between[0]
            if entry[0] < self._between[0]:
                self._reached[Rule.ENDS] += 1
                ended, self._held = entry, tokens[-1]
                self._between = (entry[0], 0, word, entry[1])
        return ended

    def _finish_frame(self, ended: _Entry | None) -> None:
        p, reached = self._p, self._reached
        least = min([self._between[0], *(entry[0] for entry in self._inside.values())])
        self._between = (self._between[0] - least, *self._between[1:])
        self._inside = {at: (entry[0] - least, *entry[1:]) for at, entry in self._inside.items()}
        before, waited = self._waits
        latest = self._between[2]
        reached[Rule.CHANGES] += latest != before and before is not None
        self._waits = (latest, min(waited + 1, p.patience) if latest == before else 0)
        overtaken = ended is not None and ended[2] is not None
        if not overtaken and (latest is None or self._waits[1] < p.patience):
            return
        reached[Rule.NEXT if overtaken else Rule.PATIENCE] += 1
        _, _, word, cost = ended if overtaken and ended is not None else self._between
        assert word is not None
        score = next(v for v in range(_FULL, -1, -1) if log_of(v) <= -cost)
        self.detections.append(Detection(self._frame, p.reports[word], score))
        same: dict[_Place, _Entry] = {
            at: (entry[0], entry[1], None, 0) for at, entry in self._inside.items() if entry[2] == word
        }
        reached[Rule.OTHER_PATHS] += len(same) < len(self._inside)
        reached[Rule.SAME_PATHS] += bool(same)
        self._inside = same
        if not overtaken:
            self._between = (self._between[0], 0, None, 0)
        self._waits = (self._between[2], 0)

    def finish(self) -> dict[str, int]:
        return {rule.value: int(self._reached[rule]) for rule in Rule}


def _scenes(p: LexiconParameters) -> Iterator[tuple[str, list[list[int]]]]:
    def row(*said: tuple[int, int]) -> list[int]:
        return saying(p.labels, *said)

    def spelled(word: int, *, between: bool = True, frames: int = 1) -> list[list[int]]:
        rows = []
        for token in p.words[word]:
            rows += [row((token, _FULL))] * frames + ([blank] if between else [])
        return rows

    blank = row((0, _FULL))
    both = row((0, 120), (p.first_word - 1, 120)) if p.first_word > 1 else blank
    waits = p.patience + 2
    # Long enough for what lies between words to become dearer than any word may be.
    long = p.limit // p.other + 3
    least = next(v for v in range(256) if -log_of(v) <= p.limit)
    shown = range(min(len(p.words), _RANDOM_WORDS))
    for word in shown:
        tokens, other = p.words[word], (word + 1) % len(p.words)
        first = tokens[0]
        stray = next((t for t in range(p.first_word, p.labels) if t != first), None)
        yield f"word {word}", [*spelled(word), both, *[blank] * waits]
        yield f"word {word}, then {other} at once", [*spelled(word, between=False), *spelled(other, frames=2)] * 2
        yield f"word {word} twice, without a blank", [*spelled(word, between=False, frames=2)] * 2 + [blank] * waits
        for name, value in (("at the limit", least), ("beyond it", max(least - 1, 0))):
            start = row((first, value), (stray, _FULL)) if stray is not None else row((first, value), (0, _FULL))
            middle = [row((token, _FULL)) for token in tokens[1:-1] for _ in range(2)]
            yield f"word {word} {name}", [start, *middle, *[row((tokens[-1], _FULL))] * long, *[blank] * waits]
        yield f"word {word} as likely as blank", [row((token, 128), (0, 128)) for token in tokens] + [blank] * waits
        yield f"word {word} left behind", spelled(word)[: max(1, 2 * len(tokens) - 2)]
        yield f"word {word} after a reset", [*spelled(word)[2:], *[blank] * waits]
    for seed in range(_RANDOM_SCENES):
        rng = np.random.default_rng(seed)
        yield f"words at random {seed}", _random(p, rng)


def _random(p: LexiconParameters, rng: np.random.Generator) -> list[list[int]]:
    """Words with some tokens doubtful, some frames longer and some pauses."""
    rows: list[np.ndarray] = []
    for word in rng.integers(len(p.words), size=_RANDOM_WORDS).tolist():
        for token in p.words[word]:
            values = rng.dirichlet(np.full(p.labels, 0.15)) * rng.choice([0.2, 0.5, 0.9])
            values[token] += 1 - values.sum()
            rows += [values] * int(rng.integers(1, 4))
            rows += [np.eye(p.labels)[0] * 0.8 + values * 0.2] * int(rng.integers(0, 2))
        pause = rng.dirichlet(np.full(p.labels, 0.1)) * 0.3
        pause[0] += 1 - pause.sum()
        rows += [pause] * int(rng.choice([0, 1, 4, p.patience + 2]))
    drawn: list[list[int]] = np.minimum(np.round(256 * np.array(rows)), _FULL).astype(int).tolist()
    return drawn
