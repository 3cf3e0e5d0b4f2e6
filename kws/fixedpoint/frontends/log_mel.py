"""Front end ``log_mel``: int16 PCM to int8 log-mel frames.

Twin of ``firmware/src/frontends/log_mel.c``; specified in docs/SPEC.md, "Front end", where each step's
width, scale and rounding is given. The tables that depend on settings are made here, in
:func:`make_tables`, and nowhere else: the C twin gets them as generated constants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int64
from kws.fixedpoint.frontends import base
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.fixedpoint.frontends.fft import Stage, fft, order, radices, stages, twiddles

WINDOW_SHIFT = 5
"""Right shift of windowed samples: int16 times Q0.15 leaves 26 bits for the FFT."""
SPECTRUM_BITS = 28
"""The half-length spectrum is normalised so that its components lie in [-2^28, 2^28)."""
POWER_SHIFT = 27
"""Rounding right shift of squared magnitudes. Splitting the half-length spectrum can grow a modulus
by sqrt(2), so a squared magnitude is at most about 2^58 and a power fits 32 bits (docs/SPEC.md)."""
WEIGHT_ONE = 1 << 15
LOG_SEGMENTS = 32
LOG_FRACTION_BITS = 16
STEPS_PER_OCTAVE = 5
"""int8 steps a doubling of power: one step is 10 log10(2) / 5 = 0.602 dB, the range 154 dB, so that
neither a shout nor the least significant bits of a quiet room leave it."""
FEATURE_SCALE = 1 / 32
"""The scale of the int8 features as the network sees them (zero point 0)."""
FEATURE_DB = 2 * math.log10(2)
"""One step of a feature, in dB of power: a fifth of an octave."""
FEATURE_ZERO_POINT = 0
LOG2_AT_ZERO = 21.5
"""log2 of the band energy that maps to the int8 value 0 with a 480-sample window and a 512-point
FFT: a full-scale square wave then reaches 127 in its strongest band."""


@dataclass(frozen=True)
class LogMelTables:
    """Constants of one front-end setting, all integers.

    Attributes:
        window: Hann window in Q0.15, int16 [window].
        hop: hop in samples.
        n_fft: FFT length.
        twiddles: (cos, sin) of 2 pi k / n_fft in Q0.31, int32 [n_fft / 2, 2].
        first_bin: first FFT bin that any band uses.
        segment_ends: end bin (exclusive) of each of the ``bands + 1`` segments between
            neighbouring band centres, uint16.
        weights: rising weight of each used bin in Q0.15, uint16; 32768 minus it is the falling one.
        log_table: log2(1 + i / 32) in Q0.16, i = 0 ... 32.
        log_offset: log2 of the energy that maps to the int8 value 0, in Q.16.
    """

    window: npt.NDArray[np.int16]
    hop: int
    n_fft: int
    twiddles: npt.NDArray[np.int32]
    first_bin: int
    segment_ends: npt.NDArray[np.uint16]
    weights: npt.NDArray[np.uint16]
    log_table: npt.NDArray[np.int64]
    log_offset: int

    @property
    def bands(self) -> int:
        """Number of mel bands."""
        return len(self.segment_ends) - 1

    @cached_property
    def order(self) -> Int64:
        """Which complex sample stands at each place before the first stage: [n_fft / 2]."""
        return order(self.n_fft // 2)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the FFT."""
        return stages(self.twiddles)

    @cached_property
    def bins(self) -> Int64:
        """The FFT bins that any band uses."""
        return np.arange(self.first_bin, int(self.segment_ends[-1]))

    @cached_property
    def segments(self) -> tuple[Int64, Int64]:
        """Start and end of each segment among :attr:`bins`."""
        ends = self.segment_ends.astype(np.int64) - self.first_bin
        return np.concatenate([[0], ends[:-1]]), ends


def mel(hertz: float | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The HTK mel scale: 1127 ln(1 + f / 700)."""
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)


def _round_half_up(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # Windows of 4 m + 2 samples have exact ties, which the last bit of a cosine must not decide.
    return np.floor(np.round(x, 6) + 0.5)


def make_tables(window: int, hop: int, n_fft: int, bands: int, low_hz: float, high_hz: float) -> LogMelTables:
    """Build the constants of a front end.

    Mel filters are triangles on the mel axis (HTK; the same as
    ``tf.signal.linear_to_mel_weight_matrix``), their edges spaced evenly from ``low_hz`` to
    ``high_hz``.

    Raises:
        ValueError: a band is so narrow that no FFT bin falls into it.
    """
    n = np.arange(window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / window)
    edges = np.linspace(float(mel(low_hz)), float(mel(high_hz)), bands + 2)
    bins_mel = mel(np.arange(n_fft // 2 + 1) * SAMPLE_RATE / n_fft)
    # Bin 0 is DC: it carries the microphone's offset and no speech.
    used = [b for b in range(1, n_fft // 2) if edges[0] < bins_mel[b] < edges[-1]]
    segment = np.searchsorted(edges, bins_mel[used], side="right") - 1
    spacing = edges[1] - edges[0]
    weights = np.round((bins_mel[used] - edges[segment]) / spacing * WEIGHT_ONE).astype(np.int64)
    energy_weight = np.zeros(bands, np.int64)
    for s, w in zip(segment, weights, strict=True):
        if s < bands:
            energy_weight[s] += w
        if s > 0:
            energy_weight[s - 1] += WEIGHT_ONE - w
    if np.any(energy_weight < WEIGHT_ONE // 4):
        band = int(np.argmin(energy_weight))
        raise ValueError(
            f"mel band {band} of {bands} is too narrow for a {n_fft}-point FFT; "
            "use fewer bands, a longer FFT or a wider frequency range"
        )
    ends = used[0] + np.searchsorted(segment, np.arange(bands + 1), side="right")
    log_table = np.round(np.log2(1 + np.arange(LOG_SEGMENTS + 1) / LOG_SEGMENTS) * 2**LOG_FRACTION_BITS)
    # A longer window collects more, a longer FFT has more bins a band but one more halving stage;
    # full scale stays at the same place.
    halvings = len(radices(n_fft // 2)) - len(radices(256))
    log2_at_zero = LOG2_AT_ZERO + 2 * math.log2(window / 480) + math.log2(n_fft / 512) - 2 * halvings
    return LogMelTables(
        window=_round_half_up(hann * 32767).astype(np.int16),
        hop=hop,
        n_fft=n_fft,
        twiddles=twiddles(n_fft),
        first_bin=used[0],
        segment_ends=ends.astype(np.uint16),
        weights=weights.astype(np.uint16),
        log_table=log_table.astype(np.int64),
        log_offset=round(log2_at_zero * 2**LOG_FRACTION_BITS),
    )


def _bit_length(x: Int64) -> Int64:
    """Bits needed for each value in [0, 2^62)."""
    high = x >> 31
    low_bits = np.frexp((x & 0x7FFFFFFF).astype(np.float64))[1]
    high_bits = np.frexp(high.astype(np.float64))[1] + 31
    return np.where(high > 0, high_bits, low_bits).astype(np.int64)


def log_mel(frames: npt.NDArray[np.int16], tables: LogMelTables) -> npt.NDArray[np.int8]:
    """int16 [..., window] PCM frames to int8 [..., bands] log-mel features."""
    energy, shift = mel_energy(frames, tables)
    return quantize_energy(energy, shift, tables)


def mel_energy(frames: npt.NDArray[np.int16], tables: LogMelTables) -> tuple[Int64, Int64]:
    """Band energies [..., bands] and the left shift [...] that the spectrum was given."""
    power, shift = power_spectrum(*windowed_fft(frames, tables), tables)
    return band_energies(power, tables), shift


def windowed_fft(frames: npt.NDArray[np.int16], tables: LogMelTables) -> tuple[Int64, Int64]:
    """int16 [..., window] PCM frames to re and im [..., n_fft / 2] of the half-length spectrum."""
    # FRONT/2
    v = np.zeros((*frames.shape[:-1], tables.n_fft), np.int64)
    v[..., : frames.shape[-1]] = (frames.astype(np.int64) * tables.window) >> WINDOW_SHIFT
    # FRONT/3
    return fft(v[..., 0::2][..., tables.order], v[..., 1::2][..., tables.order], tables.stages)


def power_spectrum(re: Int64, im: Int64, tables: LogMelTables) -> tuple[Int64, Int64]:
    """Re and im [..., n_fft / 2] to the powers [..., bins] of :attr:`LogMelTables.bins`, and the shift [...]."""
    # FRONT/4. For negative x the complement ~x has as many significant bits.
    m = np.bitwise_or.reduce((re ^ (re >> 63)) | (im ^ (im >> 63)), axis=-1)
    shift = SPECTRUM_BITS - _bit_length(m)
    left, right = np.maximum(shift, 0)[..., None], np.maximum(-shift, 0)[..., None]
    re, im = (re << left) >> right, (im << left) >> right
    # FRONT/5
    k, mirror = tables.bins, tables.n_fft // 2 - tables.bins
    x, y, mirror_x, mirror_y = re[..., k], im[..., k], re[..., mirror], im[..., mirror]
    even_x, even_y = (x + mirror_x) >> 1, (y - mirror_y) >> 1
    odd_x, odd_y = (y + mirror_y) >> 1, (mirror_x - x) >> 1
    cos, sin = tables.twiddles[k, 0].astype(np.int64), tables.twiddles[k, 1].astype(np.int64)
    spectrum_x = even_x + ((odd_x * cos + odd_y * sin) >> 31)
    spectrum_y = even_y + ((odd_y * cos - odd_x * sin) >> 31)
    power = (spectrum_x * spectrum_x + spectrum_y * spectrum_y + (1 << (POWER_SHIFT - 1))) >> POWER_SHIFT
    return power, shift


def band_energies(power: Int64, tables: LogMelTables) -> Int64:
    """Powers [..., bins] to band energies [..., bands]."""
    # FRONT/6
    weights = tables.weights.astype(np.int64)
    rising, falling = _segment_sums(power * weights, tables), _segment_sums(power * (WEIGHT_ONE - weights), tables)
    return rising[..., :-1] + falling[..., 1:]


def _segment_sums(values: Int64, tables: LogMelTables) -> Int64:
    # Differences of running sums: a segment may be empty, which `reduceat` cannot say.
    running = np.zeros((*values.shape[:-1], values.shape[-1] + 1), np.int64)
    np.cumsum(values, axis=-1, out=running[..., 1:])
    starts, ends = tables.segments
    sums: Int64 = running[..., ends] - running[..., starts]
    return sums


def log2_fixed(x: Int64, tables: LogMelTables) -> Int64:
    """log2 of integers >= 1 in Q.16: exponent from the leading bit, mantissa by interpolation."""
    # FRONT/7
    exponent = _bit_length(x) - 1
    mantissa = np.where(exponent >= 16, x >> np.maximum(exponent - 16, 0), x << np.maximum(16 - exponent, 0)) & 0xFFFF
    index, fraction = mantissa >> 11, mantissa & 0x7FF
    low, high = tables.log_table[index], tables.log_table[index + 1]
    log: Int64 = (exponent << LOG_FRACTION_BITS) + low + (((high - low) * fraction) >> 11)
    return log


def quantize_energy(energy: Int64, shift: Int64, tables: LogMelTables) -> npt.NDArray[np.int8]:
    """Band energies and spectrum shift to int8 features; no energy is the lowest value."""
    # FRONT/8
    log = log2_fixed(np.maximum(energy, 1), tables) - (2 * shift[..., None] << LOG_FRACTION_BITS)
    half = 1 << (LOG_FRACTION_BITS - 1)
    value = ((log - tables.log_offset) * STEPS_PER_OCTAVE + half) >> LOG_FRACTION_BITS
    return np.where(energy == 0, -128, np.clip(value, -128, 127)).astype(np.int8)


class LogMel(base.Frontend):
    """The log-mel front end of one or more streams in step."""

    def __init__(self, tables: LogMelTables, streams: int = 1, rows: int = 1) -> None:
        self.tables, self.rows = tables, rows
        window = len(tables.window) + (rows - 1) * tables.hop
        super().__init__(window, rows * tables.hop, rows * tables.bands, streams)

    def run(self, frames: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """int16 [streams, frames, window] to int8 [streams, frames, bands]; nothing is kept between frames."""
        if self.rows == 1:
            return log_mel(frames, self.tables)
        rows = np.lib.stride_tricks.sliding_window_view(frames, len(self.tables.window), axis=2)
        return log_mel(rows[:, :, :: self.tables.hop], self.tables).reshape(*frames.shape[:2], self.bands)
