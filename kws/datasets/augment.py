"""Background noise and the augmentation of training clips."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from kws import audio
from kws.config import SAMPLE_RATE, AugmentConfig
from kws.datasets.rooms import Rooms
from kws.errors import KwsError
from kws.frontends import FrontendConfig
from kws.types import Floats, Pcm

COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}
_SYNTHETIC_SECONDS = 20
_QUIETEST, _LOUDEST = 1.0, 10_000.0
_DIGITAL_SILENCE = 0.05
_FEWEST_VOICES, _MOST_VOICES = 3, 6
_VOICE_RMS = 1000.0
# All cores hold a source each.
_NOISE_SECONDS = 3600
_BEGINNING_SECONDS = 10
# Clips worked on at once: few enough for a batch to stay in the cache.
_BATCH = 64
_FRAME = SAMPLE_RATE // 50
# Frames within 20 dB of the loudest count as speech.
_ACTIVE = 0.01


def coloured_noise(rng: np.random.Generator, samples: int, exponent: float) -> Floats:
    """Gaussian noise with a power spectrum of 1/f^exponent above 20 Hz: 0 white, 1 pink, 2 brown.

    Returns:
        float32 ``[samples]`` with rms 1.
    """
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), 20.0)
    spectrum *= frequency ** (-exponent / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, samples)
    scaled: Floats = (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
    return scaled


class NoiseSource:
    """Cuts of background recordings or, where there are none, of synthesised noise.

    Each recording is drawn equally often, whatever its length; one shorter than a clip is
    repeated. Without recordings the sources are 20 s each of white, pink and brown noise. Of many or long
    recordings the beginnings are used, an hour in all.

    Attributes:
        clip_samples: samples a cut.
    """

    def __init__(self, paths: Sequence[Path], clip_samples: int, seed: int, speech: Sequence[Path] = ()) -> None:
        """Read the recordings into memory.

        Args:
            paths: noise recordings.
            clip_samples: samples a cut.
            seed: of the draws of :meth:`silence`.
            speech: recordings of other speech, several of which at once are babble.

        Raises:
            KwsError: a recording cannot be read, or ``clip_samples`` is not positive.
        """
        if clip_samples < 1:
            raise KwsError(f"the clip length must be at least 1 sample, not {clip_samples}")
        self.clip_samples = clip_samples
        self._rng = np.random.default_rng(seed)
        self._recorded = bool(paths)
        if paths:
            recordings = _beginnings(paths)
        else:
            length = max(_SYNTHETIC_SECONDS * SAMPLE_RATE, clip_samples)
            recordings = [1000 * coloured_noise(self._rng, length, e) for e in COLOURS.values()]
        self._recordings, self._speech = (
            [np.tile(r, -(-clip_samples // len(r))) for r in group] for group in (recordings, _beginnings(speech))
        )

    def reseeded(self, seed: int) -> NoiseSource:
        """What a source of the same recordings and another seed would be, without reading them again."""
        if not self._recorded:
            # What is synthesised depends on the seed.
            return NoiseSource((), self.clip_samples, seed)
        other = copy.copy(self)
        other._rng = np.random.default_rng(seed)
        return other

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Cut ``n`` pieces at random: float32 ``[n, clip_samples]``, full scale 32,768, as recorded."""
        return self._cuts(self._recordings, rng, n)

    def under(self, rng: np.random.Generator, n: int, babble: float) -> Floats:
        """What may be under ``n`` words: as :meth:`draw`, or babble of three to six voices, equally loud.

        Args:
            rng: source of every draw.
            n: cuts.
            babble: share of babble, where there is other speech.

        Returns:
            float32 ``[n, clip_samples]``.
        """
        out = self.draw(rng, n)
        if self._speech and babble > 0:
            for row in np.flatnonzero(rng.random(n) < babble):
                voices = self._cuts(self._speech, rng, int(rng.integers(_FEWEST_VOICES, _MOST_VOICES + 1)))
                out[row] = (voices * (_VOICE_RMS / np.maximum(_rms(voices), 1.0))[:, None]).sum(axis=0)
        return out

    def _cuts(self, recordings: Sequence[Floats], rng: np.random.Generator, n: int) -> Floats:
        out = np.empty((n, self.clip_samples), np.float32)
        places = rng.random(n)
        for row, which, place in zip(out, rng.integers(len(recordings), size=n), places, strict=True):
            recording = recordings[which]
            start = int(place * (len(recording) - self.clip_samples + 1))
            row[:] = recording[start : start + self.clip_samples]
        return out

    def silence(self, n: int) -> Pcm:
        """Make ``n`` clips without speech: int16 ``[n, clip_samples]``.

        The rms is drawn log-uniformly from 1 to 10,000 of 32,768 (loud cuts saturate), as in
        Speech Commands' test set; one clip in twenty is exact digital silence. Each call goes
        on where the last one stopped drawing.
        """
        out = np.empty((n, self.clip_samples), np.int16)
        for start in range(0, n, _BATCH):
            noise = self.draw(self._rng, min(_BATCH, n - start))
            level = np.exp(self._rng.uniform(np.log(_QUIETEST), np.log(_LOUDEST), len(noise)))
            level[self._rng.random(len(noise)) < _DIGITAL_SILENCE] = 0
            noise *= (level / np.maximum(_rms(noise), 1e-3)).astype(np.float32)[:, None]
            out[start : start + len(noise)] = audio.to_int16(noise)
        return out


def _beginnings(paths: Sequence[Path]) -> list[Floats]:
    """As much of each recording as an hour in all allows, of evenly chosen ones where there are very many."""
    if not paths:
        return []
    most = round(_NOISE_SECONDS / _BEGINNING_SECONDS)
    chosen = paths[:: -(-len(paths) // most)]
    samples = round(_NOISE_SECONDS / len(chosen)) * SAMPLE_RATE
    return [next(audio.blocks(path, samples)).astype(np.float32) for path in chosen]


def augment(
    pcm: Pcm, rng: np.random.Generator, config: AugmentConfig, noise: NoiseSource, rooms: Rooms | None = None
) -> tuple[Pcm, npt.NDArray[np.int32]]:
    """Resample, shift, mix with noise and scale clips.

    Each clip is made slower or faster, and with it lower or higher, is moved in time (zeros fill
    the gaps), is heard in a room with probability ``config.rooms_probability``, gets background noise at a
    drawn signal-to-noise ratio with probability ``config.noise_probability``, and is scaled by a drawn gain; the
    sum saturates. The signal level of the ratio is the active one (`active_rms`). Every draw is uniform.

    Args:
        pcm: int16 ``[n, samples]``; it is not changed.
        rng: source of every draw.
        config: the ranges.
        noise: where noise is cut from; its ``clip_samples`` must be ``samples``.
        rooms: to be heard in.

    Returns:
        int16 ``[n, samples]``, and where each word ends, its echo apart (`word_ends`), int32 ``[n]``.

    Raises:
        KwsError: another shape or dtype, or a noise source of another clip length.
    """
    if pcm.ndim != 2 or pcm.dtype != np.int16:
        raise KwsError(f"clips to augment must be int16 [n, samples], not {pcm.dtype} {list(pcm.shape)}")
    n, samples = pcm.shape
    if noise.clip_samples != samples:
        raise KwsError(f"the noise source cuts {noise.clip_samples} samples and the clips have {samples}; use one")
    reach = min(round(config.time_shift_ms * SAMPLE_RATE / 1000), samples)
    speeds = 1 + np.asarray(rng.uniform(-config.speed_percent, config.speed_percent, size=n)) / 100
    shifts = rng.integers(-reach, reach + 1, n)
    gains = np.power(10, rng.uniform(*config.gain_db, size=n) / 20).astype(np.float32)
    ratios = np.power(10, rng.uniform(*config.snr_db, size=n) / 20)
    noisy = np.less(rng.random(n), config.noise_probability)
    out = np.empty_like(pcm)
    ends = np.empty(n, np.int32)
    for start in range(0, n, _BATCH):
        batch = slice(start, min(start + _BATCH, n))
        x = np.zeros((batch.stop - start, samples), np.float32)
        for row, clip, speed, shift in zip(x, pcm[batch], speeds[batch], shifts[batch], strict=True):
            _place(row, _resampled(clip, speed), shift)
        ends[batch] = word_ends(x)
        if rooms is not None:
            rooms.reverberate(x, rng, config.rooms_probability)
        which = np.flatnonzero(noisy[batch])
        cuts = noise.under(rng, len(which), config.babble_probability)
        level = active_rms(x[which]) / ratios[batch][which]
        cuts *= (level / np.maximum(_rms(cuts), 1.0)).astype(np.float32)[:, None]
        x[which] += cuts
        x *= gains[batch, None]
        np.rint(x, out=x)
        np.clip(x, -32768, 32767, out=x)
        out[batch] = x
    return out, ends


def _resampled(clip: Pcm, speed: float) -> Floats:
    x = clip.astype(np.float32)
    if speed == 1:
        return x
    # The quality of a telephone's resampler; half of the cost is saved, and nothing is heard of it.
    faster: Floats = soxr.resample(x, SAMPLE_RATE * speed, SAMPLE_RATE, "LQ")
    return faster


def _place(row: Floats, clip: Floats, shift: int) -> None:
    """Put a clip in the middle of a row of zeros, ``shift`` samples later; what sticks out is cut off."""
    begin = (len(row) - len(clip)) // 2 + shift
    first, last = max(begin, 0), min(begin + len(clip), len(row))
    row[first:last] = clip[first - begin : last - begin]


def spec_augment(
    features: npt.NDArray[np.int8], rng: np.random.Generator, config: AugmentConfig, frontend: FrontendConfig
) -> npt.NDArray[np.int8]:
    """Mask stripes of time and frequency (SpecAugment, Park 2019, without time warping).

    The widths are uniform from 0 to the configured greatest, the places uniform; a mask is
    filled with the rounded mean of its clip.

    Args:
        features: int8 ``[n, frames, bands]``; it is not changed.
        rng: source of every draw.
        config: number and greatest width of the masks.
        frontend: how far the frames are apart.

    Returns:
        int8 ``[n, frames, bands]``.

    Raises:
        KwsError: another shape or dtype.
    """
    if features.ndim != 3 or features.dtype != np.int8:
        raise KwsError(f"features to mask must be int8 [n, frames, bands], not {features.dtype} {list(features.shape)}")
    n, frames, bands = features.shape
    times = _stripes(rng, n, frames, config.time_masks, frontend.frames_in(config.time_mask_ms))
    # A frame of several windows has the same stripe in each.
    stripes = np.tile(
        _stripes(rng, n, bands // frontend.rows, config.band_masks, config.band_mask_bands), frontend.rows
    )
    mean = np.rint(features.mean(axis=(1, 2))).astype(np.int8)
    return np.where(times[:, :, None] | stripes[:, None, :], mean[:, None, None], features)


def _stripes(rng: np.random.Generator, n: int, size: int, masks: int, greatest: int) -> npt.NDArray[np.bool_]:
    width = rng.integers(0, min(greatest, size) + 1, (n, masks, 1))
    start = rng.integers(0, size - width + 1)
    place = np.arange(size)
    covered: npt.NDArray[np.bool_] = np.any((place >= start) & (place < start + width), axis=1)
    return covered


def _rms(x: Floats) -> npt.NDArray[np.float64]:
    power: npt.NDArray[np.float64] = np.einsum("ij,ij->i", x, x).astype(np.float64) / x.shape[1]
    return np.sqrt(power)


def _active(x: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Energy of frames of 20 ms, float64 [n, frames], and which of them are active."""
    frames = x.shape[1] // _FRAME
    framed = x[:, : frames * _FRAME].reshape(len(x), frames, _FRAME)
    energy: npt.NDArray[np.float64] = np.einsum("ijk,ijk->ij", framed, framed).astype(np.float64) / _FRAME
    return energy, energy >= _ACTIVE * energy.max(axis=1, keepdims=True)


def active_rms(x: Floats) -> npt.NDArray[np.float64]:
    """The rms over the frames of 20 ms within 20 dB of a clip's loudest, so that pauses do not count.

    The idea of ITU-T P.56's active level.

    Args:
        x: float32 [n, samples].

    Returns:
        float64 [n].
    """
    if x.shape[1] < _FRAME:
        return _rms(x)
    energy, active = _active(x)
    power: npt.NDArray[np.float64] = (energy * active).sum(axis=1) / active.sum(axis=1)
    return np.sqrt(power)


def word_ends(x: Floats) -> npt.NDArray[np.int32]:
    """Where the words in clips end: after the last frame of 20 ms within 20 dB of the loudest.

    Args:
        x: float32 [n, samples], without added noise.

    Returns:
        int32 [n], in samples.
    """
    if x.shape[1] < _FRAME:
        return np.full(len(x), x.shape[1], np.int32)
    _, active = _active(x)
    after: npt.NDArray[np.int64] = active.shape[1] - np.argmax(active[:, ::-1], axis=1)
    return (after * _FRAME).astype(np.int32)
