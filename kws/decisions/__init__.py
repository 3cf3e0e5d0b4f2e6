"""Decisions, from posteriors to detections: one file a kind, and the list of kinds.

A new kind is a file here, one in ``kws/fixedpoint/decisions``, one in ``firmware/src/decisions`` and one in
``firmware/include/kws/decisions``, a line in :data:`KINDS` and one in ``firmware/include/kws/decisions/kinds.def``.
"""

from __future__ import annotations

from typing import Any

from kws.decisions.base import DEFAULT, DecisionConfig, first_word
from kws.decisions.detector import DetectorConfig
from kws.decisions.sliding_mean import SlidingMeanConfig
from kws.errors import KwsError
from kws.fields import choose

__all__ = [
    "KINDS",
    "DecisionConfig",
    "DetectorConfig",
    "SlidingMeanConfig",
    "first_word",
    "read",
    "require_detector",
    "with_detector",
]

KINDS: dict[str, type[DecisionConfig]] = {
    DetectorConfig.kind: DetectorConfig,
    SlidingMeanConfig.kind: SlidingMeanConfig,
}


def read(values: dict[str, Any], where: str = "detector") -> DecisionConfig:
    """Settings from plain values, of which ``kind`` says whose they are.

    Raises:
        KwsError: no such kind, an unknown key, a value of the wrong type or out of its range.
    """
    return choose(KINDS, DEFAULT, values, where)


def require_detector(config: DecisionConfig) -> DetectorConfig:
    """``config``, or a detector that decides alike, for what works with a detector's thresholds only.

    Raises:
        KwsError: it is of a kind that no detector stands for.
    """
    if isinstance(config, SlidingMeanConfig):
        return config.as_detector()
    if not isinstance(config, DetectorConfig):
        known = f"{DetectorConfig.kind} and {SlidingMeanConfig.kind}"
        raise KwsError(f"this works with decisions of kind {known} only, and this is a {config.kind}")
    return config


def with_detector(config: DecisionConfig, detector: DetectorConfig) -> DecisionConfig:
    """Settings of ``config``'s kind that decide as ``detector`` does."""
    return config.with_detector(detector) if isinstance(config, SlidingMeanConfig) else detector
