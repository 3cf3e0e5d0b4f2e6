"""The C front end step by step: what its fused steps give is what SPEC's steps give in NumPy, bit for bit."""

from __future__ import annotations

import ctypes

import harness
import numpy as np
import pytest
from conftest import mostly_slow, needs
from random_models import spotting_model

from kws import codegen
from kws.config import LogMelConfig
from kws.fixedpoint.frontends import log_mel
from kws.verify.inputs import corner_signals, random_signal

pytestmark = needs("cc")

CONFIGS = {
    "256": LogMelConfig(window_ms=16, hop_ms=10, n_fft=256, bands=20, low_hz=100, high_hz=7000),
    "512": LogMelConfig(),
    "512, the widest": LogMelConfig(window_ms=32, hop_ms=16, bands=40, low_hz=0, high_hz=8000),
    "1024": LogMelConfig(window_ms=64, hop_ms=32, n_fft=1024, bands=64, low_hz=20, high_hz=8000),
}

# The library's own source, so that its static functions can be called one by one.
HARNESS = """
#include "frontends/fft.c"
#undef WINDOW_SHIFT
#include "frontends/log_mel.c"
#include "kws_model.c"
int32_t step_fft(const int16_t *pcm, int32_t *spectrum) { kws_windowed_fft(&log_mel, pcm, spectrum); return 0; }
int32_t step_powers(int32_t *spectrum) { return power_spectrum(&log_mel, spectrum); }
int32_t step_logarithm(uint32_t high, uint32_t low) { return steps_of(high, low); }
int32_t step_bands(const int32_t *powers, int32_t shift, int8_t *features)
{
    const int32_t scale = log_mel.log_offset + 2 * shift * 65536;
    mel_bands(&log_mel, powers, STEPS_PER_OCTAVE * scale - (1 << 15), features);
    return 0;
}
"""


@pytest.fixture(scope="module", params=mostly_slow(CONFIGS, 2))
def steps(request, tmp_path_factory):
    """A front end's settings, and its steps in C."""
    config = CONFIGS[request.param]
    folder = tmp_path_factory.mktemp("steps")
    codegen.export(spotting_model(1, units=(4,), frontend=config), folder)
    library = harness.compiled(folder, HARNESS, harness.everything_but("fft.c", "log_mel.c"), harness.CHECKED, [folder])
    return config, library


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def interleaved(re, im):
    return np.ascontiguousarray(np.stack([re, im], axis=-1).astype(np.int32).reshape(-1))


def test_windowed_fft(steps):
    """FRONT/2 and FRONT/3."""
    config, c = steps
    rng = np.random.default_rng(1)
    streams = [*corner_signals(config.window), *(random_signal(rng, config.window) for _ in range(30))]
    for name, pcm in streams:
        padded = np.zeros(config.n_fft, np.int16)
        padded[: config.window] = pcm
        spectrum = np.zeros(config.n_fft, np.int32)
        c.step_fft(pointer(padded), pointer(spectrum))
        assert np.array_equal(spectrum, interleaved(*log_mel.windowed_fft(pcm, config.tables()))), name


def spectra(config):
    """Re and im of every loudness, with the ends of each shift."""
    rng = np.random.default_rng(2)
    half = config.n_fft // 2
    for bits in range(0, 31):
        top = 2**bits
        # A modulus is at most 2^30.5.
        parts = rng.integers(-top, top + 1, (2, half))
        yield parts
        yield rng.choice([-top, top - 1], (2, half))
        lone = np.zeros((2, half), np.int64)
        lone[:, rng.integers(0, half)] = [-top, top - 1]
        yield lone
    # Helium has another way from here on up: a power of 2^31 has no sign.
    for top in range(2**28 - 8, 2**28 + 1):
        yield np.concatenate([rng.choice([-top, top - 1], (1, half)), np.full((1, half), top - 1)])
        yield np.full((2, half), top - 1)
    yield np.full((2, half), -1)
    loudest = int(2**30.5) - 1
    yield np.stack([rng.choice([-loudest, loudest], half), np.zeros(half, np.int64)])
    yield np.stack([np.zeros(half, np.int64), rng.choice([-loudest, loudest], half)])


def test_powers(steps):
    """FRONT/4 and FRONT/5: every bin's power, to the last bit, and the shift."""
    config, c = steps
    tables = config.tables()
    shifts = set()
    for re, im in spectra(config):
        power, shift = log_mel.power_spectrum(re.astype(np.int64), im.astype(np.int64), tables)
        spectrum = interleaved(re, im)
        assert c.step_powers(pointer(spectrum)) == shift
        assert np.array_equal(spectrum.view(np.uint32)[2 * tables.bins], power)
        shifts.add(int(shift))
    assert shifts == set(range(-3, 29))


def test_logarithm(steps):
    """FRONT/7 to the last bit, in each of its segments: features show few of their entries."""
    config, c = steps
    mantissas = np.arange(1 << 11, 1 << 12)
    energies = np.concatenate([mantissas >> 11 - n for n in range(12)] + [mantissas << n for n in (3, 17, 21, 30, 44)])
    expected = log_mel.STEPS_PER_OCTAVE * log_mel.log2_fixed(energies, config.tables())
    found = [c.step_logarithm(energy >> 32, energy & 0xFFFFFFFF) for energy in energies.tolist()]
    assert found == expected.tolist()


def test_bands(steps):
    """FRONT/6 to FRONT/8: powers of every size, and bands of which one holds a single small power."""
    config, c = steps
    tables = config.tables()
    rng = np.random.default_rng(3)
    values = set()
    for bits in range(0, 33):
        for sparse in (False, True):
            # The greatest power is 2^31 + 33.
            power = np.minimum(rng.integers(0, 2**bits, len(tables.bins), endpoint=True), 2**31 + 33)
            if sparse:
                power *= rng.random(len(power)) < 0.05
            powers = np.zeros(2 * config.n_fft, np.uint32)
            powers[2 * tables.bins] = power
            energy = log_mel.band_energies(power, tables)
            for shift in (-3, 0, 11, 28):
                features = np.zeros(config.bands, np.int8)
                c.step_bands(pointer(powers), shift, pointer(features))
                expected = log_mel.quantize_energy(energy, np.array(shift), tables)
                assert np.array_equal(features, expected)
                values |= set(expected.tolist())
    assert len(values) > 200
