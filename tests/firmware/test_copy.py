"""Copies of samples on the cores that have them in assembler: every length, alignment and distance."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from core_program import CoreProgram
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M0, UC_CPU_ARM_CORTEX_M4

from kws import firmware

PROGRAM = """
#include "arch/copy.h"
uint8_t memory[256] __attribute__((aligned(4)));
int32_t start(uint32_t to_and_from, uint32_t count);
int32_t start(uint32_t to_and_from, uint32_t count)
{
    kws_copy(memory + (to_and_from >> 16), memory + (to_and_from & 0xFFFFu), count);
    return 0;
}
"""


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("cpu", "model"), [("cortex-m0plus", UC_CPU_ARM_CORTEX_M0), ("cortex-m4", UC_CPU_ARM_CORTEX_M4)]
)
def test_copies(tmp_path, cpu, model):
    sources = [firmware.sources_dir() / "src/arch/copy.c"]
    program = CoreProgram(tmp_path, PROGRAM, sources, cpu, model, counts=False)
    before = np.random.default_rng(1).integers(0, 256, 256, np.uint8)
    for count in (0, 1, 2, 15, 16, 17, 31, 32, 48, 50, 80):
        # Apart, in either order, or to a place that lies before and overlaps.
        for to, source in [(0, 128), (128, 0), (2, 128), (128, 2), (6, 130), (0, 4), (0, 2), (4, 20), (8, 16), (3, 7)]:
            program.write("memory", before)
            program.call("start", to << 16 | source, count)
            expected = before.copy()
            expected[to : to + count] = before[source : source + count]
            assert np.array_equal(program.read("memory", np.uint8, 256), expected), (to, source, count)
    # Nine instructions a word are what it is there to save.
    counted = CoreProgram(tmp_path, PROGRAM, sources, cpu, model)
    counted.call("start", 128, 64)
    assert counted.instructions < 100
