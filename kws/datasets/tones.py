"""Beeps: tones of devices, which are no word."""

from __future__ import annotations

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.types import Floats, Pcm

LOWEST_HZ, HIGHEST_HZ = 100.0, 4000.0
SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5)
QUIETEST_DB, LOUDEST_DB = -36.0, -6.0
"""Peak against full scale."""
_GAP_SECONDS = (0.05, 1.2)
_RAMP_SECONDS = 0.003
_FULL_SCALE = 32767.0
_LOUDEST_NOISE = 30.0


def tones(rng: np.random.Generator, samples: int) -> Pcm:
    """Beeps at random distances over faint noise, int16 [samples].

    Frequencies are log-uniform from 100 to 4,000 Hz, lengths 0.05 to 0.5 s, levels uniform in dB. One in
    three is a square wave's first harmonics, one in six two tones at once; a third follows the one before at the
    same pitch, as beeps do.
    """
    x: Floats = (rng.standard_normal(samples) * rng.uniform(0, _LOUDEST_NOISE)).astype(np.float32)
    at = round(rng.uniform(*_GAP_SECONDS) * SAMPLE_RATE)
    frequency = _frequency(rng)
    while at < samples:
        frequency = frequency if rng.random() < 1 / 3 else _frequency(rng)
        length = round(float(rng.choice(SECONDS)) * SAMPLE_RATE)
        beep = _beep(rng, frequency, length)[: samples - at]
        x[at : at + len(beep)] += beep
        at += length + round(rng.uniform(*_GAP_SECONDS) * SAMPLE_RATE)
    return audio.to_int16(x)


def _frequency(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(LOWEST_HZ), np.log(HIGHEST_HZ))))


def _beep(rng: np.random.Generator, frequency: float, length: int) -> Floats:
    time = np.arange(length) / SAMPLE_RATE
    kind = rng.integers(6)
    partials = [(frequency, 1.0)]
    if kind < 2:
        partials += [(k * frequency, 1 / k) for k in (3, 5, 7) if k * frequency < SAMPLE_RATE / 2]
    elif kind == 2:
        partials += [(_frequency(rng), 1.0)]
    wave = sum(a * np.sin(2 * np.pi * f * time + rng.uniform(0, 2 * np.pi)) for f, a in partials)
    # Beeps from a wave table begin at once; others ramp up.
    ramp = max(1, round(rng.choice([0.0, _RAMP_SECONDS, 5 * _RAMP_SECONDS]) * SAMPLE_RATE))
    edge = np.minimum(1, np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)) / ramp)
    level = _FULL_SCALE * 10 ** (rng.uniform(QUIETEST_DB, LOUDEST_DB) / 20)
    scaled: Floats = (level * edge * wave / sum(a for _, a in partials)).astype(np.float32)
    return scaled
