"""The microfrontend's twins against the original, step for step, in any chunking."""

from __future__ import annotations

import ctypes

import harness
import numpy as np
import pytest
from conftest import needs
from micro_oracle import HOP, Oracle, signals, tone
from random_models import spotting_model

from kws import codegen
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.fixedpoint.frontends import microfrontend
from kws.fixedpoint.frontends.fft16 import fft16, order
from kws.frontends import MicroFrontendConfig, read

# The library's own source, so that its static functions can be called one by one.
HARNESS = """
#include "frontends/fft16.c"
#include "frontends/microfrontend.c"
#include "kws_model.c"
static uint32_t memory[KWS_MICROFRONTEND_BYTES / 4u];
static uint32_t window[512];
void forget(void) { kws_microfrontend_reset(&frontend, memory); }
void run(const int16_t *pcm, uint32_t frames, uint16_t *values, int8_t *features)
{
    for (uint32_t i = 0; i < frames; i++, pcm += KWS_MODEL_HOP) {
        memset(window, 0, sizeof window);
        memcpy(window, pcm, 960);
        uint32_t *spectrum = memory + 40;
        const uint32_t shift = kws_windowed_fft16(&microfrontend, (const int16_t *)window, spectrum);
        values_of_bands(&microfrontend, spectrum, shift, memory);
        for (uint32_t band = 0; band < 40; band++) {
            *values++ = (uint16_t)spectrum[band];
            *features++ = to_int8(spectrum[band]);
        }
    }
}
int32_t int8_of(uint32_t value) { return to_int8(value); }
uint32_t spectrum_of(const int16_t *pcm, uint32_t *spectrum)
{
    memset(window, 0, sizeof window);
    memcpy(window, pcm, 960);
    return kws_windowed_fft16(&microfrontend, (const int16_t *)window, spectrum);
}
uint32_t root_of(uint64_t energy) { return kws_root(energy); }
uint32_t gain(uint32_t estimate) { return gain_of(microfrontend.gains, estimate); }
uint32_t loge(uint32_t signal) { return logarithm(signal); }
"""


def model(**options):
    return spotting_model(4, units=(12,), frontend=MicroFrontendConfig(**options))


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    codegen.export(model(), folder)
    library = harness.compiled(
        folder, HARNESS, harness.everything_but("fft16.c", "microfrontend.c"), harness.CHECKED, [folder]
    )
    library.root_of.argtypes = [ctypes.c_uint64]
    library.root_of.restype = ctypes.c_uint32
    return library


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def c_values(c, pcm):
    frames = MicroFrontendConfig().frames(len(pcm))
    values, features = np.zeros((frames, 40), np.uint16), np.zeros((frames, 40), np.int8)
    c.forget()
    c.run(pointer(pcm), frames, pointer(values), pointer(features))
    return values, features


def numpy_values(pcm):
    frames = np.lib.stride_tricks.sliding_window_view(pcm, microfrontend.WINDOW)[::HOP]
    return microfrontend.MicroFrontend(HOP).logarithms(frames[None])[0]


def check(c, samples, count):
    """Compare both twins with the original on every signal; return how many values that were."""
    values = 0
    for name, pcm in signals(samples, count):
        expected = Oracle().logarithms(pcm)
        ours = numpy_values(pcm)
        assert np.array_equal(ours, expected), name
        in_c, features = c_values(c, pcm)
        assert np.array_equal(in_c, expected), name
        assert np.array_equal(features, microfrontend.to_int8(expected)), name
        values += expected.size
    return values


@needs("cc")
def test_the_original_gives_the_same(c):
    assert check(c, 16000, 14) > 100_000


@pytest.mark.slow
@needs("cc")
def test_a_million_values(c):
    assert check(c, 80000, 40) > 1_000_000


@pytest.mark.parametrize("index", [0, 1, 2])
def test_entries_that_are_not_the_formulas_are_the_originals(monkeypatch, index):
    """Each of them alone makes a difference that the original sees."""
    windows, weights = dict(microfrontend.ODD_WINDOW), dict(microfrontend.ODD_FALLING)
    pcm = tone((149, 149, 221)[index], 960000)
    expected = Oracle().logarithms(pcm)
    if index == 0:
        windows = {}
    else:
        del weights[(149, 221)[index - 1]]
    monkeypatch.setattr(microfrontend, "ODD_WINDOW", windows)
    monkeypatch.setattr(microfrontend, "ODD_FALLING", weights)
    microfrontend.make_tables.cache_clear()
    try:
        assert not np.array_equal(numpy_values(pcm), expected)
    finally:
        microfrontend.make_tables.cache_clear()


def bin_of_16384(bin_):
    """A frame whose FFT has 16384 in a bin's imaginary part, the one value whose half is a tie."""
    angles = 2 * np.pi * bin_ * (np.arange(microfrontend.WINDOW) // 2) / microfrontend.POINTS
    signs = np.where(np.arange(microfrontend.WINDOW) % 2, np.cos(angles), -np.sin(angles)) >= 0
    tables, place = microfrontend.make_tables(), order(microfrontend.POINTS)
    for loudness in range(27400, 27600):
        pcm = np.where(signs, loudness, -loudness)
        windowed = np.zeros(microfrontend.N_FFT, np.int64)
        windowed[: microfrontend.WINDOW] = (pcm * tables.window.astype(np.int64)) >> 12
        _, im = fft16(windowed[0::2][place], windowed[1::2][place], tables.twiddles)
        if im[bin_] == 16384:
            return pcm.astype(np.int16)
    raise AssertionError("no such frame")


@needs("cc")
@pytest.mark.parametrize("bin_", [40, 77, 135, 179, 235])
def test_spectrum_of_a_tie(c, bin_):
    """MICRO/4: the later steps round too coarsely to show it."""
    pcm = bin_of_16384(bin_)
    words = np.zeros(microfrontend.POINTS, np.uint32)
    shift = c.spectrum_of(pointer(pcm), pointer(words))
    re, im, expected = microfrontend.spectrum(pcm, microfrontend.make_tables())
    parts = words[1:].view(np.int16).reshape(-1, 2)
    assert shift == expected
    assert np.array_equal(parts[:, 0], re)
    assert np.array_equal(parts[:, 1], im)


def test_what_always_stays_of_a_signal_is_nothing():
    """MICRO/7: up to a square wave's loudness, and 1024 of MICRO/9 is the least that shows; with 10 % some would."""
    loudest = 64 * int(1.25 * 4 / np.pi * 32767 * 0.47 / 2)
    estimates = np.unique(np.geomspace(1, loudest << microfrontend.NOISE_BITS, 100000).astype(np.int64))
    signals_below = estimates * 20 // (19 << microfrontend.NOISE_BITS)
    gains = microfrontend.gain_of(estimates, microfrontend.make_tables())

    def largest(remaining):
        return ((((signals_below * remaining) >> 14) * gains) >> microfrontend.GAIN_SHIFT).max()

    assert largest(microfrontend.LEAST_REMAINING) < 1024
    assert largest(int(0.1 * microfrontend.SMOOTHING_ONE)) >= 1024


@needs("cc")
def test_int8(c):
    """MICRO/11, of every value."""
    values = np.arange(65536)
    found = [c.int8_of(value) for value in values.tolist()]
    assert found == microfrontend.to_int8(values).tolist()
    assert found == [min((value * 256 + 333) // 666 - 128, 127) for value in values.tolist()]


@needs("cc")
def test_root(c):
    """MICRO/6, around every border of rounding and at the ends of 32 bits."""
    rng = np.random.default_rng(1)
    roots = np.concatenate([np.arange(300), 65533 + np.arange(6), (2 ** rng.uniform(1, 26.4, 3000)).astype(np.int64)])
    halves = roots**2 + roots
    ends = [roots**2 - 1, roots**2, roots**2 + 1, halves, halves + 1, 2**32 - np.arange(1, 5)]
    energies = np.concatenate(ends)
    energies = energies[energies >= 0]
    expected = microfrontend.root(energies)
    assert [c.root_of(int(e)) for e in energies] == expected.tolist()
    exact = np.round(np.sqrt(energies.astype(np.longdouble))).astype(np.int64)
    assert np.array_equal(np.where(energies < 2**32, np.minimum(exact, 65535), exact), expected)


@needs("cc")
def test_gain_and_logarithm_everywhere(c):
    """MICRO/8 and MICRO/10, over the whole of 32 bits."""
    rng = np.random.default_rng(2)
    powers = 2 ** np.arange(32)
    x = np.unique(
        np.concatenate([np.arange(3000), powers, powers - 1, (2 ** rng.uniform(0, 32, 20000)).astype(np.int64)])
    )
    tables = microfrontend.make_tables()
    assert [c.loge(int(v)) for v in x] == microfrontend.logarithm(x, tables).tolist()
    gains = [c.gain(int(v)) for v in x]
    assert gains == microfrontend.gain_of(x, tables).tolist()
    assert (min(gains), max(gains)) == (0, 32636)


def test_any_chunking_and_reset():
    rng = np.random.default_rng(3)
    pcm = np.concatenate([pcm for _, pcm in signals(1600, 4)])[: 200 * HOP]
    expected = microfrontend.to_int8(Oracle().logarithms(pcm))
    twin = MicroFrontendConfig().twin()
    for _ in range(3):
        pieces = np.split(pcm, np.sort(rng.integers(0, len(pcm), 40)))
        found = np.concatenate([twin.process(piece[None])[0] for piece in pieces])
        assert np.array_equal(found, expected)
        assert not np.array_equal(twin.process(pcm[None])[0][: len(expected)], expected)
        twin.reset()


def test_streams_in_step():
    pcm = np.stack([pcm for _, pcm in signals(4800, 2)])
    together = MicroFrontendConfig().twin(len(pcm)).process(pcm)
    for row, features in zip(pcm, together, strict=True):
        assert np.array_equal(features, MicroFrontendConfig().twin().process(row[None])[0])


@needs("cc", "make")
def test_whole_spotter(c):
    """The engine c has the features of NumPy, whatever the settings and the chunking, after a reset too."""
    rng = np.random.default_rng(6)
    for settings in ({}, {"step_ms": 20}, {"rows": 3}):
        ours = model(**settings)
        reference, engine = NumpyEngine(ours), CEngine(ours)
        pcm = np.concatenate([pcm for _, pcm in signals(1600, 6)])
        expected = reference.process(pcm)
        for _ in range(2):
            engine.reset()
            pieces = np.split(pcm, np.sort(rng.integers(0, len(pcm), 30)))
            found = [engine.process(piece) for piece in pieces]
            assert np.array_equal(np.concatenate([f.features for f in found]), expected.features)
            assert np.array_equal(np.concatenate([f.posteriors for f in found]), expected.posteriors)


def test_frames_of_several_windows():
    """Their features are those of the windows one by one, whatever the chunking."""
    pcm = np.concatenate([pcm for _, pcm in signals(1600, 4)])[: 200 * HOP]
    expected = MicroFrontendConfig().twin().process(pcm[None])[0]
    for rows in (2, 3):
        config = MicroFrontendConfig(rows=rows)
        found = config.twin().process(pcm[None])[0]
        assert len(found) == config.frames(len(pcm)) == len(expected) // rows
        assert np.array_equal(found.reshape(-1, 40), expected[: rows * len(found)])


def test_settings():
    assert read({"kind": "microfrontend"}) == MicroFrontendConfig()
    assert MicroFrontendConfig(20).as_dict() == {"kind": "microfrontend", "step_ms": 20, "rows": 1}
    three = MicroFrontendConfig(rows=3)
    assert (three.window, three.hop, three.features, three.pcm_size) == (800, 480, 120, 832)
    with pytest.raises(KwsError, match=r"step_ms must be a whole number, not 10\.5"):
        read({"kind": "microfrontend", "step_ms": 10.5})
    with pytest.raises(KwsError, match="step_ms must be 1 to 30, not 31"):
        read({"kind": "microfrontend", "step_ms": 31})
    with pytest.raises(KwsError, match="rows must be 1 to 16, not 0"):
        read({"kind": "microfrontend", "rows": 0})
