"""Detections as the lines of JSON that the boards and the packages' examples write."""

from __future__ import annotations

from collections.abc import Iterable

from kws.fixedpoint.decisions.detector import Detection
from kws.model.file import ModelInfo


def detection_lines(info: ModelInfo, detections: Iterable[Detection]) -> list[dict]:
    """What is written of detections, in the integer arithmetic of the C code."""
    full = info.decision.full_score
    lines = []
    for d in detections:
        samples = info.samples(d.frame)
        score = (d.score * 200 + full) // (2 * full)
        lines.append({"t": samples * 100 // 16000 / 100, "word": info.labels[d.label], "score": score / 100})
    return lines
