from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kws import audio
from kws.config import AugmentConfig, LogMelConfig
from kws.datasets.augment import NoiseSource, augment, coloured_noise, spec_augment
from kws.errors import KwsError

STILL = AugmentConfig(speed_percent=0, time_shift_ms=0, gain_db=(0, 0), noise_probability=0)


def rms(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(x.astype(np.float64) ** 2, axis=-1))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def noise() -> NoiseSource:
    return NoiseSource([], 8000, 1)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    x = np.zeros((300, 8000), np.int16)
    x[:, 3000:5000] = (1000 * rng().standard_normal((300, 2000))).astype(np.int16)
    return x


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_coloured_noise_slope(exponent: float) -> None:
    power = np.abs(np.fft.rfft(coloured_noise(rng(), 1 << 18, exponent))) ** 2
    hz = np.fft.rfftfreq(1 << 18, 1 / 16000)
    low, high = (power[(hz > f) & (hz < 2 * f)].mean() for f in (100, 3200))
    assert 10 * np.log10(low / high) == pytest.approx(exponent * 10 * np.log10(32), abs=0.7)
    assert rms(coloured_noise(rng(), 5000, exponent)) == pytest.approx(1, rel=1e-3)


def test_silence_spans_all_loudnesses(noise: NoiseSource) -> None:
    quiet = noise.silence(2000)
    assert (quiet.shape, quiet.dtype) == ((2000, 8000), np.int16)
    level = rms(quiet)
    assert 0.02 < (level == 0).mean() < 0.09
    # Log-uniform: a quarter of the clips in each decade from 1 to 10,000.
    share, _ = np.histogram(np.log10(level[level > 0]), [-1, 1, 2, 3, 4])
    np.testing.assert_allclose(share / share.sum(), 0.25, atol=0.05)
    assert not np.array_equal(noise.silence(3), noise.silence(3))


@pytest.mark.parametrize("recorded", [False, True])
def test_another_seed_needs_no_reading(recorded: bool, tmp_path: Path) -> None:
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"] if recorded else []
    for seed, path in enumerate(paths):
        audio.write(path, np.random.default_rng(seed).integers(-999, 999, 40_000).astype(np.int16))
    used = NoiseSource(paths, 16_000, 1)
    used.silence(3)
    expected = NoiseSource(paths, 16_000, 2).silence(9)
    for path in paths:
        path.unlink()
    np.testing.assert_array_equal(used.reseeded(2).silence(9), expected)


def test_silence_depends_on_the_seed_alone() -> None:
    same = [NoiseSource([], 800, seed).silence(5) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(same[0], same[1])
    assert not np.array_equal(same[0], same[2])


def test_cuts_come_from_the_recordings(tmp_path: Path) -> None:
    audio.write(tmp_path / "long.wav", np.arange(1, 20001, dtype=np.int16))
    audio.write(tmp_path / "short.wav", -np.arange(1, 31, dtype=np.int16))
    source = NoiseSource([tmp_path / "long.wav", tmp_path / "short.wav"], 100, 1)
    cuts = source.draw(rng(), 400)
    assert cuts.dtype == np.float32
    long = cuts[cuts[:, 0] > 0]
    assert 150 < len(long) < 250
    assert (np.diff(long, axis=1) == 1).all()
    assert long.min() < 1000
    assert long.max() > 19000
    assert set(np.unique(cuts[cuts[:, 0] < 0])) == set(range(-30, 0))


def test_nothing_to_do_changes_nothing(speech: np.ndarray, noise: NoiseSource) -> None:
    np.testing.assert_array_equal(augment(speech, rng(), STILL, noise)[0], speech)


def test_shift_fills_with_zeros(noise: NoiseSource) -> None:
    x = np.tile(np.arange(1, 8001, dtype=np.int16), (500, 1))
    got, _ = augment(x, rng(), replace(STILL, time_shift_ms=100), noise)
    shifts = []
    for row in got:
        filled = np.flatnonzero(row)
        shift = filled[0] if filled[0] else filled[-1] - 7999
        shifts.append(shift)
        wanted = np.zeros(8000, np.int16)
        wanted[max(shift, 0) : 8000 + min(shift, 0)] = x[0, max(-shift, 0) : 8000 - max(shift, 0)]
        np.testing.assert_array_equal(row, wanted)
    assert -1600 <= min(shifts) < -1500
    assert 1500 < max(shifts) <= 1600


def test_gain(speech: np.ndarray, noise: NoiseSource) -> None:
    got = 20 * np.log10(rms(augment(speech, rng(), replace(STILL, gain_db=(-12, 12)), noise)[0]) / rms(speech))
    assert -12.05 < got.min() < -11
    assert 11 < got.max() < 12.05


def test_gain_saturates(noise: NoiseSource) -> None:
    loud = np.tile(np.array([30000, -30000], np.int16), (50, 4000))
    got, _ = augment(loud, rng(), replace(STILL, gain_db=(-20, 20)), noise)
    assert (got.max(), got.min()) == (32767, -32768)
    assert (got[:, ::2] > 0).all()


def test_noise_has_the_ratio_to_active_speech(speech: np.ndarray, noise: NoiseSource) -> None:
    config = replace(STILL, noise_probability=1, snr_db=(10, 10))
    added = augment(speech, rng(), config, noise)[0].astype(np.int32) - speech
    ratio = 20 * np.log10(rms(speech[:, 3000:5000]) / rms(added))
    np.testing.assert_allclose(ratio, 10, atol=0.6)
    half, _ = augment(speech, rng(), replace(config, noise_probability=0.5), noise)
    assert 0.4 < (half != speech).any(axis=1).mean() < 0.6


def test_digital_silence_stays(noise: NoiseSource) -> None:
    assert not augment(np.zeros((4, 8000), np.int16), rng(), AugmentConfig(), noise)[0].any()


def test_augment_depends_on_the_rng_alone(speech: np.ndarray, noise: NoiseSource) -> None:
    before = speech.copy()
    same = [augment(speech, rng(seed), AugmentConfig(), noise)[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(same[0], same[1])
    assert not np.array_equal(same[0], same[2])
    np.testing.assert_array_equal(speech, before)


def test_augment_refuses(noise: NoiseSource) -> None:
    for x in (np.zeros((2, 8000), np.float32), np.zeros(8000, np.int16), np.zeros((2, 7999), np.int16)):
        with pytest.raises(KwsError):
            augment(x, rng(), STILL, noise)


def test_masks_are_stripes_of_the_mean() -> None:
    x = rng().integers(-100, 100, (200, 49, 40)).astype(np.int8)
    x[x == 100] = 0
    config = AugmentConfig(time_masks=1, time_mask_ms=160, band_masks=1, band_mask_bands=5)
    got = spec_augment(x, rng(), config, LogMelConfig())
    widths = []
    for before, after in zip(x, got, strict=True):
        fill = round(before.mean(dtype=np.float64))
        masked = after == fill
        rows, columns = masked.all(axis=1), masked.all(axis=0)
        untouched = after[~rows][:, ~columns]
        np.testing.assert_array_equal(untouched, before[~rows][:, ~columns])
        widths.append((rows.sum(), columns.sum()))
        assert np.diff(np.flatnonzero(rows)).max(initial=1) == 1
    assert tuple(np.max(widths, axis=0)) == (8, 5)
    assert tuple(np.min(widths, axis=0)) == (0, 0)


def test_no_masks_and_too_wide_masks() -> None:
    x = rng().integers(-128, 128, (20, 5, 4)).astype(np.int8)
    np.testing.assert_array_equal(spec_augment(x, rng(), AugmentConfig(time_masks=0, band_masks=0), LogMelConfig()), x)
    assert spec_augment(x, rng(), AugmentConfig(time_mask_ms=1980, band_mask_bands=99), LogMelConfig()).shape == x.shape
    with pytest.raises(KwsError):
        spec_augment(x.astype(np.float32), rng(), AugmentConfig(), LogMelConfig())
