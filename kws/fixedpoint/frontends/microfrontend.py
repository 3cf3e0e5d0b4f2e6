"""Front end ``microfrontend``: that of TensorFlow Lite Micro, int16 PCM to int8 features.

Twin of ``firmware/src/frontends/microfrontend.c``; specified in docs/SPEC.md, "Microfrontend". What models of
microWakeWord hear: a filter bank, noise reduction, a gain that follows the noise (PCAN), a logarithm. The tables
are made here; the C twin gets them as generated constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int64
from kws.fixedpoint.frontends import base
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.fixedpoint.frontends.fft16 import fft16, order, split, split_twiddles, twiddles, wrap16

WINDOW = 480
N_FFT = 512
POINTS = N_FFT // 2
BANDS = 40
LOW_HZ, HIGH_HZ = 125.0, 7500.0
WEIGHT_ONE = 1 << 12
SMOOTHING_ONE = 1 << 14
EVEN_SMOOTHING, ODD_SMOOTHING, LEAST_REMAINING = (int(x * SMOOTHING_ONE) for x in (0.025, 0.06, 0.05))
"""Q0.14, truncated: how fast the noise of even and odd bands is learned, and how much of a signal always stays."""
NOISE_BITS = 10
"""Fraction bits of the noise's estimate."""
GAIN_STRENGTH, GAIN_OFFSET, GAIN_BITS = 0.95, 80.0, 21
GAIN_INPUT_BITS = 7
GAIN_SHIFT = 6
LOG_COEFFICIENT = 45426
"""ln 2 in Q0.16."""
FEATURE_SCALE = float(np.float32(26 / 255))
"""The scale of the int8 features as models of microWakeWord declare it."""
FEATURE_ZERO_POINT = -128
ODD_WINDOW = {17: 54}
"""Entries of the window that are not the formula's: the original computes it in float32."""
ODD_FALLING = {149: 2471, 221: 1401}
"""Weights that are not the formula's, by bin, for the same reason."""


@dataclass(frozen=True)
class MicroTables:
    """Constants of the front end, all integers.

    Attributes:
        window: Hann window in Q0.12, int16 [480].
        twiddles: of the FFT, int16 [256, 2].
        split_twiddles: of the split, int16 [128, 2].
        first_bin: first FFT bin that any band uses.
        segment_ends: end bin (exclusive) of each of the 41 segments, uint16.
        falling: in Q0.12, each bin's weight in the band that ends with its segment, uint16; 4096 minus it is
            the weight in the band that begins with it.
        gains: three numbers an interval of the noise's estimate, int16 [33, 3]: rows 0 and 1 are the gains of
            0 and 1, row n those of [2^(n - 1), 2^n).
        log_table: int64 [129]; what log2(1 + i / 128) is above i / 128, in Q0.16.
    """

    window: npt.NDArray[np.int16]
    twiddles: npt.NDArray[np.int16]
    split_twiddles: npt.NDArray[np.int16]
    first_bin: int
    segment_ends: npt.NDArray[np.uint16]
    falling: npt.NDArray[np.uint16]
    gains: npt.NDArray[np.int16]
    log_table: Int64


def _gain(x: int) -> int:
    gain = 2.0**GAIN_BITS * (x / 2.0**GAIN_INPUT_BITS + GAIN_OFFSET) ** -GAIN_STRENGTH
    return 32767 if gain > 32767 else int(gain + 0.5)


def gain_table() -> npt.NDArray[np.int16]:
    """The gains: each interval a parabola through its ends and its middle."""
    table = np.zeros((33, 3), np.int16)
    table[:2, 0] = _gain(0), _gain(1)
    for interval in range(2, 33):
        start = 1 << (interval - 1)
        end = 2 * start if interval < 32 else 2 * start - 1
        y0, y1, y2 = (_gain(x) for x in (start, start + start // 2, end))
        slope = 4 * (y1 - y0) - (y2 - y0)
        table[interval] = y0, slope, y2 - y0 - slope
    return table


def log_table() -> Int64:
    """round(2^16 (log2(1 + i / 128) - i / 128)) for i = 0 ... 128."""
    i = np.arange(129) / 128
    return np.round((np.log2(1 + i) - i) * 65536).astype(np.int64)


@cache
def make_tables() -> MicroTables:
    """Build the constants, which depend on no setting."""
    n = np.arange(WINDOW)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / WINDOW)
    bins_mel = 1127.0 * np.log1p(np.arange(POINTS) * SAMPLE_RATE / N_FFT / 700.0)
    low, high = (1127.0 * np.log1p(f / 700.0) for f in (LOW_HZ, HIGH_HZ))
    edges = low + (high - low) / (BANDS + 1) * np.arange(BANDS + 2)
    first = int(1.5 + LOW_HZ * N_FFT / SAMPLE_RATE)
    used = np.arange(first, POINTS)
    used = used[bins_mel[used] <= edges[-1]]
    segment = np.searchsorted(edges[1:], bins_mel[used], side="left")
    falling = (edges[segment + 1] - bins_mel[used]) / (edges[1] - edges[0])
    ends = first + np.searchsorted(segment, np.arange(BANDS + 1), side="right")
    window = np.floor(hann * 4096 + 0.5).astype(np.int16)
    weights = np.floor(falling * WEIGHT_ONE + 0.5).astype(np.uint16)
    for index, value in ODD_WINDOW.items():
        window[index] = value
    for index, value in ODD_FALLING.items():
        weights[index - first] = value
    return MicroTables(
        window=window,
        twiddles=twiddles(POINTS),
        split_twiddles=split_twiddles(POINTS),
        first_bin=first,
        segment_ends=ends.astype(np.uint16),
        falling=weights,
        gains=gain_table(),
        log_table=log_table(),
    )


def _bits(x: Int64) -> Int64:
    """Bits needed for each value in [0, 2^53)."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def spectrum(frames: npt.NDArray[np.int16], tables: MicroTables) -> tuple[Int64, Int64, Int64]:
    """int16 [..., 480] frames to re and im [..., 255] of bins 1 to 255, and the shift [...] that frames were given."""
    # MICRO/1
    v = (frames.astype(np.int64) * tables.window) >> 12
    # MICRO/2
    largest = np.abs(np.where(v == -32768, 0, v)).max(axis=-1)
    shift = 15 - _bits(largest)
    x = np.zeros((*frames.shape[:-1], N_FFT), np.int64)
    x[..., :WINDOW] = wrap16(v << shift[..., None])
    place = order(POINTS)
    re, im = fft16(x[..., 0::2][..., place], x[..., 1::2][..., place], tables.twiddles)
    return *split(re, im, tables.split_twiddles), shift


def band_energies(re: Int64, im: Int64, tables: MicroTables) -> Int64:
    """Energies [..., 40] of the bands, below 2^53, from the :func:`spectrum`."""
    # MICRO/5
    bins = slice(tables.first_bin - 1, int(tables.segment_ends[-1]) - 1)
    power = re[..., bins] ** 2 + im[..., bins] ** 2
    ends = tables.segment_ends.astype(np.int64) - tables.first_bin
    starts = np.concatenate([[0], ends[:-1]])
    running = np.zeros((2, *power.shape[:-1], power.shape[-1] + 1), np.int64)
    falling = tables.falling.astype(np.int64)
    for weights, sums in zip((falling, WEIGHT_ONE - falling), running, strict=True):
        np.cumsum(power * weights, axis=-1, out=sums[..., 1:])
    down, up = running[..., ends] - running[..., starts]
    energies: Int64 = up[..., :-1] + down[..., 1:]
    return energies


def root(x: Int64) -> Int64:
    """The square root of each value in [0, 2^53), to the nearest integer; of those below 2^32 at most 65535."""
    # MICRO/6
    r = np.sqrt(x.astype(np.float64)).astype(np.int64)
    r -= r * r > x
    up = (x - r * r > r) & ~((x < 2**32) & (r == 0xFFFF))
    result: Int64 = r + up
    return result


def reduce_noise(signal: Int64, estimate: Int64) -> tuple[Int64, Int64]:
    """Signals [..., 40] and the noise's estimates to what is left of the signals, and new estimates; all uint32."""
    # MICRO/7
    speed = np.where(np.arange(BANDS) % 2 == 0, EVEN_SMOOTHING, ODD_SMOOTHING)
    scaled = (signal << NOISE_BITS) & 0xFFFFFFFF
    estimate = (scaled * speed + estimate * (SMOOTHING_ONE - speed)) >> 14
    left = (scaled - np.minimum(estimate, scaled)) >> NOISE_BITS
    return np.maximum(left, (signal * LEAST_REMAINING) >> 14), estimate


def gain_of(estimate: Int64, tables: MicroTables) -> Int64:
    """The gain at each estimate of the noise (uint32), 0 to 32767."""
    # MICRO/8
    interval = _bits(estimate)
    y, slope, bend = np.moveaxis(tables.gains.astype(np.int64)[interval], -1, 0)
    f = np.where(interval < 11, estimate << np.maximum(11 - interval, 0), estimate >> np.maximum(interval - 11, 0))
    f &= 0x3FF
    curve = ((((bend * f) >> 5) + (slope << 5)) * f + (1 << 14)) >> 15
    gain: Int64 = y + np.where(estimate <= 2, 0, curve)
    return gain


def control_gain(signal: Int64, estimate: Int64, tables: MicroTables) -> Int64:
    """Signals [..., 40] to signals in relation to the noise, uint32."""
    # MICRO/9
    ratio = ((signal * gain_of(estimate, tables)) >> GAIN_SHIFT) & 0xFFFFFFFF
    return np.where(ratio < 8192, (ratio & 0x1FFF) ** 2 >> 20, (ratio >> 6) - 64)


def logarithm(signal: Int64, tables: MicroTables) -> Int64:
    """64 times the natural logarithm of 8 times each signal (uint32), uint16; 0 where there is none."""
    # MICRO/10
    x = np.maximum((signal << 3) & 0xFFFFFFFF, 1)
    exponent = _bits(x) - 1
    rest = x - (1 << exponent)
    fraction = np.where(exponent < 16, rest << np.maximum(16 - exponent, 0), rest >> np.maximum(exponent - 16, 0))
    index = fraction >> 9
    low, high = tables.log_table[index], tables.log_table[index + 1]
    log2 = (exponent << 16) + fraction + low + (((high - low) * (fraction & 0x1FF)) >> 16)
    loge = (LOG_COEFFICIENT * log2 + (1 << 15)) >> 16
    result: Int64 = ((loge << 6) + (1 << 15)) >> 16
    return result


def to_int8(values: Int64) -> npt.NDArray[np.int8]:
    """Logarithms to features."""
    # MICRO/11
    return np.minimum((values * 256 + 333) // 666 - 128, 127).astype(np.int8)


class MicroFrontend(base.Frontend):
    """The microfrontend of one or more streams in step.

    Args:
        step: samples from window to window.
        rows: windows of a frame.
        streams: number of streams.
    """

    def __init__(self, step: int, rows: int = 1, streams: int = 1) -> None:
        self.tables = make_tables()
        self.step, self.rows = step, rows
        super().__init__(WINDOW + (rows - 1) * step, rows * step, rows * BANDS, streams)

    def reset(self) -> None:
        """Forget all samples and what the noise was."""
        super().reset()
        self._estimate: Int64 = np.zeros((self._streams, BANDS), np.int64)

    def logarithms(self, windows: npt.NDArray[np.int16]) -> Int64:
        """Successive windows, int16 [streams, windows, 480], to uint16 values [streams, windows, 40] of MICRO/10."""
        re, im, shift = spectrum(windows, self.tables)
        signal = root(band_energies(re, im, self.tables)) >> shift[..., None]
        left, estimates = np.empty_like(signal), np.empty_like(signal)
        for t in range(signal.shape[1]):
            left[:, t], self._estimate = reduce_noise(signal[:, t], self._estimate)
            estimates[:, t] = self._estimate
        return logarithm(control_gain(left, estimates, self.tables), self.tables)

    def run(self, frames: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """Successive frames, int16 [streams, frames, samples], to int8 [streams, frames, rows * 40]."""
        streams, count, _ = frames.shape
        windows = np.lib.stride_tricks.sliding_window_view(frames, WINDOW, axis=-1)[:, :, :: self.step]
        return to_int8(self.logarithms(windows.reshape(streams, -1, WINDOW))).reshape(streams, count, self.bands)
