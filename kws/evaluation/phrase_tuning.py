"""Thresholds of phrases for a budget of false accepts per hour, each phrase by itself.

Two thresholds are chosen for a phrase, one for its first word and one for all that follow, by trying all pairs
of a grid. As for single words (`kws.evaluation.stream.tuning`), what to expect of speakers who were not heard
is estimated by choosing on one half of the speakers and counting on the other.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kws.decisions.grammar import GrammarConfig, Phrase, require_grammar
from kws.errors import KwsError
from kws.evaluation.phrases import PhraseBench, PhraseRates
from kws.types import Progress

THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.86, 0.9, 0.94, 0.97)


@dataclass(frozen=True)
class PhraseTuning:
    """What was chosen, and how it does.

    Attributes:
        grammar: the decision with the thresholds chosen.
        budget: false accepts per hour that each phrase was allowed.
        before: each phrase with the model's own thresholds.
        tuned: each phrase with those chosen, on what they were chosen on.
        held_out: chosen on one half of the speakers and counted on the other; empty where they cannot be halved.
    """

    grammar: GrammarConfig
    budget: float
    before: tuple[PhraseRates, ...]
    tuned: tuple[PhraseRates, ...]
    held_out: tuple[PhraseRates, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "budget": self.budget,
            "phrases": [dataclasses.asdict(p) for p in self.grammar.phrases],
            **{name: [r.as_dict() for r in getattr(self, name)] for name in ("before", "tuned", "held_out")},
        }

    def provenance(self) -> dict[str, Any]:
        """What the model's file keeps of it."""
        return {
            "budget_per_hour": self.budget,
            "held_out": {
                r.name: {
                    "found_rate": r.found_rate,
                    "false_accepts_per_hour": r.false_accepts_per_hour,
                    "speech_false_accepts": r.speech_false_accepts,
                }
                for r in self.held_out
            },
        }


def tune_phrases(bench: PhraseBench, budget: float, progress: Progress | None = None) -> PhraseTuning:
    """Choose the thresholds of all phrases of the bench's model.

    Args:
        bench: what was heard.
        budget: false accepts per hour for each phrase in streams of single words; in speech, where there is some,
            none is allowed.
        progress: called with (pairs of thresholds tried, in total).

    Raises:
        KwsError: the budget is not positive, or no thresholds keep to it.
    """
    if not budget > 0:
        raise KwsError(f"the budget must be more than 0 false accepts per hour, not {budget:g}")
    grammar = require_grammar(bench.info.decision)
    pairs = list(itertools.product(THRESHOLDS, THRESHOLDS))
    whole = list(range(bench.halves))
    chosen: list[Phrase] = []
    held_out = []
    for number, phrase in enumerate(grammar.phrases):
        found: dict[tuple[float, float], list[PhraseRates]] = {}
        for done, pair in enumerate(pairs, start=1 + number * len(pairs)):
            tried = _with(grammar, number, pair)
            found[pair] = [bench.rates(tried, number, (half,)) for half in whole]
            if progress is not None:
                progress(done, len(pairs) * len(grammar.phrases))
        best = _best(found, whole, budget, phrase)
        chosen.append(_set(phrase, best))
        if len(whole) == 2:
            crossed = [found[_best(found, [half], budget, phrase)][1 - half] for half in whole]
            held_out.append(crossed[0] + crossed[1])
    tuned = dataclasses.replace(grammar, phrases=tuple(chosen))
    return PhraseTuning(tuned, budget, tuple(bench.count(grammar)), tuple(bench.count(tuned)), tuple(held_out))


def _set(phrase: Phrase, pair: tuple[float, float]) -> Phrase:
    return dataclasses.replace(phrase, thresholds=(pair[0], *(pair[1],) * (len(phrase.words) - 1)))


def _with(grammar: GrammarConfig, number: int, pair: tuple[float, float]) -> GrammarConfig:
    phrases = list(grammar.phrases)
    phrases[number] = _set(phrases[number], pair)
    return dataclasses.replace(grammar, phrases=tuple(phrases))


def _best(
    found: dict[tuple[float, float], list[PhraseRates]], which: Sequence[int], budget: float, phrase: Phrase
) -> tuple[float, float]:
    """The pair that finds most within the budget; of equal ones the one with fewer false accepts, then the higher."""
    kept = []
    for pair, halves in found.items():
        total = halves[which[0]] if len(which) == 1 else halves[0] + halves[1]
        # Speech is counted with the first half, whichever thresholds are chosen on.
        spoken = halves[0].speech_false_accepts
        if total.false_accepts <= budget * total.hours + 1e-9 and spoken == 0:
            kept.append((total.found, -total.false_accepts, pair))
    if not kept:
        raise KwsError(
            f"no thresholds keep {phrase.title!r} to {budget:g} false accepts per hour, and to none in speech;"
            " allow more, or take other words"
        )
    return max(kept)[2]
