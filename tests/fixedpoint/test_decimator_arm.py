"""The decimator as compiled for the boards' cores, on Unicorn: the same samples, and how many instructions."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from conftest import needs
from simulator.image import read_image
from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import (
    UC_ARM_REG_LR,
    UC_ARM_REG_R0,
    UC_ARM_REG_SP,
    UC_CPU_ARM_CORTEX_M0,
    UC_CPU_ARM_CORTEX_M4,
)

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
FLASH, RAM, END = 0x10000, 0x20000000, 0x30000000


class Program:
    """The decimator alone, linked for one core."""

    def __init__(self, folder, cpu, model):
        (folder / "program.c").write_text(PROGRAM)
        sources = firmware.sources_dir()
        flags = [f"-mcpu={cpu}", "-mthumb", "-std=c99", "-O2", "-ffreestanding", "-nostartfiles", "--specs=nano.specs"]
        includes = [f"-I{sources / 'include'}", f"-I{sources / 'src'}"]
        places = [f"-Wl,-Ttext={FLASH:#x},-Tdata={RAM:#x},--entry=start"]
        files = [folder / "program.c", sources / "src" / "decimator.c", "-o", folder / "program.elf"]
        subprocess.run(["arm-none-eabi-gcc", *flags, *includes, *places, *files], check=True)
        names = subprocess.run(
            ["arm-none-eabi-nm", folder / "program.elf"], check=True, capture_output=True, text=True
        ).stdout
        fields = [line.split() for line in names.splitlines()]
        self.symbols = {f[2]: int(f[0], 16) for f in fields if len(f) == 3}
        self.unicorn = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.unicorn.ctl_set_cpu_model(model)
        for base in (FLASH, RAM, END):
            self.unicorn.mem_map(base, 0x10000)
        for address, data in read_image(folder / "program.elf"):
            if address >= FLASH:
                self.unicorn.mem_write(address, data)
        self.instructions = 0
        self.unicorn.hook_add(UC_HOOK_CODE, self._count)

    def _count(self, *_):
        self.instructions += 1

    def call(self, name):
        self.unicorn.reg_write(UC_ARM_REG_SP, RAM + 0xFF00)
        self.unicorn.reg_write(UC_ARM_REG_LR, END | 1)
        self.instructions = 0
        self.unicorn.emu_start(self.symbols[name] | 1, END)
        return self.unicorn.reg_read(UC_ARM_REG_R0)

    def hop(self, pdm):
        self.unicorn.mem_write(self.symbols["pdm"], pdm.tobytes())
        assert self.call("hop") == HOP_BYTES // 8
        return np.frombuffer(self.unicorn.mem_read(self.symbols["pcm"], HOP_BYTES // 4), np.int16)


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("cpu", "model", "most"),
    [("cortex-m4", UC_CPU_ARM_CORTEX_M4, 95_000), ("cortex-m0plus", UC_CPU_ARM_CORTEX_M0, 220_000)],
)
def test_the_same_samples_within_the_stated_instructions(tmp_path, cpu, model, most):
    """`most` a hop of 20 ms, as docs/boards/ say."""
    program, twin = Program(tmp_path, cpu, model), Decimator(3)
    assert program.call("start") == 0
    rng = np.random.default_rng(8)
    for pdm in (rng.integers(0, 256, HOP_BYTES), rng.choice([0, 255], HOP_BYTES), np.full(HOP_BYTES, 255)):
        samples = twin.process(pdm.astype(np.uint8))
        assert np.array_equal(program.hop(pdm.astype(np.uint8)), samples)
    print(f"{cpu}: {program.instructions} instructions a hop")
    assert program.instructions <= most
