"""Run a model on a live stream, chunk by chunk: levels, features, scores, detections as they come."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE
from kws.decisions import DetectorConfig
from kws.engines.base import Engine
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.posterior import probabilities
from kws.live.condition import Condition
from kws.live.near import NearMisses
from kws.live.slow_board import SlowBoard
from kws.model.file import Model
from kws.types import Int8, Pcm

CHUNK_MS = 40
FLOOR_DB = -90.0
# The real-time factor is that of about this much sound.
_FACTOR_SECONDS = 5.0


@dataclass(frozen=True)
class Heard:
    """What one chunk of the stream gave.

    Attributes:
        seconds: length of the stream so far.
        pcm: the chunk.
        level_db: rms of the chunk in dB re full scale, at least :data:`FLOOR_DB`.
        peak_db: peak of the chunk likewise.
        features: int8 [frames, bands], of the frames that it completed.
        posteriors: the newest posteriors as probabilities, float [labels].
        scores: what the thresholds are compared with, the newest, float [words]: the detector's moving average, or
            the posteriors where the decision is of another kind.
        detections: words detected in this chunk.
        near: words that came near their thresholds and were not detected, known when they went away again.
        factor: seconds that the engine needs for a second of sound, lately; below 1 it keeps up.
        dropped: blocks that a slower board would have lost so far (:class:`kws.live.slow_board.SlowBoard`).
        odd: what is odd about the sound at present.
        told: of that, what is to be told now.
    """

    seconds: float
    pcm: Pcm
    level_db: float
    peak_db: float
    features: Int8
    posteriors: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    detections: list[Detection]
    factor: float = 0.0
    dropped: int = 0
    odd: tuple[str, ...] = ()
    told: list[str] = field(default_factory=list)
    near: tuple[str, ...] = ()


def decibels(amplitude: float) -> float:
    """An amplitude of int16 samples in dB re full scale."""
    return max(20 * math.log10(max(amplitude, 1e-9) / 32768), FLOOR_DB)


def listen(
    model: Model,
    engine: Engine,
    chunks: Iterable[npt.NDArray[np.int16]],
    latency_ms: float = 0.0,
    near: float = 0.0,
) -> Iterator[Heard]:
    """Feed chunks of samples to an engine and yield what each gave.

    Args:
        model: what the engine runs.
        engine: is reset first.
        chunks: int16 [samples] each, at 16 kHz, of any lengths.
        latency_ms: imitate a board that needs this long for a frame; 0 does not.
        near: share of a word's threshold from which on it is a near miss where it is not detected; 0 for none.

    Raises:
        KwsError: from the source of the chunks or from the engine.
    """
    info = model.require_info()
    posteriors = np.zeros(len(info.labels))
    words = info.decision.words_alone()
    average = words.average_frames if isinstance(words, DetectorConfig) else 1
    window = np.zeros((average, len(info.words)))
    board = SlowBoard(engine, latency_ms / 1000) if latency_ms else None
    condition, pace = Condition(), _Pace()
    misses = NearMisses(info, near) if near else None
    samples = 0
    engine.reset()
    for chunk in chunks:
        samples += len(chunk)
        started = time.perf_counter()
        output = engine.process(chunk) if board is None else board.process(chunk)
        pace.add(time.perf_counter() - started, len(chunk) / SAMPLE_RATE)
        if len(output.posteriors):
            new = probabilities(output.posteriors)
            posteriors = new[-1]
            window = np.concatenate([window, new[:, info.first_word :]])[-average:]
        scores = window.mean(axis=0)
        wide = chunk.astype(np.float64)
        rms = float(np.sqrt(np.mean(wide * wide))) if len(chunk) else 0.0
        peak = float(np.max(np.abs(wide))) if len(chunk) else 0.0
        told = condition.hear(chunk)
        features = output.features if output.features is not None else np.zeros((0, info.frontend.features), np.int8)
        yield Heard(
            samples / SAMPLE_RATE,
            chunk,
            decibels(rms),
            decibels(peak),
            features,
            posteriors,
            scores,
            output.detections,
            pace.factor,
            board.dropped if board is not None else 0,
            condition.odd,
            told,
            () if misses is None else misses.hear(scores, output.detections),
        )


class _Pace:
    """Seconds of work for a second of sound, with a memory."""

    def __init__(self) -> None:
        self._worked = self._heard = 0.0

    @property
    def factor(self) -> float:
        return self._worked / self._heard if self._heard else 0.0

    def add(self, worked: float, heard: float) -> None:
        kept = max(0.0, 1 - heard / _FACTOR_SECONDS)
        self._worked = kept * self._worked + worked
        self._heard = kept * self._heard + heard
