"""Run a model on a live stream, chunk by chunk: levels, posteriors, detections as they come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE
from kws.engines.base import Engine
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.posterior import probabilities
from kws.model.file import Model

CHUNK_MS = 40
FLOOR_DB = -90.0


@dataclass(frozen=True)
class Heard:
    """What one chunk of the stream gave.

    Attributes:
        seconds: length of the stream so far.
        level_db: rms of the chunk in dB re full scale, at least :data:`FLOOR_DB`.
        peak_db: peak of the chunk likewise.
        posteriors: the newest posteriors as probabilities, float [labels].
        detections: words detected in this chunk.
    """

    seconds: float
    level_db: float
    peak_db: float
    posteriors: npt.NDArray[np.float64]
    detections: list[Detection]


def decibels(amplitude: float) -> float:
    """An amplitude of int16 samples in dB re full scale."""
    return max(20 * math.log10(max(amplitude, 1e-9) / 32768), FLOOR_DB)


def listen(model: Model, engine: Engine, chunks: Iterable[npt.NDArray[np.int16]]) -> Iterator[Heard]:
    """Feed chunks of samples to an engine and yield what each gave.

    Raises:
        KwsError: from the source of the chunks or from the engine.
    """
    posteriors = np.zeros(len(model.require_info().labels))
    samples = 0
    engine.reset()
    for chunk in chunks:
        output = engine.process(chunk)
        samples += len(chunk)
        if len(output.posteriors):
            posteriors = probabilities(output.posteriors[-1])
        wide = chunk.astype(np.float64)
        rms = float(np.sqrt(np.mean(wide * wide))) if len(chunk) else 0.0
        peak = float(np.max(np.abs(wide))) if len(chunk) else 0.0
        yield Heard(samples / SAMPLE_RATE, decibels(rms), decibels(peak), posteriors, output.detections)
