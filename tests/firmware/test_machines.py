"""The self-test on machines of other byte orders and widths, which no board of ours has."""

from __future__ import annotations

import subprocess

import pytest
from conftest import needs
from random_models import bare_model

from kws import codegen, firmware

pytestmark = pytest.mark.slow

BOARD = """
#include <stdio.h>
#include <stdlib.h>
#include "board.h"
void board_write(const void *data, size_t count) { fwrite(data, 1, count, stdout); }
void board_exit(int status) { exit(status); }
"""

MACHINES = {
    "mips, big-endian, 32 bits": ("mips-linux-gnu-gcc", ("-static",), ("qemu-mips",)),
    "s390x, big-endian, 64 bits": ("s390x-linux-gnu-gcc", ("-static",), ("qemu-s390x",)),
    "riscv, 32 bits": (
        "riscv64-unknown-elf-gcc",
        ("-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted"),
        (),
    ),
}
_PICOLIBC = "__flash=0x80000000 __flash_size=0x00200000 __ram=0x80200000 __ram_size=0x00200000 __stack_size=0x2000"
_VIRT = "qemu-system-riscv32 -M virt -bios none -display none -monitor none -serial none -semihosting-config"


@pytest.mark.parametrize(
    ("compiler", "flags", "emulator"),
    [
        pytest.param(compiler, flags, emulator, id=name, marks=needs(compiler, *emulator or ("qemu-system-riscv32",)))
        for name, (compiler, flags, emulator) in MACHINES.items()
    ],
)
@pytest.mark.parametrize("kind", ["spotter", "network"])
def test_self_test_passes(compiler, flags, emulator, kind, tiny_model, tmp_path):
    codegen.export(tiny_model if kind == "spotter" else bare_model(3, units=(16,), steps=5, head="last"), tmp_path)
    (tmp_path / "board.c").write_text(BOARD)
    library = firmware.sources_dir()
    sources = [tmp_path / "board.c", tmp_path / "kws_model.c", tmp_path / "kws_vectors.c"]
    sources += [library / "apps/selftest/main.c", *sorted(library.glob("src/**/*.c"))]
    folders = [f"-I{path}" for path in (library / "include", library / "boards", tmp_path)]
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
    elf = tmp_path / "selftest"
    command = [compiler, "-std=c99", "-O2", *warnings, *flags, *folders, *sources, "-o", elf]
    if emulator:
        run = [*emulator, elf]
    else:
        command += [f"-Wl,--defsym={symbol}" for symbol in _PICOLIBC.split()]
        run = [*_VIRT.split(), "enable=on,target=native", "-kernel", elf]
    subprocess.run(command, check=True)
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    unit = "24 frames" if kind == "spotter" else "16 calls"
    said = (done.stdout + done.stderr).strip()  # QEMU writes a system's console to standard error
    assert (said, done.returncode) == (f"selftest: {unit}, 0 differences: PASS", 0)
