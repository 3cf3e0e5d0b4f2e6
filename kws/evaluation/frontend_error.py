"""How far the integer front end is from the same front end in float64, in dB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.fixedpoint.frontends.log_mel import STEPS_PER_OCTAVE, log_mel, mel
from kws.frontends import LogMelConfig

DB_PER_STEP = 10 * np.log10(2) / STEPS_PER_OCTAVE
RANGE_DB = 70.0
"""Bands further than this below a frame's strongest one are not judged."""


@dataclass(frozen=True)
class Row:
    """Errors of one level.

    Attributes:
        level_db: peak level of the recordings, in dB re full scale.
        bands: band values judged.
        mean_db: mean absolute error.
        p99_db: 99th percentile of the absolute error.
        floor_share: share of the judged values that lie at the int8 floor.
    """

    level_db: float
    bands: int
    mean_db: float
    p99_db: float
    floor_share: float


def reference_log_mel(frames: npt.NDArray[np.int16], config: LogMelConfig) -> npt.NDArray[np.float64]:
    """Log-mel energies in float64, dB, of int16 [frames, window]: [frames, bands].

    Hann window, FFT, squared magnitudes, triangular HTK mel filters of height 1, DC left out;
    -inf where there is no energy.
    """
    n = np.arange(config.window)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / config.window)
    power = np.abs(np.fft.rfft(frames * window, config.n_fft)) ** 2
    edges = np.linspace(float(mel(config.low_hz)), float(mel(config.high_hz)), config.bands + 2)
    bins = mel(np.arange(config.n_fft // 2 + 1) * SAMPLE_RATE / config.n_fft)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    filters = np.clip(np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)), 0, None)
    filters[0] = 0
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power @ filters), np.float64)


def measure(recordings: Sequence[npt.NDArray[np.int16]], levels_db: Sequence[float], config: LogMelConfig) -> list[Row]:
    """Compare the two front ends on recordings scaled to peak levels, values at the floor included.

    The integer front end's level is a constant apart from the float one's; the constant is
    taken as the median difference of values above the floor, over all levels.
    """
    tables = config.tables()
    judged: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]] = []
    for level in levels_db:
        differences, inside = [], []
        for pcm in recordings:
            x = pcm.astype(np.float64)
            scaled = np.round(x / max(1.0, np.abs(x).max()) * 10 ** (level / 20) * 32767).astype(np.int16)
            frames = np.lib.stride_tricks.sliding_window_view(scaled, config.window)[:: config.hop]
            frames = frames[frames.any(axis=1)]
            if not len(frames):
                continue
            reference = reference_log_mel(frames, config)
            features = log_mel(frames, tables)
            keep = reference > reference.max(axis=1, keepdims=True) - RANGE_DB
            differences.append((features * DB_PER_STEP - reference)[keep])
            inside.append((features > -128)[keep])
        judged.append((np.concatenate(differences), np.concatenate(inside)))
    offset = float(np.median(np.concatenate([d[i] for d, i in judged])))
    return [
        Row(
            level,
            len(d),
            float(np.abs(d - offset).mean()),
            float(np.percentile(np.abs(d - offset), 99)),
            float(1 - i.mean()),
        )
        for level, (d, i) in zip(levels_db, judged, strict=True)
    ]
