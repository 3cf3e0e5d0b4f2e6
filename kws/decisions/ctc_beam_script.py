"""Posteriors that take a beam search through all its rules, and what the rules make of them.

The rules are worked out here on dictionaries of whole hypotheses, apart from both twins.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from itertools import pairwise

import numpy as np

from kws.decisions.script import Script, log_of, played, saying, those_of
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.ctc_beam import BeamParameters

_RANDOM_SCENES, _RANDOM_FRAMES = 4, 240
_NEVER = -30000
_LONGEST = 8


class Rule(StrEnum):
    """What SPEC says of the search, a rule each."""

    BLANK = "BEAM/1: labels that are no words count together"
    STAYS = "BEAM/2: a blank or the last word again leaves a hypothesis as it is"
    JOINS = "BEAM/2: the last word again after its hypothesis without it counts for it, too"
    BEGINS = "BEAM/3: a word that reaches its least posterior is begun"
    BELOW = "BEAM/3: one below it none is"
    AGAIN = "BEAM/3: a word repeats only after a blank"
    LISTED = "BEAM/3: the list allows a word"
    UNLISTED = "BEAM/3: the list forbids a word"
    WIDTH = "BEAM/4: more candidates than the width: the worst are dropped"
    TIE = "BEAM/4: of equal candidates the first is before"
    MARGIN = "BEAM/4: a candidate too much worse than the best is dropped"
    CHANGES = "BEAM/5: a best hypothesis that changes begins to wait anew"
    PATIENCE = "BEAM/6: one that waited decides against others"
    AGREED = "BEAM/7: a first word that all have is reported"
    OPEN = "BEAM/7: one that not all have is not"
    LATER = "BEAM/7: what follows the reported word stays"
    RESET = "reset: nothing is left of hypotheses"


_Entry = tuple[int, int, int | None, tuple[int, ...]]
"""Logs of blank and label, the last word, the greatest posteriors."""


def ctc_beam_script(parameters: BeamParameters) -> Script:
    """Scenes for a search, and how often they come to each of its rules."""
    walk = _Walk(parameters)
    scenes = played(walk, _scenes(parameters))
    # A single hypothesis has nothing beside it, and its first word is agreed upon at once.
    alone = parameters.width == 1
    impossible = {
        Rule.BLANK: parameters.first_word < 2,
        Rule.LISTED: not parameters.nodes,
        Rule.UNLISTED: not parameters.nodes or walk.lists_all,
        **dict.fromkeys((Rule.JOINS, Rule.MARGIN, Rule.PATIENCE, Rule.OPEN, Rule.LATER), alone),
    }
    return Script(scenes, walk.finish(), those_of(impossible))


class _Walk:
    def __init__(self, parameters: BeamParameters) -> None:
        self._p = parameters
        self._reached: Counter[Rule] = Counter()
        self._left = False
        self._beam: dict[tuple[int, ...], _Entry] = {(): (0, _NEVER, None, ())}
        self._sequences = _sequences(parameters)
        firsts = {s[0] for s in self._sequences}
        self.lists_all = all(len(s) == 1 for s in self._sequences) and len(firsts) == (
            parameters.labels - parameters.first_word
        )
        self.reset()

    def reset(self) -> None:
        self._left = len(self._beam) > 1
        self._beam = {(): (0, _NEVER, None, ())}
        self._history: tuple[int, ...] = ()
        self._waited = 0
        self._frame = 0
        self.detections: list[Detection] = []

    def step(self, row: Sequence[int]) -> None:
        p, reached = self._p, self._reached
        silent = log_of(min(255, sum(row[: p.first_word])))
        reached[Rule.BLANK] += sum(1 for v in row[: p.first_word] if v > 0) > 1
        reached[Rule.RESET] += self._frame == 0 and self._left
        candidates: list[tuple[tuple[int, ...], _Entry]] = []
        for words, (blank, label, last, peaks) in self._beam.items():
            more = _NEVER if last is None else label + log_of(row[last])
            parent = self._beam.get(words[:-1]) if words else None
            if parent is not None and last is not None and row[last] >= p.least:
                more = _sum(more, _source(parent, last) + log_of(row[last]))
                reached[Rule.JOINS] += 1
            candidates.append((words, (_sum(blank, label) + silent, more, last, peaks)))
        for words, entry in self._beam.items():
            for word in range(p.first_word, p.labels) if len(words) < _LONGEST else ():
                reached[Rule.BELOW] += row[word] == p.least - 1
                if row[word] < p.least or (*words, word) in self._beam:
                    continue
                allowed = self._allowed((*self._history, *words), word)
                reached[Rule.LISTED if allowed else Rule.UNLISTED] += bool(self._sequences)
                if not allowed:
                    continue
                reached[Rule.BEGINS] += row[word] == p.least
                reached[Rule.AGAIN] += entry[2] == word
                candidates.append(
                    ((*words, word), (_NEVER, _source(entry, word) + log_of(row[word]), word, (*entry[3], 0)))
                )
        self._choose(candidates, row)
        self._frame += 1

    def _choose(self, candidates: list[tuple[tuple[int, ...], _Entry]], row: Sequence[int]) -> None:
        p, reached = self._p, self._reached
        before = next(iter(self._beam))
        ranks = [_sum(entry[0], entry[1]) for _, entry in candidates]
        order = sorted(range(len(ranks)), key=lambda i: (-ranks[i], i))
        reached[Rule.TIE] += any(ranks[a] == ranks[b] for a, b in pairwise(order[: p.width + 1]))
        reached[Rule.WIDTH] += len(order) > p.width
        best = ranks[order[0]]
        close = [i for i in order[: p.width] if best - ranks[i] <= p.margin]
        reached[Rule.MARGIN] += len(close) < min(len(order), p.width)
        self._beam = {}
        for i in close:
            words, (blank, label, last, peaks) = candidates[i]
            if words and last is not None:
                peaks = (*peaks[:-1], max(peaks[-1], row[last]))
            self._beam[words] = (max(blank - best, _NEVER), max(label - best, _NEVER), last, peaks)
        first = next(iter(self._beam))
        reached[Rule.STAYS] += first == before
        reached[Rule.CHANGES] += first != before and self._waited > 0
        self._waited = min(self._waited + 1, p.patience) if first == before else 0
        if self._waited == p.patience and first:
            kept = {words: e for words, e in self._beam.items() if words[:1] == first[:1]}
            reached[Rule.PATIENCE] += len(kept) < len(self._beam)
            self._beam = kept
        if not all(words[:1] == first[:1] and words for words in self._beam):
            reached[Rule.OPEN] += any(self._beam)
            return
        reached[Rule.AGREED] += 1
        reached[Rule.LATER] += len(first) > 1
        self.detections.append(Detection(self._frame, first[0], self._beam[first][3][0]))
        self._history = (*self._history, first[0])
        self._beam = {words[1:]: (b, n, last, peaks[1:]) for words, (b, n, last, peaks) in self._beam.items()}

    def _allowed(self, said: tuple[int, ...], word: int) -> bool:
        """Whether the list has a sequence that goes on so; the words before are cut into the longest that it has."""
        if not self._sequences:
            return True
        open_now: tuple[int, ...] = ()
        for one in (*said, word):
            longer = (*open_now, one)
            if any(s[: len(longer)] == longer for s in self._sequences):
                open_now = longer
            elif open_now in self._sequences and any(s[0] == one for s in self._sequences):
                open_now = (one,)
            else:
                return False
        return True

    def finish(self) -> dict[str, int]:
        return {rule.value: int(self._reached[rule]) for rule in Rule}


def _source(entry: _Entry, word: int) -> int:
    return entry[0] if entry[2] == word else _sum(entry[0], entry[1])


def _sum(one: int, other: int) -> int:
    return max(one, other) + round(16 * math.log1p(math.exp(-abs(one - other) / 16)))


def _sequences(p: BeamParameters) -> set[tuple[int, ...]]:
    """The word list, read off its tree."""
    found: set[tuple[int, ...]] = set()

    def walk(node: int, said: tuple[int, ...]) -> None:
        if p.nodes[node][3]:
            found.add(said)
        below = p.nodes[node][1]
        while below:
            walk(below, (*said, p.nodes[below][0]))
            below = p.nodes[below][2]

    if p.nodes:
        walk(0, ())
    return found


def _scenes(p: BeamParameters) -> Iterator[tuple[str, list[list[int]]]]:
    row = partial(saying, p.labels)
    sequences = sorted(_sequences(p))
    words = range(p.first_word, p.labels)
    blank = row((0, 255))
    both = row((0, 120), (p.first_word - 1, 120)) if p.first_word > 1 else blank
    waits = p.patience + 2
    for word in words:
        at, below = row((word, p.least)), row((word, p.least - 1))
        other = word + 1 if word + 1 in words else words[0]
        yield f"word {word} at the least posterior", [below, at, at, both, *[blank] * waits]
        yield f"word {word} as likely as blank", [row((word, 128), (0, 128))] * 3 + [blank] * waits
        yield f"word {word} again", [row((word, 250))] * 2 + [blank, row((word, 250))] + [both] * waits
        yield f"words {word} and {other} as likely", [row((word, 127), (other, 127))] * 2 + [blank] * waits
        yield f"words {word} and {other} in turn", [row((word, 200), (0, 50)), row((other, 200), (0, 50))] * 4
        sure = [row((0, 255), (word, 230)), row((0, 255), (other, 240))]
        yield f"words {word} and {other} beside a sure blank", [*sure, *sure, *[blank] * waits]
        yield f"word {word} left behind", [row((word, 100), (0, 150))]
        yield f"word {word} after a reset", [row((word, 255)), *[blank] * waits]
    for number, sequence in enumerate(sequences):
        spread = [r for word in sequence for r in (row((word, 140), (0, 100)), row((0, 130), (word, 100)))]
        yield f"sequence {number}", [*spread, *[blank] * waits, *spread]
    for seed in range(_RANDOM_SCENES):
        rng = np.random.default_rng(seed)
        sharp = rng.dirichlet(np.full(p.labels, 0.25), _RANDOM_FRAMES // 3)
        drawn = np.minimum(np.round(256 * sharp), 255).astype(int).repeat(3, axis=0)
        drawn[rng.random(len(drawn)) < 0.3] = blank
        yield f"posteriors at random {seed}", drawn.tolist()
