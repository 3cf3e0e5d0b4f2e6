"""A little speech that is the same on every machine and every day.

Words are made by formants: harmonics of a voice, and hiss, under three resonances that glide. It is
poor speech, but the shipped models detect most of it. Randomness is PCG64's raw output, which NumPy
promises not to change. Values are rounded to 16 bits, far coarser than sines differ between machines.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE as RATE
from kws.types import Pcm

Floats = npt.NDArray[np.float64]

# Of each sound: three formants in Hz, level of the voice, level of the hiss.
_SOUNDS = {
    "": (500, 1500, 2500, 0, 0),
    "r": (320, 1100, 1600, 0.5, 0),
    "n": (280, 1200, 2500, 0.35, 0),
    "l": (360, 1100, 2600, 0.5, 0),
    "y": (270, 2300, 3000, 0.6, 0),
    "o": (560, 950, 2500, 1, 0),
    "u": (340, 800, 2300, 0.8, 0),
    "e": (550, 1850, 2500, 1, 0),
    "a": (750, 1200, 2550, 1, 0),
    "i": (400, 2000, 2600, 0.9, 0),
    "s": (500, 5500, 7000, 0, 0.5),
    "f": (500, 4000, 7000, 0, 0.15),
    "t": (500, 4000, 6000, 0, 0.6),
    "p": (500, 1500, 3000, 0, 0.3),
}
# Sounds with their lengths in seconds, and the pitch in Hz.
_WORDS = {
    "yes": ((("y", 0.08), ("e", 0.18), ("s", 0.2)), 110),
    "stop": ((("s", 0.14), ("", 0.05), ("t", 0.03), ("a", 0.16), ("", 0.06), ("p", 0.03)), 200),
    "right": ((("r", 0.1), ("a", 0.12), ("i", 0.12), ("", 0.05), ("t", 0.05)), 110),
    "no": ((("n", 0.1), ("o", 0.14), ("u", 0.16)), 200),
    "left": ((("l", 0.09), ("e", 0.14), ("f", 0.1), ("", 0.04), ("t", 0.04)), 110),
    "on": ((("a", 0.2), ("n", 0.14)), 200),
    "no, lower": ((("n", 0.1), ("o", 0.14), ("u", 0.16)), 110),
    "off": ((("a", 0.2), ("f", 0.18)), 200),
}
_FADE = 800
PAUSE = 5600


def noise(count: int, seed: int) -> npt.NDArray[np.int64]:
    """Uniform integers in [-32768, 32767], int64 [count]."""
    raw: npt.NDArray[np.uint64] = np.random.PCG64(seed).random_raw(count)
    return (raw >> np.uint64(48)).astype(np.int64) - 32768


def _glide(steps: Floats, width: int) -> Floats:
    padded = np.pad(steps, (width, width), "edge")
    return np.convolve(padded, np.full(width, 1 / width), "same")[width:-width]


def _spoken(sounds: tuple[tuple[str, float], ...], pitch: int) -> Floats:
    """One word of amplitude 1, float64 [samples]."""
    lengths = [int(seconds * RATE) for _, seconds in sounds]
    rows = np.array([_SOUNDS[sound] for sound, _ in sounds], np.float64)
    tracks = np.concatenate([np.repeat(rows, lengths, axis=0), np.repeat(rows[-1:], _FADE, axis=0)])
    tracks[-_FADE:, 3:] = 0
    scale = 1 if pitch < 150 else 1.15  # a shorter throat
    formants = [scale * _glide(tracks[:, i], 640) for i in range(3)]
    voiced, hissing = _glide(tracks[:, 3], 320), _glide(tracks[:, 4], 160)
    n = np.arange(len(tracks))
    falling = pitch * (1.1 - 0.25 * n / len(n))
    phase = 2 * np.pi * np.cumsum(falling) / RATE
    word = np.zeros(len(n))
    for harmonic in range(1, 7000 // pitch):
        near = zip(formants, (80, 110, 160), (1, 0.5, 0.3), strict=True)
        gain = sum(a / np.sqrt(1 + ((falling * harmonic - f) / width) ** 2) for f, width, a in near)
        word += voiced * gain * np.sin(harmonic * phase) / np.sqrt(harmonic)
    random = noise(400, 1) / 32768
    for i, hertz in enumerate(range(200, 7800, 40)):
        gain = sum(a / (1 + ((hertz - f) / 900) ** 2) for f, a in zip(formants[1:], (1, 0.8), strict=True))
        sine = np.sin(2 * np.pi * (hertz * n / RATE + random[i] / 2))
        word += 0.05 * hissing * gain * sine * (1 + random[200 + i])
    spoken: Floats = word / np.abs(word).max()
    return spoken


def with_gaps(settle: float, hold: float) -> Pcm:
    """The words between gaps in which a voice gate closes that settles and holds so many seconds, int16 [samples]."""
    said, gap = words(), int((hold + 0.5) * RATE)
    # As soft as what is under the words: from nothing at all to that would be a rise, too.
    quiet = np.round(noise(int(settle * RATE) + gap, 4) / 2**13).astype(np.int16)
    loud = np.round(noise(2 * gap, 5) / 2**6).astype(np.int16)
    cut = len(said) // 3
    parts = (quiet, said[:cut], quiet[:gap], loud, said[cut : 2 * cut], quiet[:gap], said[2 * cut :])
    return np.concatenate(parts)


@functools.cache
def words() -> Pcm:
    """Eight words with pauses and quiet noise, int16 [samples], about 6 s."""
    parts = [np.zeros(PAUSE)]
    for sounds, pitch in _WORDS.values():
        parts += [12000 * _spoken(sounds, pitch), np.zeros(PAUSE)]
    clean = np.concatenate(parts)
    return np.round(clean + noise(len(clean), 3) / 2**13).astype(np.int16)
