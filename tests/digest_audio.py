"""Audio that is the same on every machine and every day, for digests of what comes of it.

Beside the words of :mod:`kws.verify.speech` there is what no voice does. Values are rounded to 16 bits,
far coarser than sines differ between machines.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import numpy.typing as npt

from kws.types import Pcm
from kws.verify.speech import PAUSE, RATE, noise, words


@functools.cache
def everything() -> Pcm:
    """The words, and what no voice does: silence, noise, tones, chirps, clipping, int16 [samples], about 9 s."""
    length = 4000
    n = np.arange(length)
    chirp = np.sin(2 * np.pi * (100 * n + 7500 * n**2 / (2 * length)) / RATE)
    others = [
        np.zeros(length),
        noise(length, 4) / 2**9,
        noise(length, 5),
        np.where(n // 16 % 2, -32768, 32767),
        np.full(length, -32768),
        np.where(n == 1000, 32767, 0),
        n // 8 % 2,
        9000 * np.sin(2 * np.pi * 440 * n / RATE) + 6000 * np.sin(2 * np.pi * 3100 * n / RATE),
        chirp * np.linspace(10, 32000, length),
        100000 * chirp + noise(length, 6) / 8,
        words()[PAUSE : PAUSE + 2 * length] * 20.0,
    ]
    return np.concatenate([words(), *(np.clip(np.round(x), -32768, 32767).astype(np.int16) for x in others)])


def pieces(pcm: Pcm) -> list[Pcm]:
    """``pcm`` as a stream brings it: in pieces of 0 to 4000 samples, of the same sizes every time."""
    sizes = itertools.cycle((1, 0, 333, 4000, 160, 2717, 319, 321, 1600))
    found, start = [], 0
    while start < len(pcm):
        size = next(sizes)
        found.append(pcm[start : start + size])
        start += size
    return found


def pdm(pcm: Pcm, gain: int) -> npt.NDArray[np.uint8]:
    """The bits that a microphone makes of ``pcm`` at 1/16 of its scale, 64 a sample, the first the most significant.

    A sigma-delta modulator of second order in integers, so that not one bit differs between machines.

    Args:
        pcm: int16 [samples].
        gain: what the decimator multiplies by, as a power of two.
    """
    bits = np.zeros(64 * len(pcm), np.uint8)
    full = 32768 << gain
    first = second = position = 0
    for sample in pcm.tolist():
        for _ in range(64):
            high = second >= 0
            back = full if high else -full
            first += sample - back
            second += first - back
            bits[position] = high
            position += 1
    return np.packbits(bits)


def posteriors(frames: int, labels: int) -> npt.NDArray[np.int8]:
    """What a network might say, int8 [frames, labels]: each label rises and falls, several at once."""
    heights = noise(labels * (frames // 30 + 2), 7).reshape(-1, labels)
    at = np.arange(frames) / 30
    columns = [np.interp(at, np.arange(len(heights)), heights[:, label]) for label in range(labels)]
    flicker = noise(frames * labels, 8).reshape(-1, labels) // 2048
    return np.clip(np.round(np.stack(columns, axis=1) / 80) + flicker, -128, 127).astype(np.int8)
