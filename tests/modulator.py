"""A PDM microphone for tests: a sigma-delta modulator that turns a signal into bits."""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soxr

BIT_RATE = 1_024_000

# Four delaying integrators in a chain, all fed forward into the one-bit quantizer.
_PROGRAM = """
#include <stdint.h>
void modulate(const double *signal, long count, const double *k, double *s, uint8_t *bytes)
{
    for (long i = 0; i < count; i++) {
        const int bit = k[0] * s[0] + k[1] * s[1] + k[2] * s[2] + k[3] * s[3] >= 0;
        s[3] += s[2];
        s[2] += s[1];
        s[1] += s[0];
        s[0] += signal[i] - (bit ? 1.0 : -1.0);
        if (bit) bytes[i / 8] |= (uint8_t)(0x80 >> (i % 8));
    }
}
"""


@functools.cache
def _library() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "modulator.c"
        source.write_text(_PROGRAM)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", Path(folder) / "modulator.so"], check=True)
        return ctypes.CDLL(str(Path(folder) / "modulator.so"))


@functools.cache
def coefficients(out_of_band_gain: float = 1.5) -> tuple[float, ...]:
    """The four feedforward gains: noise is shaped by (z - 1)^4 over a Butterworth filter's denominator.

    The cut-off is where the noise's gain at half the bit rate is `out_of_band_gain` (Lee's rule: 1.5
    is stable for inputs up to about 0.7).
    """
    angles = np.pi * (np.array([1, 3, 5, 7]) / 8 + 0.5)
    low, high = 1e-3, 2.0
    for _ in range(60):
        corner = (low + high) / 2
        s = corner * np.exp(1j * angles)
        denominator = np.real(np.poly((1 + s / 2) / (1 - s / 2)))
        gain = 16 / np.polyval(denominator, -1.0)
        low, high = (corner, high) if gain < out_of_band_gain else (low, corner)
    # The denominator around z = 1: its fourth-order term is the numerator's.
    around_one = np.poly1d(denominator)
    derivatives = [around_one.deriv(n)(1.0) / factorial for n, factorial in ((3, 6), (2, 2), (1, 1))]
    return (*derivatives, float(around_one(1.0)))


def modulate(signal: np.ndarray) -> np.ndarray:
    """uint8 [count / 8] of bits, the first the most significant, from a signal of -0.7 to 0.7 at the bits' rate."""
    signal = np.ascontiguousarray(signal, np.float64)
    bytes_ = np.zeros((len(signal) + 7) // 8, np.uint8)
    k = np.array(coefficients())
    state = np.array([1e-3, 0, 0, 0])
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (signal, k, state, bytes_)]
    _library().modulate(pointers[0], ctypes.c_long(len(signal)), *pointers[1:])
    assert np.abs(state).max() < 1e6, "the modulator ran away: the signal is too strong"
    return bytes_


def microphone(pcm: np.ndarray, level: float = 1.0, offset: float = 0.0, bit_rate: float = BIT_RATE) -> np.ndarray:
    """The bits that a microphone makes of a sound.

    Args:
        pcm: int16 [samples] at 16 kHz.
        level: what full scale of it becomes, 1 being the microphone's full scale.
        offset: the microphone's, as a fraction of its full scale.
        bit_rate: the microphone's clock in Hz.
    """
    # soxr takes any ratio; what it overshoots stays far from the modulator's limit at these levels.
    signal = soxr.resample(pcm.astype(np.float64) / 32768 * level, 16000, bit_rate) + offset
    return modulate(signal)
