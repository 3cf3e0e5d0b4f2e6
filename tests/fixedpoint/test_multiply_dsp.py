"""ROUND and RSHIFT as the Cortex-M4's instructions have them, on Unicorn, at ties, which no network meets often."""

from __future__ import annotations

import struct

import numpy as np
from conftest import needs
from core_program import CoreProgram
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M4

from kws.fixedpoint.arithmetic import Factor, multiply

COUNT = 512
PROGRAM = f"""
#include "arithmetic.h"
kws_factor factor;
int32_t values[{COUNT}];
int32_t start(void);
int32_t start(void)
{{
    const kws_dsp_factor prepared = kws_dsp_factor_of(&factor);
    for (uint32_t i = 0; i < {COUNT}u; i++) {{
        values[i] = kws_dsp_multiply(values[i], &prepared);
    }}
    return 0;
}}
"""


@needs("arm-none-eabi-gcc")
def test_multiply(tmp_path):
    program = CoreProgram(tmp_path, PROGRAM, [], "cortex-m4", UC_CPU_ARM_CORTEX_M4)
    rng = np.random.default_rng(1)
    for shift in (-22, -9, -2, -1, 0, 3):
        for value in (2**30, 1518500250, 2**31 - 1):
            factor = Factor(value, shift)
            halves = np.arange(-COUNT // 8, COUNT // 8) * 2 ** max(-shift, 1)
            some = rng.integers(-(2**23), 2**23, COUNT - 3 * len(halves))
            x = np.concatenate([halves - 1, halves, halves + 1, some])
            program.write("values", x.astype("<i4"))
            content = struct.pack("<iBB", value, factor.left_shift, factor.right_shift)
            program.write("factor", np.frombuffer(content, np.uint8))
            program.call("start")
            expected = multiply(x, factor)
            assert np.array_equal(program.read("values", np.int32, COUNT), expected), (value, shift)
