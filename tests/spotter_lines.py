"""What the spotter app writes of detections, derived from those of the harness."""

from __future__ import annotations

from collections.abc import Iterable

from kws.fixedpoint.decisions.detector import Detection
from kws.model.file import Model


def detection_lines(model: Model, detections: Iterable[Detection]) -> list[dict]:
    """The JSON line of each detection: seconds cut off, and the score rounded, to hundredths."""
    info = model.require_info()
    full = 255 * info.detector.average_frames
    lines = []
    for detection in detections:
        samples = detection.frame * info.frontend.hop + info.frontend.window
        score = (detection.score * 200 + full) // (2 * full)
        lines.append({"t": samples * 100 // 16000 / 100, "word": info.labels[detection.label], "score": score / 100})
    return lines
