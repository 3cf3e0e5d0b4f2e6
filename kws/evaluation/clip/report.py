"""What an evaluation of clips found, as values and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kws.evaluation.clip import scoring
from kws.evaluation.clip.conditions import Condition
from kws.evaluation.clip.scoring import Accuracy, Group, Rate, Speakers
from kws.evaluation.limits import Scope
from kws.quantize.noise import Noise


@dataclass(frozen=True)
class ClipReport:
    """What `kws.evaluation.clip.accuracy.evaluate_clips` found.

    Attributes:
        labels: class names.
        data: the data folder's name.
        synthetic: whether the data set says that it is synthetic speech.
        background: whether it has noise recordings; otherwise noise is synthesised.
        split: what was evaluated.
        seed: of every draw.
        results: one entry an engine; the float network, if there, is last.
        float_missing: why there is no float entry, or None.
        engines_missing: engines that were asked for but cannot run here, and why.
        words: by word folder, worst first, on the first engine.
        speakers: by speaker, on the first engine; None where nobody has enough clips.
        conditions: clips labelled right by the first engine under each condition.
        quantization: what int8 does to each tensor, if it was asked for.
        scope: whom and what was heard.
    """

    labels: tuple[str, ...]
    data: str
    synthetic: bool
    background: bool
    split: str
    seed: int
    results: tuple[Accuracy, ...]
    float_missing: str | None
    engines_missing: dict[str, str]
    words: tuple[Group, ...]
    speakers: Speakers | None
    conditions: dict[Condition, Rate]
    quantization: Noise | None
    scope: Scope

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON; what is by the first engine stands at the top."""
        first = self.results[0]
        speakers = None
        if self.speakers is not None:
            speakers = {
                "min_clips": scoring.MIN_SPEAKER_CLIPS,
                "worst_decile": self.speakers.worst_decile,
                "worst_decile_by_chance": self.speakers.by_chance,
                "dispersion": self.speakers.dispersion,
                "speakers": [_group(g) for g in self.speakers.groups],
            }
        return {
            "labels": list(self.labels),
            "data": self.data,
            "synthetic": self.synthetic,
            "background_recordings": self.background,
            "split": self.split,
            "seed": self.seed,
            "engine": first.engine,
            "accuracy": first.accuracy,
            "results": {r.engine: _result(r, self.labels) for r in self.results},
            "float_missing": self.float_missing,
            "engines_missing": self.engines_missing,
            "words": [_group(g) for g in self.words],
            "speakers": speakers,
            "conditions": [{**asdict(c), **_rate(r)} for c, r in self.conditions.items()],
            "quantization": None if self.quantization is None else self.quantization.as_dict(),
            "scope": self.scope.as_dict(),
        }


def _rate(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {
        "accuracy": rate.share,
        "correct": rate.correct,
        "total": rate.total,
        "interval": [low, high],
        "design_effect": rate.design_effect,
    }


def _group(group: Group) -> dict[str, Any]:
    return {"name": group.name, "correct": group.rate.correct, "total": group.rate.total, "heard": group.heard}


def _result(r: Accuracy, labels: tuple[str, ...]) -> dict[str, Any]:
    classes = {
        label: {"recall": None if np.isnan(recall) else recall, "precision": None if np.isnan(hit) else hit}
        for label, recall, hit in zip(labels, r.recall().tolist(), r.precision().tolist(), strict=True)
    }
    return {
        **_rate(r.rate),
        "confusion": r.confusion.tolist(),
        "classes": classes,
        "agreement_with_float": r.agreement,
        "carried": None if r.carried is None else _rate(r.carried),
        "posterior_error": None
        if r.posterior_error is None
        else {"mean": r.posterior_error[0], "max": r.posterior_error[1]},
    }
