"""Decision ``ctc_lexicon``: words out of tokens (letters, phones) of a network trained with the CTC loss.

Token passing through a loop of words (Young 1989, "Token passing: a simple conceptual model for connected speech
recognition systems"), likeliest paths only, in integers. Twin of ``firmware/src/decisions/ctc_lexicon.c``; specified in
docs/SPEC.md, "Lexicon".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kws.fixedpoint.decisions.base import FrameDecision
from kws.fixedpoint.decisions.ctc_beam import LOGS

DEAD = 255
"""The cost of a path that is not there."""
NONE = -1


@dataclass(frozen=True)
class LexiconParameters:
    """The decision in integers.

    Attributes:
        labels: number of labels.
        first_word: labels before this one are blank, whatever else they are called.
        limit: greatest cost of a word's own frames, in 1/16 nat.
        other: greatest cost of a frame outside words, in 1/16 nat.
        patience: frames for which a word stays the last of what is cheapest before it is reported.
        words: the tokens of each word, as labels.
        reports: the label that stands for each word in detections.
    """

    labels: int
    first_word: int
    limit: int
    other: int
    patience: int
    words: tuple[tuple[int, ...], ...]
    reports: tuple[int, ...]


class _Path(NamedTuple):
    """The cheapest way to be in a place.

    Attributes:
        cost: more than the cheapest path of all.
        own: the cost of the frames of the word that it is in.
        word: the last word that ended and was not reported yet.
        score: the cost of that word's frames.
    """

    cost: int = DEAD
    own: int = 0
    word: int = NONE
    score: int = 0


_GONE = _Path()


class CtcLexicon(FrameDecision):
    """The decision of one stream. A score is the probability of the word's tokens, over that of the likeliest ones."""

    def __init__(self, parameters: LexiconParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self._steady = 0
        self._waiting = NONE
        self._last = NONE
        self._rest = _Path(0)
        self._words = [[_GONE] * (2 * len(word) - 1) for word in self.parameters.words]

    def _step(self, row: list[int]) -> tuple[int, int] | None:
        p = self.parameters
        # LEX/1
        logs = [LOGS[value] for value in row]
        blank = LOGS[min(255, sum(row[: p.first_word]))]
        best = max(blank, *logs[p.first_word :])
        blank = best - blank
        self._words = [
            self._advanced(paths, [best - logs[token] for token in tokens], tokens, blank)
            for paths, tokens in zip(self._words, p.words, strict=True)
        ]
        # LEX/3
        if blank <= p.other:
            self._last = NONE
        self._rest = self._rest._replace(cost=min(self._rest.cost + min(blank, p.other), DEAD - 1))
        # LEX/4
        ended = _GONE
        for word, paths in enumerate(self._words):
            if paths[-1].cost < self._rest.cost:
                ended = paths[-1]
                self._rest = _Path(ended.cost, 0, word, ended.own)
                self._last = p.words[word][-1]
        self._lower()
        return self._report(ended)

    def _advanced(self, paths: list[_Path], costs: list[int], tokens: tuple[int, ...], blank: int) -> list[_Path]:
        """The paths in a word after a frame."""
        # LEX/2
        after = []
        for place, path in enumerate(paths):
            token = place // 2
            if place % 2:
                sources, cost = [paths[place - 1]], blank
            else:
                cost = costs[token]
                if not place:
                    sources = [self._rest] if tokens[0] != self._last else []
                else:
                    sources = [paths[place - 2]] if tokens[token] != tokens[token - 1] else []
                    sources.append(paths[place - 1])
            came = min([*sources, path], key=lambda one: one.cost)
            goes_on = came.cost + cost < DEAD and came.own + cost <= self.parameters.limit
            after.append(_Path(came.cost + cost, came.own + cost, came.word, came.score) if goes_on else _GONE)
        return after

    def _report(self, ended: _Path) -> tuple[int, int] | None:
        # LEX/6
        rest, p = self._rest, self.parameters
        self._steady = min(self._steady + 1, p.patience) if rest.word == self._waiting else 0
        self._waiting = rest.word
        if ended.word != NONE:
            said = ended
        elif rest.word != NONE and self._steady == p.patience:
            said = rest
            self._rest = _Path(rest.cost)
            self._waiting = NONE
        else:
            return None
        # LEX/7
        self._steady = 0
        self._words = [[_without(path, said.word) for path in word] for word in self._words]
        return p.reports[said.word], max(value for value in range(256) if -LOGS[value] >= said.score)

    def _lower(self) -> None:
        # LEX/5
        least = min(self._rest.cost, *(path.cost for word in self._words for path in word))
        self._rest = _lowered(self._rest, least)
        self._words = [[_lowered(path, least) for path in word] for word in self._words]


def _without(path: _Path, word: int) -> _Path:
    """The path after its word was reported; dead if it has another one."""
    return path._replace(word=NONE, score=0) if path.word == word else _GONE


def _lowered(path: _Path, least: int) -> _Path:
    return path if path.cost == DEAD else path._replace(cost=path.cost - least)
