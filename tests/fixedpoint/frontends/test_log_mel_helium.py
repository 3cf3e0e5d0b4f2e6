"""The front end's steps in Helium on an emulated Cortex-M55, bit for bit, as test_log_mel_c.py has them in C."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import mostly_slow, needs
from emulated_program import HeliumProgram
from random_models import spotting_model
from test_log_mel_c import CONFIGS, interleaved, spectra

from kws import codegen
from kws.fixedpoint.frontends import log_mel
from kws.verify.inputs import corner_signals, random_signal

pytestmark = needs("arm-none-eabi-gcc", "qemu-system-arm")

PROGRAM = """
#include "board.h"
#include "frontends/fft.c"
#undef WINDOW_SHIFT
#include "frontends/log_mel.c"
#include "kws_model.c"
static int32_t words[2 * KWS_MODEL_N_FFT], spectrum[KWS_MODEL_N_FFT];
static int8_t features[KWS_MODEL_BANDS];

static int fill(void *to, size_t bytes)
{
    for (char *at = to; bytes > 0;) {
        const size_t count = board_read(at, bytes);
        if (count == 0) {
            return 0;
        }
        at += count;
        bytes -= count;
    }
    return 1;
}

int main(void)
{
    int32_t what[2];
    while (fill(what, sizeof what)) {
        if (what[0] == 0) {
            fill(words, 2 * KWS_MODEL_N_FFT);
            kws_windowed_fft(&log_mel, (const int16_t *)words, spectrum);
            board_write(spectrum, sizeof spectrum);
        } else if (what[0] == 1) {
            fill(spectrum, sizeof spectrum);
            const int32_t shift = power_spectrum(&log_mel, spectrum);
            board_write(&shift, sizeof shift);
            board_write(spectrum, sizeof spectrum);
        } else {
            fill(words, sizeof words);
            const int32_t scale = log_mel.log_offset + 2 * what[1] * 65536;
            mel_bands(&log_mel, words, STEPS_PER_OCTAVE * scale - (1 << 15), features);
            board_write(features, sizeof features);
        }
    }
    return 0;
}
"""


@pytest.fixture(scope="module", params=mostly_slow(CONFIGS))
def steps(request, tmp_path_factory):
    """A front end's settings, and the program with its steps."""
    config = CONFIGS[request.param]
    folder = tmp_path_factory.mktemp("helium")
    codegen.export(spotting_model(1, units=(4,), frontend=config), folder)
    return config, HeliumProgram(folder, PROGRAM, without=("fft.c", "log_mel.c"), includes=[folder])


def asked(what, argument, values):
    return np.array([what, argument], "<i4").tobytes() + np.ascontiguousarray(values).tobytes()


def test_windowed_fft(steps):
    config, program = steps
    rng = np.random.default_rng(1)
    streams = [pcm for _, pcm in corner_signals(config.window)]
    streams += [random_signal(rng, config.window)[1] for _ in range(20)]
    content = [asked(0, 0, np.pad(pcm.astype("<i2"), (0, config.n_fft - config.window))) for pcm in streams]
    found = np.frombuffer(program.run(b"".join(content)), "<i4").reshape(len(streams), -1)
    for pcm, spectrum in zip(streams, found, strict=True):
        assert np.array_equal(spectrum, interleaved(*log_mel.windowed_fft(pcm, config.tables())))


def test_powers(steps):
    config, program = steps
    tables = config.tables()
    cases = list(spectra(config))
    content = b"".join(asked(1, 0, interleaved(re, im)) for re, im in cases)
    found = np.frombuffer(program.run(content), "<i4").reshape(len(cases), -1)
    for (re, im), values in zip(cases, found, strict=True):
        power, shift = log_mel.power_spectrum(re.astype(np.int64), im.astype(np.int64), tables)
        assert values[0] == shift
        assert np.array_equal(values[1:].view(np.uint32)[2 * tables.bins], power)


def test_bands(steps):
    config, program = steps
    tables = config.tables()
    rng = np.random.default_rng(3)
    content, expected = [], []
    for bits in range(33):
        for sparse in (False, True):
            power = np.minimum(rng.integers(0, 2**bits, len(tables.bins), endpoint=True), 2**31 + 33)
            if sparse:
                power *= rng.random(len(power)) < 0.05
            powers = np.zeros(2 * config.n_fft, "<u4")
            powers[2 * tables.bins] = power
            for shift in (-3, 0, 11, 28):
                content.append(asked(2, shift, powers))
                expected.append(log_mel.quantize_energy(log_mel.band_energies(power, tables), np.array(shift), tables))
    found = np.frombuffer(program.run(b"".join(content)), np.int8).reshape(len(expected), -1)
    assert np.array_equal(found, np.array(expected))
    assert len(np.unique(found)) > 200
