"""Decisions, from posteriors to detections: one file a kind, and the list of kinds.

A new kind is a file here, one in ``kws/fixedpoint/decisions``, one in ``firmware/src/decisions`` and one in
``firmware/include/kws/decisions``, a line in :data:`KINDS` and one in ``firmware/include/kws/decisions/kinds.def``.
"""

from __future__ import annotations

from typing import Any

from kws.decisions.base import DEFAULT, DecisionConfig, first_word
from kws.decisions.ctc import CtcConfig
from kws.decisions.ctc_beam import CtcBeamConfig
from kws.decisions.ctc_lexicon import CtcLexiconConfig
from kws.decisions.detector import DetectorConfig, require_detector
from kws.decisions.grammar import GrammarConfig, Phrase
from kws.decisions.grammar_values import grammar_values
from kws.decisions.sliding_mean import SlidingMeanConfig
from kws.fields import choose

__all__ = [
    "KINDS",
    "CtcBeamConfig",
    "CtcConfig",
    "CtcLexiconConfig",
    "DecisionConfig",
    "DetectorConfig",
    "GrammarConfig",
    "Phrase",
    "SlidingMeanConfig",
    "first_word",
    "grammar_values",
    "read",
    "require_detector",
]

KINDS: dict[str, type[DecisionConfig]] = {
    DetectorConfig.kind: DetectorConfig,
    GrammarConfig.kind: GrammarConfig,
    SlidingMeanConfig.kind: SlidingMeanConfig,
    CtcConfig.kind: CtcConfig,
    CtcBeamConfig.kind: CtcBeamConfig,
    CtcLexiconConfig.kind: CtcLexiconConfig,
}


def read(values: dict[str, Any], where: str = "detector") -> DecisionConfig:
    """Settings from plain values, of which ``kind`` says whose they are.

    Raises:
        KwsError: no such kind, an unknown key, a value of the wrong type or out of its range.
    """
    return choose(KINDS, DEFAULT, values, where)
