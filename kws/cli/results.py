"""Results that several verbs print alike."""

from __future__ import annotations

from typing import Any

from kws.cli import console
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import ModelInfo
from kws.quantize.noise import Noise


def percent(share: float | None, digits: int = 2) -> str:
    """A share of 1 in per cent; a dash if there is none."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def detection_values(info: ModelInfo, detection: Detection) -> dict[str, Any]:
    """A detection as JSON has it."""
    return {
        "seconds": round(info.seconds(detection.frame), 3),
        "word": info.names[detection.label],
        "score": round(info.score(detection.score), 4),
        "frame": detection.frame,
    }


def detection_line(entry: dict[str, Any], prefix: str = "") -> str:
    """A detection, as :func:`detection_values` gave it, for a person."""
    return f"{prefix}{entry['seconds']:9.2f} s  {entry['word']:<12} {entry['score']:.2f}"


def print_noise(noise: Noise) -> None:
    """The table of what int8 does to each tensor, the worst one named."""
    console.table(
        ("tensor", "itself, dB", "alone, dB"),
        [(t.name, f"{t.own_db:.1f}", f"{t.alone_db:.1f}") for t in noise.tensors],
        f"signal to quantization noise, {noise.clips} clips; alone: the posteriors' when nothing else is int8",
    )
    worst = noise.worst
    console.out.print(
        f"int8 hurts {worst.name} most: it alone brings the posteriors to {worst.alone_db:.1f} dB,"
        f" everything together to {noise.posteriors_db:.1f} dB",
        markup=False,
    )
