"""The makefile for TensorFlow Lite Micro, as far as it goes without a checkout of it and without C++ for the board."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from conftest import needs

from kws import codegen
from kws.firmware import sources_dir

pytestmark = [pytest.mark.slow, needs("make", "arm-none-eabi-gcc")]

# In the place of the interpreter: the library takes memory, as code that is never reached may.
LIBRARY = """
#include <stdlib.h>
void *allocate(size_t size);
void *allocate(size_t size) { return malloc(size); }
"""
NETWORK = """
#include <stddef.h>
#include "kws/kws.h"
void *allocate(size_t size);
int32_t kws_network_reset(const kws_network *n, void *m) { return n && m && allocate(8) ? KWS_OK : -1; }
int32_t kws_network_run(const kws_network *n, void *m, const int8_t *x, const int8_t **y)
{
    *y = x;
    return n && m ? KWS_OK : -1;
}
"""


def run(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("place", [".", "tensorflow/lite/micro/tools/make"], ids=["today", "older"])
def test_the_library_is_found_and_linked(place, tiny_model, tmp_path):
    """All that is C is compiled; the library is where TFLM's makefile leaves it; a heap has a beginning."""
    checkout, out = tmp_path / "tflite-micro", tmp_path / "build/mps2_an386-tflm/selftest"
    folder = checkout / place / "gen/cortex_m_generic_cortex-m4_release_with_logs_gcc/lib"
    folder.mkdir(parents=True)
    makefile = checkout / "tensorflow/lite/micro/tools/make/Makefile"
    makefile.parent.mkdir(parents=True, exist_ok=True)
    makefile.touch()
    codegen.export(tiny_model, tmp_path / "model")
    for name, text in (("library", LIBRARY), ("network", NETWORK)):
        (tmp_path / f"{name}.c").write_text(text)
        flags = ["-mcpu=cortex-m4", "-mthumb", f"-I{sources_dir() / 'include'}"]
        run("arm-none-eabi-gcc", *flags, "-c", tmp_path / f"{name}.c", "-o", tmp_path / f"{name}.o")
    run("arm-none-eabi-ar", "rcs", folder / "libtensorflow-microlite.a", tmp_path / "library.o")
    make = ["make", "-C", sources_dir() / "tflm", f"TFLM_DIR={checkout}", f"MODEL={tmp_path / 'model'}"]
    make += [f"BUILD={tmp_path / 'build'}", "APP=selftest"]
    run(*make, "kws-objects")
    planned = run(*make, "-n", "image").replace("\\\n", " ").splitlines()
    (link,) = [line for line in planned if "libtensorflow-microlite.a" in line]
    (tmp_path / "network.o").rename(out / "network.o")
    command = shlex.split(link.replace("arm-none-eabi-g++", "arm-none-eabi-gcc"))
    run(*command)
    symbols = dict(reversed(line.split()[0::2]) for line in run("arm-none-eabi-nm", f"{out}.elf").splitlines())
    assert symbols["end"] == symbols["board_bss_end"]
