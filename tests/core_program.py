"""A few of the library's functions, compiled for a board's core and called on Unicorn."""

from __future__ import annotations

import subprocess

import numpy as np
from simulator.image import read_image
from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_SP

from kws import firmware

FLASH, RAM, END = 0x10000, 0x20000000, 0x30000000
_BYTES = 0x20000


class CoreProgram:
    """A program without an operating system or a start-up, linked for one core.

    Args:
        folder: where to build.
        text: the program in C.
        sources: other files of C to compile with it.
        cpu: the core, as the compiler calls it.
        model: the core, as Unicorn calls it.
        includes: folders of headers beside the library's.
        counts: whether calls are to count their instructions, which takes a thousand times as long.
    """

    def __init__(self, folder, text, sources, cpu, model, includes=(), counts=True):
        (folder / "program.c").write_text(text)
        library = firmware.sources_dir()
        flags = [f"-mcpu={cpu}", "-mthumb", "-std=c99", "-O2", "-ffreestanding", "-nostartfiles", "--specs=nano.specs"]
        folders = [f"-I{path}" for path in (library / "include", library / "src", *includes)]
        places = [f"-Wl,-Ttext={FLASH:#x},-Tdata={RAM:#x},--entry=start"]
        files = [folder / "program.c", *sources, "-o", folder / "program.elf"]
        subprocess.run(["arm-none-eabi-gcc", *flags, *folders, *places, *files], check=True)
        names = subprocess.run(
            ["arm-none-eabi-nm", folder / "program.elf"], check=True, capture_output=True, text=True
        ).stdout
        fields = [line.split() for line in names.splitlines()]
        self.symbols = {f[2]: int(f[0], 16) for f in fields if len(f) == 3}
        self.unicorn = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.unicorn.ctl_set_cpu_model(model)
        for base in (FLASH, RAM, END):
            self.unicorn.mem_map(base, _BYTES)
        for address, data in read_image(folder / "program.elf"):
            if address >= FLASH:
                self.unicorn.mem_write(address, data)
        self.instructions = 0
        if counts:
            self.unicorn.hook_add(UC_HOOK_CODE, self._count)

    def _count(self, *_):
        self.instructions += 1

    def call(self, name, *arguments):
        """What the function returns, as a number without sign; :attr:`instructions` are those that it took."""
        self.unicorn.reg_write(UC_ARM_REG_SP, RAM + _BYTES - 0x100)
        self.unicorn.reg_write(UC_ARM_REG_LR, END | 1)
        for register, value in zip((UC_ARM_REG_R0, UC_ARM_REG_R1), arguments, strict=False):
            self.unicorn.reg_write(register, value)
        self.instructions = 0
        self.unicorn.emu_start(self.symbols[name] | 1, END)
        return self.unicorn.reg_read(UC_ARM_REG_R0)

    def write(self, name, values):
        """Put an array's bytes where a variable lies."""
        self.unicorn.mem_write(self.symbols[name], np.ascontiguousarray(values).tobytes())

    def read(self, name, dtype, count):
        """A variable's values."""
        return np.frombuffer(self.unicorn.mem_read(self.symbols[name], count * np.dtype(dtype).itemsize), dtype)
