"""The decimator: C against NumPy, both against float64; what of a modulated sine arrives."""

from __future__ import annotations

import ctypes

import harness
import numpy as np
import pytest
from conftest import needs
from hypothesis import given, settings
from hypothesis import strategies as st
from modulator import microphone, modulate

from kws import firmware
from kws.fixedpoint.decimator import (
    BINOMIAL,
    BYTES_PER_SAMPLE,
    COMB,
    GREATEST_GAIN,
    HALF_BAND,
    LOW_PASS,
    Decimator,
    byte_table,
)

BIT_RATE = 1_024_000
FULL_SCALE = 2.0**15


def response(hz):
    """The filters' gain at frequencies of the bits' rate, in float64; 1 is the gain at which +1 is full scale."""
    gain = np.ones(len(hz))
    for taps, rate in ((COMB, BIT_RATE), (BINOMIAL, 128_000), (HALF_BAND, 64_000), (LOW_PASS, 32_000)):
        phases = np.exp(-2j * np.pi * np.outer(hz / rate, np.arange(len(taps))))
        gain = gain * np.abs(phases @ taps) / taps.sum()
    return gain * (LOW_PASS.sum() / 2**14) * (HALF_BAND.sum() / 2**15)


def decibels(ratio):
    return 20 * np.log10(ratio)


def test_the_pass_band_is_flat():
    gain = decibels(response(np.linspace(0, 7000, 1401)))
    assert np.abs(gain).max() < 0.04


def test_what_is_folded_into_the_pass_band_is_weak():
    base = np.linspace(0, 7000, 701)
    folded = [np.abs(16000 * n + sign * base) for n in range(1, 32) for sign in (-1, 1)]
    assert decibels(response(np.concatenate(folded)).max()) < -60
    speech = np.linspace(0, 4000, 401)
    folded = [np.abs(16000 * n + sign * speech) for n in range(1, 32) for sign in (-1, 1)]
    assert decibels(response(np.concatenate(folded)).max()) < -60


def sine(hz, amplitude, seconds=1.0, offset=0.0):
    t = np.arange(int(seconds * BIT_RATE)) / BIT_RATE
    return offset + amplitude * np.sin(2 * np.pi * hz * t)


def fit(pcm, hz):
    """The amplitude of a sine of `hz` in `pcm`, and the rms of what is left."""
    t = np.arange(len(pcm)) / 16000
    basis = np.stack([np.sin(2 * np.pi * hz * t), np.cos(2 * np.pi * hz * t), np.ones(len(t))], axis=1)
    weights = np.linalg.lstsq(basis, pcm, rcond=None)[0]
    return np.hypot(weights[0], weights[1]), np.std(pcm - basis @ weights)


@pytest.mark.parametrize("hz", [100.0, 1000.0, 3500.0, 6900.0])
def test_a_sine_comes_through(hz):
    """Half of full scale through a modulator of fourth order: its noise, the filters' and the rounding to int16."""
    pcm = Decimator().process(modulate(sine(hz, 0.5)))[3200:] / FULL_SCALE
    amplitude, noise = fit(pcm, hz)
    # The offset's filter takes 10 Hz away, and 0.04 dB at 100 Hz.
    assert decibels(amplitude / 0.5) == pytest.approx(0, abs=0.1)
    assert decibels(amplitude / np.sqrt(2) / noise) > 85


def test_a_soft_sine_with_gain():
    """60 dB below full scale, the level of a voice a metre away, 36 dB of gain."""
    pcm = Decimator(6).process(modulate(sine(1000, 0.001)))[3200:] / FULL_SCALE
    amplitude, noise = fit(pcm, 1000)
    assert decibels(amplitude / 0.064) == pytest.approx(0, abs=0.1)
    assert decibels(amplitude / np.sqrt(2) / noise) > 35


@pytest.mark.parametrize("hz", [9500.0, 25000.0, 58000.0, 121500.0])
def test_a_sine_that_would_be_folded_does_not_come_through(hz):
    pcm = Decimator().process(modulate(sine(hz, 0.1)))[3200:] / FULL_SCALE
    folded = abs((hz + 8000) % 16000 - 8000)
    assert decibels(fit(pcm, folded)[0] / 0.1) < -60


def test_an_offset_goes_away_and_leaves_the_rest_alone():
    pcm = Decimator(3).process(modulate(sine(1000, 0.01, seconds=1.5, offset=0.06)))
    settled = pcm[8000:]
    assert abs(settled.mean()) < 2
    assert fit(settled / FULL_SCALE, 1000)[0] == pytest.approx(0.08, rel=0.01)
    before = Decimator(3).process(modulate(sine(1000, 0.01, seconds=0.1, offset=0.06)))
    assert before.max() > 10000, "it would be seen if it were there"


def test_a_stream_begins_silent():
    assert np.abs(Decimator(GREATEST_GAIN).process(np.full(800, 0x55, np.uint8))).max() <= 1


def test_the_extremes_are_clipped_and_not_wrapped():
    for bits, expected in ((0xFF, 32767), (0x00, -32768)):
        assert set(Decimator(3).process(np.full(1600, bits, np.uint8))[20:].tolist()) == {expected}
        quiet = Decimator(0).process(np.full(1600, bits, np.uint8))[20:]
        assert (np.sign(quiet.astype(int)) == np.sign(expected)).all()
    with pytest.raises(ValueError, match="0 to 8"):
        Decimator(9)


def test_no_sum_leaves_int32():
    """The widths that docs/SPEC.md states: whatever the bits, nothing overflows in C."""
    rate64 = 2**15
    value = 2**15 * np.abs(LOW_PASS).sum()
    assert rate64 * np.abs(HALF_BAND).sum() + 2**14 < 2**31
    assert value < 2**31
    assert 2 * (value / 4) + 2**11 < 2**31, "a value less the offset, half a step added"
    assert COMB.sum() * BINOMIAL.sum() == 2**16
    assert COMB.sum() < 2**16, "four sums side by side"


def test_the_table_in_c_is_the_table():
    text = (firmware.sources_dir() / "src" / "decimator_table.h").read_text()
    constants = [int(word.rstrip("},;"), 16) for word in text.replace("{", " ").split() if word.startswith("0x")]
    assert np.array_equal(np.array(constants, np.uint32).reshape(256, 2), byte_table())


class CDecimator:
    """firmware/src/decimator.c, compiled for this machine with the sanitizer of undefined behaviour."""

    def __init__(self, library, gain=0):
        self._library = library
        self._state = ctypes.create_string_buffer(library.decimator_bytes())
        self.status = library.kws_decimator_init(self._state, gain)

    def process(self, pdm, capacity=None):
        room = len(pdm) // BYTES_PER_SAMPLE + 1
        pcm = np.zeros(room, np.int16)
        pdm = np.ascontiguousarray(pdm)
        count = self._library.kws_decimator_process(
            self._state,
            ctypes.c_void_p(pdm.ctypes.data),
            ctypes.c_size_t(len(pdm)),
            ctypes.c_void_p(pcm.ctypes.data),
            ctypes.c_size_t(room if capacity is None else capacity),
        )
        return count if count < 0 else pcm[:count]


HARNESS = """
#include "kws/decimator.h"
int decimator_bytes(void);
int decimator_bytes(void) { return (int)sizeof(kws_decimator); }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decimator")
    checks = ["-Wconversion", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    return harness.compiled(folder, HARNESS, ["decimator.c", "error_name.c"], (*harness.STRICT, *checks))


@st.composite
def streams(draw):
    """Bytes of a microphone: noise, runs of one value, extremes; cut anywhere."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.sampled_from([0, 1, 7, 8, 9, 63, 64, 65, 127, 500, 3000]))
    values = draw(st.sampled_from([np.arange(256), [0, 255], [0x55, 0xAA, 0], [255]]))
    pdm = rng.choice(values, count).astype(np.uint8)
    if draw(st.booleans()):
        pdm = np.sort(pdm)
    cuts = draw(st.lists(st.integers(0, max(count, 1)), max_size=12))
    return pdm, np.split(pdm, sorted(cuts)), draw(st.integers(0, GREATEST_GAIN))


@needs("cc")
@settings(max_examples=300)
@given(case=streams())
def test_c_and_any_chunking_give_the_same_samples(library, case):
    pdm, parts, gain = case
    expected = Decimator(gain).process(pdm)
    in_parts = Decimator(gain)
    assert np.array_equal(np.concatenate([in_parts.process(part) for part in parts]), expected)
    whole, cut = CDecimator(library, gain), CDecimator(library, gain)
    assert np.array_equal(whole.process(pdm), expected)
    assert np.array_equal(np.concatenate([cut.process(part) for part in parts]), expected)


@needs("cc")
def test_c_on_a_modulated_voice(library, speech):
    pdm = microphone(speech[:32000], 1 / 8, 0.03)
    expected = Decimator(3).process(pdm)
    assert np.abs(expected.astype(int)).max() > 3000
    assert np.array_equal(CDecimator(library, 3).process(pdm), expected)


@needs("cc")
def test_errors_have_names_where_there_is_no_model(library):
    library.kws_error_name.restype = ctypes.c_char_p
    assert library.kws_error_name(CDecimator(library, GREATEST_GAIN + 1).status) == b"KWS_ERROR_ARGUMENT"


@needs("cc")
def test_c_checks_its_arguments(library):
    argument, memory = -1, -2
    assert CDecimator(library, 9).status == argument
    assert library.kws_decimator_init(None, 0) == argument
    decimator = CDecimator(library, 2)
    pdm = np.random.default_rng(4).integers(0, 256, 83).astype(np.uint8)
    assert decimator.process(pdm, capacity=9) == memory
    assert np.array_equal(decimator.process(pdm, capacity=10), Decimator(2).process(pdm)), "a refusal changes nothing"
    none, four, one = None, ctypes.c_size_t(4), ctypes.c_size_t(1)
    assert library.kws_decimator_process(None, none, ctypes.c_size_t(0), none, one) == argument
    assert library.kws_decimator_process(decimator._state, none, four, none, one) == argument
    five = ctypes.create_string_buffer(5)
    assert library.kws_decimator_process(decimator._state, five, ctypes.c_size_t(5), none, one) == argument
    assert library.kws_decimator_process(decimator._state, none, ctypes.c_size_t(0), none, ctypes.c_size_t(0)) == 0
