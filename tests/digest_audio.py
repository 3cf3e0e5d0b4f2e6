"""Audio that is the same on every machine and every day, for digests of what comes of it.

Words are made by formants: harmonics of a voice, and hiss, under three resonances that glide. It is
poor speech, but the shipped models detect most of it. Randomness is PCG64's raw output, which NumPy
promises not to change. Values are rounded to 16 bits, far coarser than sines differ between machines.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Pcm = npt.NDArray[np.int16]

RATE = 16000

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
_PAUSE = 5600


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
    return word / np.abs(word).max()


@functools.cache
def words() -> Pcm:
    """Eight words with pauses and quiet noise, int16 [samples], about 6 s."""
    parts = [np.zeros(_PAUSE)]
    for sounds, pitch in _WORDS.values():
        parts += [12000 * _spoken(sounds, pitch), np.zeros(_PAUSE)]
    clean = np.concatenate(parts)
    return np.round(clean + noise(len(clean), 3) / 2**13).astype(np.int16)


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
        words()[_PAUSE : _PAUSE + 2 * length] * 20.0,
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
