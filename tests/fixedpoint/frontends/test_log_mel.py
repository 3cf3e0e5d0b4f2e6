"""The integer front end against float64, and one stream against any chunking of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.config import LogMelConfig
from kws.errors import KwsError
from kws.evaluation.frontend_error import DB_PER_STEP, measure, reference_log_mel
from kws.fixedpoint.frontends import log_mel as fe
from kws.verify.inputs import corner_signals

CONFIGS = {
    "default": LogMelConfig(),
    "short": LogMelConfig(window_ms=16, hop_ms=10, n_fft=256, bands=20, low_hz=100, high_hz=7000),
    "long": LogMelConfig(window_ms=64, hop_ms=32, n_fft=1024, bands=64, low_hz=20, high_hz=8000),
    "odd": LogMelConfig(window_ms=25, hop_ms=12.5, n_fft=512, bands=31, low_hz=0, high_hz=4000),
}


@pytest.mark.parametrize("points", [128, 256, 512])
def test_fft(points):
    tables = fe.make_tables(points, points // 2, 2 * points, 10, 100, 7000)
    rng = np.random.default_rng(points)
    z = rng.integers(-(2**25), 2**25, (5, points)) + 1j * rng.integers(-(2**25), 2**25, (5, points))
    source = tables.order
    re, im = fe.fft(z.real.astype(np.int64)[:, source], z.imag.astype(np.int64)[:, source], tables.stages)
    halvings = (points.bit_length() - 1) // 2 + (points.bit_length() - 1) % 2 - 1
    assert np.abs(re + 1j * im - np.fft.fft(z) / 2**halvings).max() < 64


@pytest.mark.parametrize("points", [128, 256, 512])
def test_fft_never_leaves_int32(points):
    """The worst input: every sample at its limit and in phase with one bin."""
    tables = fe.make_tables(points, points // 2, 2 * points, 10, 100, 7000)
    n = np.arange(points)
    source = tables.order
    for k in (0, 1, points // 4, points // 2, points - 1):
        phase = np.exp(2j * np.pi * k * n / points)
        re = np.where(phase.real >= 0, 2**25, -(2**25))
        im = np.where(phase.imag >= 0, 2**25, -(2**25))
        x, y = fe.fft(re[source].astype(np.int64), im[source].astype(np.int64), tables.stages)
        assert max(np.abs(x).max(), np.abs(y).max()) < 2**31


def test_filters_are_those_of_tensorflow(monkeypatch):
    """linear_to_mel_weight_matrix judges the mel filters: it was not written by us."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    config = LogMelConfig()
    tables = config.tables()
    theirs = tf.signal.linear_to_mel_weight_matrix(
        config.bands, config.n_fft // 2 + 1, 16000, config.low_hz, config.high_hz, tf.float64
    ).numpy()
    ours = np.zeros_like(theirs)
    ends = tables.segment_ends.astype(int)
    for segment, (start, end) in enumerate(itertools.pairwise([tables.first_bin, *ends])):
        weights = tables.weights[start - tables.first_bin : end - tables.first_bin] / 32768
        if segment < config.bands:
            ours[start:end, segment] += weights
        if segment > 0:
            ours[start:end, segment - 1] += 1 - weights
    assert np.abs(ours - theirs).max() < 2e-5


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_error_in_db(config, speech):
    levels = [0, -10, -20, -30, -40, -50] if config == CONFIGS["default"] else [0, -10, -20, -30]
    for row in measure([speech], levels, config):
        assert row.bands > 1000
        assert row.mean_db < 0.5, row


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_full_scale_fits_the_range(config):
    """A full-scale square wave comes near the top of int8 without running into it by much."""
    tables = config.tables()
    wave = dict(corner_signals(config.window))["full-scale square wave"]
    top = int(fe.log_mel(wave[None], tables).max())
    assert 110 <= top <= 127


def test_levels_are_right_in_db():
    """20 dB less signal is 20 dB less feature."""
    config = LogMelConfig()
    tables = config.tables()
    n = np.arange(config.window)
    loud = (20000 * np.sin(2 * np.pi * 1000 * n / 16000)).round().astype(np.int16)
    quiet = (2000 * np.sin(2 * np.pi * 1000 * n / 16000)).round().astype(np.int16)
    band = int(np.argmax(reference_log_mel(loud[None], config)[0]))
    difference = int(fe.log_mel(loud[None], tables)[0, band]) - int(fe.log_mel(quiet[None], tables)[0, band])
    assert abs(difference * DB_PER_STEP - 20) < 0.6


def test_silence_is_the_lowest_value():
    tables = LogMelConfig().tables()
    assert np.all(fe.log_mel(np.zeros((1, 480), np.int16), tables) == -128)


def test_dc_is_not_heard():
    """A microphone's offset must not look like sound; only the window's edges of it remain."""
    tables = LogMelConfig().tables()
    assert fe.log_mel(np.full((1, 480), 300, np.int16), tables)[0, 5:].max() < -50


@settings(max_examples=40)
@given(st.lists(st.integers(0, 2500), max_size=12), st.sampled_from(sorted(CONFIGS)))
def test_any_chunking_gives_the_same_frames(cuts, name):
    tables = CONFIGS[name].tables()
    pcm = np.random.default_rng(5).integers(-32768, 32768, (2, 6000)).astype(np.int16)
    whole = fe.LogMel(tables, 2).process(pcm)
    stream = fe.LogMel(tables, 2)
    edges = [0, *sorted(min(c, 6000) for c in np.cumsum(cuts)), 6000]
    parts = [stream.process(pcm[:, a:b]) for a, b in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    assert whole.shape[1] == CONFIGS[name].frames(6000)


@pytest.mark.parametrize("rows", [2, 3])
def test_frames_of_several_windows_are_those_of_one(rows):
    one, several = LogMelConfig(bands=20), LogMelConfig(bands=20, rows=rows)
    pcm = np.random.default_rng(7).integers(-3000, 3000, (2, 9000)).astype(np.int16)
    expected, found = one.twin(2).process(pcm), several.twin(2).process(pcm)
    assert found.shape == (2, several.frames(9000), several.features)
    assert several.features == rows * 20
    count = found.shape[1] * rows
    assert np.array_equal(found.reshape(2, count, 20), expected[:, :count])
    assert several.samples(1) - several.samples(0) == rows * one.hop
    # Earlier versions of kws knew no rows.
    assert "rows" not in one.as_dict()
    assert several.as_dict()["rows"] == rows


def test_reset_forgets():
    tables = LogMelConfig().tables()
    pcm = np.random.default_rng(6).integers(-3000, 3000, (1, 1000)).astype(np.int16)
    stream = fe.LogMel(tables)
    first = stream.process(pcm)
    stream.process(pcm[:, :333])
    stream.reset()
    assert np.array_equal(stream.process(pcm), first)


def test_too_many_bands_is_an_error():
    with pytest.raises(KwsError, match=r"mel band \d+ of 128 is too narrow"):
        LogMelConfig(bands=128).tables()
