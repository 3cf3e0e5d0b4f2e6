"""The decimator as compiled for the boards' cores, on Unicorn: the same samples, and how many instructions."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from core_program import CoreProgram
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M0, UC_CPU_ARM_CORTEX_M4

from kws import firmware
from kws.fixedpoint.decimator import Decimator

HOP_BYTES = 2560
PROGRAM = f"""
#include "kws/decimator.h"
kws_decimator decimator;
uint8_t pdm[{HOP_BYTES}];
int16_t pcm[{HOP_BYTES} / 8];
int32_t start(void);
int32_t hop(void);
int32_t start(void) {{ return kws_decimator_init(&decimator, 3); }}
int32_t hop(void) {{ return kws_decimator_process(&decimator, pdm, sizeof pdm, pcm, {HOP_BYTES} / 8); }}
"""


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("cpu", "model", "most"),
    [("cortex-m4", UC_CPU_ARM_CORTEX_M4, 95_000), ("cortex-m0plus", UC_CPU_ARM_CORTEX_M0, 220_000)],
)
def test_the_same_samples_within_the_stated_instructions(tmp_path, cpu, model, most):
    """`most` a hop of 20 ms, as docs/boards/ say."""
    program = CoreProgram(tmp_path, PROGRAM, [firmware.sources_dir() / "src/decimator.c"], cpu, model)
    twin = Decimator(3)
    assert program.call("start") == 0
    rng = np.random.default_rng(8)
    for pdm in (rng.integers(0, 256, HOP_BYTES), rng.choice([0, 255], HOP_BYTES), np.full(HOP_BYTES, 255)):
        samples = twin.process(pdm.astype(np.uint8))
        program.write("pdm", pdm.astype(np.uint8))
        assert program.call("hop") == HOP_BYTES // 8
        assert np.array_equal(program.read("pcm", np.int16, HOP_BYTES // 8), samples)
    print(f"{cpu}: {program.instructions} instructions a hop")
    assert program.instructions <= most
