"""Test signals that try a pipeline's corners: noise, silence, square waves, sweeps, clicks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kws.config import SAMPLE_RATE
from kws.types import Pcm


def corner_signals(samples: int) -> Iterator[tuple[str, Pcm]]:
    """Named signals, int16 [samples], that need no randomness."""
    n = np.arange(samples)
    yield "silence", np.zeros(samples, np.int16)
    yield "full-scale square wave", np.where(n // 16 % 2 == 0, 32767, -32768).astype(np.int16)
    yield "lowest value", np.full(samples, -32768, np.int16)
    yield "highest value", np.full(samples, 32767, np.int16)
    yield "alternating extremes", np.where(n % 2 == 0, 32767, -32768).astype(np.int16)
    yield "one click", np.where(n == samples // 2, 32767, 0).astype(np.int16)
    yield "least significant bit", (n // 8 % 2).astype(np.int16)


def random_signal(rng: np.random.Generator, samples: int) -> tuple[str, Pcm]:
    """A signal drawn from noise, tones, square waves and bursts at a drawn level: (name, int16 [samples])."""
    level = 10 ** rng.uniform(0, 4.5)
    n = np.arange(samples)
    kind = rng.choice(["white noise", "tone", "sweep", "square wave", "bursts", "uniform"])
    if kind == "white noise":
        x = rng.normal(0, level, samples)
    elif kind == "tone":
        x = level * np.sin(2 * np.pi * rng.uniform(20, 8000) / SAMPLE_RATE * n + rng.uniform(0, 6))
    elif kind == "sweep":
        x = level * np.sin(
            2 * np.pi * np.cumsum(np.linspace(rng.uniform(20, 2000), rng.uniform(20, 8000), samples) / SAMPLE_RATE)
        )
    elif kind == "square wave":
        x = level * np.sign(np.sin(2 * np.pi * rng.uniform(20, 4000) / SAMPLE_RATE * n))
    elif kind == "bursts":
        x = rng.normal(0, level, samples) * (rng.random(samples // 800 + 1)[n // 800] > 0.5)
    else:
        x = rng.integers(-32768, 32768, samples).astype(np.float64)
    return f"{kind} at {level:.0f}", np.clip(np.round(x), -32768, 32767).astype(np.int16)
