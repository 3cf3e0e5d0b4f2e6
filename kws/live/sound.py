"""What a recording is like, whoever hears it: level, room, clipping, offset, holes, bands, channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets.measure import clipped_share
from kws.live.listen import decibels
from kws.types import Pcm

Waves = npt.NDArray[np.float64]

BANDS = ((60, 250), (250, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 7600))
"""Edges in Hz of the bands that are told."""
_FRAME = SAMPLE_RATE // 50
_QUIET_DB = -120.0
# A hole: this many equal samples, with sound this near on both sides.
_HOLE = SAMPLE_RATE // 500
_BESIDE = SAMPLE_RATE // 100
_HOLE_BELOW_LOUDEST = 35.0
# Where sources and codecs cut off: telephones, 8 kHz, 11.025 kHz.
_EDGES = (3400, 4000, 5512)
_WALL_DB = 20.0
# Density in dB a Hz; rounding to 16 bits alone has -140.
_NOTHING_DB = -125.0
# The least rms of sound that holes can be in: softer sound has runs of equal samples by nature.
_HOLE_BESIDE = 30.0
_LONGEST_SECONDS = 3600


@dataclass(frozen=True)
class Recording:
    """Samples as a file or a device has them.

    Attributes:
        samples: float64 ``[samples, channels]``, full scale 1.
        sample_rate: that the header or the device says, in Hz.
    """

    samples: Waves
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.sample_rate

    def mono(self) -> Pcm:
        """As kws hears a file: the mean of the channels at 16 kHz."""
        return at_16_khz(self.samples.mean(axis=1), self.sample_rate)

    def part(self, start: float, end: float) -> Recording:
        """From ``start`` to ``end`` seconds, as far as there is something."""
        first, last = (round(min(max(0.0, t), self.seconds) * self.sample_rate) for t in (start, end))
        return Recording(self.samples[first:last], self.sample_rate)


def read(path: Path) -> Recording:
    """Read a file with all its channels at its own rate.

    Raises:
        KwsError: it cannot be read as audio, holds no samples, or is longer than an hour.
    """
    return Recording(*audio.channels(path, _LONGEST_SECONDS))


def at_16_khz(x: Waves, rate: float) -> Pcm:
    """Float64 ``[samples]`` of full scale 1 at ``rate`` Hz as int16 at 16 kHz."""
    if rate == SAMPLE_RATE:
        return audio.to_int16(x * 32768)
    return np.concatenate(list(audio.resampled([(x * 32768).astype(np.float32)], round(rate))))


@dataclass(frozen=True)
class Sound:
    """What `measure` found; decibels are those of full scale.

    Attributes:
        sample_rate: in Hz, of the file or device.
        channels: how many it has.
        seconds: its length.
        level_db: rms of the loudest 20 ms, without the offset.
        room_db: likewise of the quietest tenth.
        clipped: share of samples in flat tops near full scale.
        offset: mean, a share of full scale.
        constant: whether all samples are equal.
        holes: stretches of 2 ms or more of one value within sound.
        band_db: of :data:`BANDS`, in the loudest frames.
        room_band_db: likewise in the quietest ones: the noise floor.
        cutoff_hz: above it there is nothing at all; 0 if there is no such edge.
        hum_db: level of 45 to 65 Hz.
        begins_inside: it begins within sound; ``ends_inside`` likewise.
        ends_inside: it ends within sound.
        channel_db: rms of each channel, without its offset.
        cancelled_db: what the mean of the channels loses against the loudest of them.
        swapped: its bytes are in the wrong order, by all signs.
    """

    sample_rate: int
    channels: int
    seconds: float
    level_db: float
    room_db: float
    clipped: float
    offset: float
    constant: bool
    holes: int
    band_db: tuple[float, ...]
    room_band_db: tuple[float, ...]
    cutoff_hz: int
    hum_db: float
    begins_inside: bool
    ends_inside: bool
    channel_db: tuple[float, ...]
    cancelled_db: float
    swapped: bool

    @property
    def snr_db(self) -> float:
        """Level over room: of a recording with pauses a signal-to-noise ratio, of others less than it."""
        return self.level_db - self.room_db

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rounded: dict[str, Any] = {k: round(v, 4) if isinstance(v, float) else v for k, v in self.__dict__.items()}
        for name in ("band_db", "room_band_db", "channel_db"):
            rounded[name] = [round(v, 1) for v in rounded[name]]
        return {**rounded, "snr_db": round(self.snr_db, 2), "bands_hz": [list(b) for b in BANDS]}


def measure(recording: Recording) -> Sound:
    """Measure a recording of one sample or more."""
    pcm = recording.mono()
    x = pcm.astype(np.float64) / 32768
    ac = x - x.mean() if len(x) else np.zeros(1)
    levels = _levels(ac)
    loudest, room = float(levels.max()), float(np.quantile(levels, 0.1))
    spectrum, loud, quiet = _spectra(ac, levels)
    everywhere: Waves = recording.samples - recording.samples.mean(axis=0)
    channels: list[Waves] = [everywhere[:, i] for i in range(everywhere.shape[1])]
    powers = [decibels(32768 * float(np.sqrt(np.mean(c * c)))) for c in channels]
    mean = everywhere.mean(axis=1)
    return Sound(
        recording.sample_rate,
        recording.samples.shape[1],
        recording.seconds,
        loudest,
        room,
        clipped_share(pcm) if len(pcm) else 0.0,
        float(x.mean()) if len(x) else 0.0,
        not np.any(recording.samples != recording.samples[0]),
        _holes(pcm, max(_HOLE_BESIDE, 10 ** ((loudest - _HOLE_BELOW_LOUDEST) / 20) * 32768)),
        tuple(_band(spectrum, loud, band) for band in BANDS),
        tuple(_band(spectrum, quiet, band) for band in BANDS),
        _cutoff(spectrum, loud, quiet),
        _band(spectrum, np.ones(len(spectrum), bool), (45, 65)),
        _inside(levels[:2], loudest, room),
        _inside(levels[-2:], loudest, room),
        tuple(powers),
        max(powers) - decibels(32768 * float(np.sqrt(np.mean(mean * mean)))),
        _is_swapped(recording.samples[:, 0]),
    )


def _levels(x: Waves) -> Waves:
    frames = np.pad(x, (0, -len(x) % _FRAME)).reshape(-1, _FRAME)
    rms: Waves = np.sqrt(np.mean(frames**2, axis=1))
    return np.array([decibels(32768 * value) for value in rms.tolist()])


def _inside(levels: Waves, loudest: float, room: float) -> bool:
    return bool(levels.max() > loudest - 25 and levels.max() > room + 8) or bool(levels.max() > loudest - 12)


def _spectra(x: Waves, levels: Waves) -> tuple[Waves, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Power spectra of windows of 64 ms, ``[windows, bins]``, and which of these are loud and which quiet."""
    size = 1024
    padded = np.pad(x, (0, max(0, size - len(x))))
    starts = np.arange(0, len(padded) - size + 1, size // 2)
    window = np.hanning(size)
    rows = np.stack([padded[s : s + size] for s in starts]) * window
    spectrum = np.abs(np.fft.rfft(rows, axis=1)) ** 2 * 2 / (size * np.sum(window**2))
    power = spectrum.sum(axis=1)
    low, high = np.quantile(power, 0.2), power.max()
    return spectrum, power >= high / 100, power <= low


def _band(spectrum: Waves, chosen: npt.NDArray[np.bool_], band: tuple[int, int]) -> float:
    low, high = (round(f * 1024 / SAMPLE_RATE) for f in band)
    power = float(spectrum[chosen][:, low : max(high, low + 1)].sum(axis=1).mean()) if chosen.any() else 0.0
    return 10 * math.log10(power) if power > 10 ** (_QUIET_DB / 10) else _QUIET_DB


def _cutoff(spectrum: Waves, loud: npt.NDArray[np.bool_], quiet: npt.NDArray[np.bool_]) -> int:
    """The edge above which there is nothing, in Hz: a wall that no mouth and no room makes."""

    def density(chosen: npt.NDArray[np.bool_], low: int, high: int) -> float:
        return _band(spectrum, chosen, (low, high)) - 10 * math.log10(high - low)

    for edge in _EDGES:
        sides = (edge - 800, edge - 200), (edge + 250, edge + 800)
        below, above = (density(loud, *side) for side in sides)
        rest = density(loud, edge + 250, 7800)
        room_below, room_above = (density(quiet, *side) for side in sides)
        # A voice may end there by nature; what is heard of the room does not.
        empty = room_below - room_above > _WALL_DB / 2 or rest < _NOTHING_DB
        if empty and below - above > _WALL_DB and rest < below - _WALL_DB and below > _NOTHING_DB + _WALL_DB:
            return edge
    return 0


def _holes(pcm: Pcm, beside: float) -> int:
    """Runs of equal samples within sound whose rms on both sides is over ``beside``."""
    edges = np.flatnonzero(np.diff(pcm.astype(np.int32)) != 0) + 1
    bounds = np.concatenate([[0], edges, [len(pcm)]])
    count = 0
    for run in np.flatnonzero(np.diff(bounds) >= _HOLE):
        first, last = int(bounds[run]), int(bounds[run + 1])
        before, after = pcm[max(0, first - _BESIDE) : first], pcm[last : last + _BESIDE]
        if min(len(before), len(after)) < _BESIDE or abs(int(pcm[first])) > 29_000:
            continue
        count += min(float(np.std(before.astype(np.float64))), float(np.std(after.astype(np.float64)))) > beside
    return count


def _is_swapped(x: Waves) -> bool:
    """Neighbours are alike in sound, and not when the bytes of each are exchanged."""
    pcm = audio.to_int16(x * 32768)
    return _alike(pcm) < 0.3 and _alike(pcm.byteswap()) > 0.7


def _alike(pcm: Pcm) -> float:
    x = pcm.astype(np.float64) - pcm.mean()
    power = float(x @ x)
    return float(x[1:] @ x[:-1]) / power if power > 0 else 0.0
