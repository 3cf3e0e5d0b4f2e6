"""The front end as the cores' assembler has it, on Unicorn, to the last bit, which features do not show."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import mostly_slow, needs
from core_program import CoreProgram
from random_models import spotting_model
from test_log_mel_c import CONFIGS, interleaved, spectra
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M0, UC_CPU_ARM_CORTEX_M3, UC_CPU_ARM_CORTEX_M4

from kws import codegen, firmware
from kws.config import LogMelConfig
from kws.fixedpoint.frontends import log_mel
from kws.verify.inputs import corner_signals, random_signal

PROGRAM = """
#include "frontends/fft.c"
#undef WINDOW_SHIFT
#include "frontends/log_mel.c"
#include "kws_model.c"
int32_t spectrum[KWS_MODEL_N_FFT];
int16_t pcm[KWS_MODEL_N_FFT];
int8_t features[128];
int32_t start(void);
int32_t start(void) { return power_spectrum(&log_mel, spectrum); }
int32_t fft(void);
int32_t fft(void) { kws_windowed_fft(&log_mel, pcm, spectrum); return 0; }
int32_t bands(int32_t shift);
int32_t bands(int32_t shift)
{
    const int32_t scale = log_mel.log_offset + 2 * shift * 65536;
    mel_bands(&log_mel, spectrum, STEPS_PER_OCTAVE * scale - (1 << 15), features);
    return 0;
}
"""

CORES = {
    "cortex-m0plus": UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": UC_CPU_ARM_CORTEX_M4,
}


def program_of(config, cpu, folder):
    """A front end's steps for a core."""
    codegen.export(spotting_model(1, units=(4,), frontend=config), folder)
    sources = firmware.sources_dir()
    others = [path for path in sources.glob("src/**/*.c") if path.name not in ("fft.c", "log_mel.c")]
    return CoreProgram(folder, PROGRAM, others, cpu, CORES[cpu], includes=[folder], counts=False)


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize("cpu", mostly_slow([*reversed(CORES)]))
def test_powers(tmp_path, cpu):
    """FRONT/4 and FRONT/5."""
    config = CONFIGS["256"]
    program = program_of(config, cpu, tmp_path)
    tables = config.tables()
    for re, im in spectra(config):
        power, shift = log_mel.power_spectrum(re.astype(np.int64), im.astype(np.int64), tables)
        program.write("spectrum", interleaved(re, im))
        assert program.call("start") == int(shift) % 2**32
        found = program.read("spectrum", np.uint32, config.n_fft)
        assert np.array_equal(found[2 * tables.bins], power)


SHORT = LogMelConfig(window_ms=10, hop_ms=10, low_hz=100, bands=20)


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("name", "cpu"),
    [
        ("256", "cortex-m4"),
        pytest.param("512", "cortex-m3", marks=pytest.mark.slow),
        pytest.param("512, the widest", "cortex-m4", marks=pytest.mark.slow),
        pytest.param("512, short", "cortex-m4", marks=pytest.mark.slow),
        pytest.param("1024", "cortex-m3", marks=pytest.mark.slow),
    ],
)
def test_windowed_fft_and_bands(tmp_path, name, cpu):
    """FRONT/2 and FRONT/3, windows with and without zeros behind them, all radices; FRONT/6 to FRONT/8."""
    config = SHORT if name == "512, short" else CONFIGS[name]
    program = program_of(config, cpu, tmp_path)
    rng = np.random.default_rng(1)
    for label, pcm in [*corner_signals(config.window), *(random_signal(rng, config.window) for _ in range(8))]:
        program.write("pcm", np.pad(pcm, (0, config.n_fft - config.window)).astype(np.int16))
        program.call("fft")
        found = program.read("spectrum", np.int32, config.n_fft)
        assert np.array_equal(found, interleaved(*log_mel.windowed_fft(pcm, config.tables()))), label

    tables = config.tables()
    for bits in range(0, 33):
        for sparse in (False, True):
            power = np.minimum(rng.integers(0, 2**bits, len(tables.bins), endpoint=True), 2**31 + 33)
            if sparse:
                power *= rng.random(len(power)) < 0.05
            powers = np.zeros(config.n_fft, np.uint32)
            powers[2 * tables.bins] = power
            energy = log_mel.band_energies(power, tables)
            for shift in (0, 11, 28):
                program.write("spectrum", powers)
                program.call("bands", shift)
                found = program.read("features", np.int8, config.bands)
                assert np.array_equal(found, log_mel.quantize_energy(energy, np.array(shift), tables))
