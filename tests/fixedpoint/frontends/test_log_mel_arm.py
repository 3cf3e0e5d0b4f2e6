"""FRONT/4 and FRONT/5 as the cores' assembler has them, on Unicorn, to the last bit, which features do not show."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from core_program import CoreProgram
from random_models import spotting_model
from test_log_mel_c import CONFIGS, interleaved, spectra
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M0, UC_CPU_ARM_CORTEX_M3, UC_CPU_ARM_CORTEX_M4

from kws import codegen, firmware
from kws.fixedpoint.frontends import log_mel

PROGRAM = """
#include "frontends/fft.c"
#undef WINDOW_SHIFT
#include "frontends/log_mel.c"
#include "kws_model.c"
int32_t spectrum[KWS_MODEL_N_FFT];
int32_t start(void);
int32_t start(void) { return power_spectrum(&log_mel, spectrum); }
"""


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("cpu", "model"),
    [
        ("cortex-m0plus", UC_CPU_ARM_CORTEX_M0),
        ("cortex-m3", UC_CPU_ARM_CORTEX_M3),
        ("cortex-m4", UC_CPU_ARM_CORTEX_M4),
    ],
)
def test_powers(tmp_path, cpu, model):
    config = CONFIGS["256"]
    codegen.export(spotting_model(1, units=(4,), frontend=config), tmp_path)
    sources = firmware.sources_dir()
    others = [path for path in sources.glob("src/**/*.c") if path.name not in ("fft.c", "log_mel.c")]
    program = CoreProgram(tmp_path, PROGRAM, others, cpu, model, includes=[tmp_path])
    tables = config.tables()
    for re, im in spectra(config):
        power, shift = log_mel.power_spectrum(re.astype(np.int64), im.astype(np.int64), tables)
        program.write("spectrum", interleaved(re, im))
        assert program.call("start") == int(shift) % 2**32
        found = program.read("spectrum", np.uint32, config.n_fft)
        assert np.array_equal(found[2 * tables.bins], power)
