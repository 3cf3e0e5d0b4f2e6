"""The library under flags that a user's build system may bring along."""

from __future__ import annotations

import functools
import re
import subprocess

import numpy as np
import pytest
from conftest import needs

from kws import codegen
from kws.boards.emulator import run_image
from kws.firmware import sources_dir
from kws.image.make import make_image

pytestmark = needs("make", "arm-none-eabi-gcc", "qemu-system-arm")


@pytest.mark.slow
def test_portable_c_on_request(tiny_model, tmp_path):
    """KWS_ARCH=0 is the way out for compilers and flags that the assembler does not suit: none is left."""
    codegen.export(tiny_model, tmp_path / "model")
    settings = {"APP_FLAGS": "-DKWS_ARCH=0"}
    elf = make_image(tmp_path / "model", tmp_path / "build", "mps2_an386", "selftest", settings=settings)
    assert not naked_functions() & symbols(elf)
    assert "PASS" in run_image(elf, np.zeros(0, np.int16))


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4", "cortex-m55"])
def test_a_strict_build_without_a_library(core, tmp_path):
    """Warnings that a product's build may make errors, and what docs/packages.md says that a program has to bring."""
    sources = sorted((sources_dir() / "src").rglob("*.c"))
    floats = ["-mfloat-abi=hard"] if core == "cortex-m55" else []
    warnings = ["cast-qual", "cast-align=strict", "undef", "double-promotion", "missing-prototypes", "redundant-decls"]
    command = ["arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb", *floats, "-std=c99", "-Wall", "-Wextra", "-Wpedantic"]
    includes = [f"-I{sources_dir() / folder}" for folder in ("include", "src")]
    command += [
        "-Wconversion",
        *(f"-W{warning}" for warning in warnings),
        "-Werror",
        *includes,
        "-Os",
        "-ffreestanding",
        "-nostdlib",
        "-r",
    ]
    done = subprocess.run([*command, *map(str, sources), "-o", tmp_path / "all.o"], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    found = subprocess.run(["arm-none-eabi-nm", tmp_path / "all.o"], check=True, capture_output=True, text=True).stdout
    kinds = {line.split()[-1]: line.split()[-2] for line in found.splitlines()}
    assert not [name for name, kind in kinds.items() if kind in "DdBbC"], "state that spotters would share"
    # The generated files define those of kws, the compiler's own library those with underscores.
    wanted = {name for name, kind in kinds.items() if kind == "U" and not name.startswith("kws_")}
    assert {name for name in wanted if not name.startswith("__")} == {"memcpy", "memmove", "memset"}
    assert core == "cortex-m0" or len(wanted) == 3


BOARDS = ("microbit", "mps2_an386", "mps3_an547")
FLAGS = ("-fstack-protector-all", "-finstrument-functions", "--coverage")


@pytest.fixture(scope="module")
def exported(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flags")
    codegen.export(tiny_model, folder / "model")
    return folder


@pytest.fixture(scope="module")
def plain(exported):
    """What a board's functions are without a flag, each board compiled once."""
    return functools.cache(lambda board: objects(exported, board, "-DPLAIN"))


@pytest.mark.slow
# Each flag and each board with the fast tests; their other pairs with the slow ones.
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("flag", FLAGS)
def test_compilers_add_nothing_to_the_assembler(flag, board, exported, plain):
    """What came before the first instruction would destroy arguments and the caller's frame."""
    before, added = plain(board), objects(exported, board, flag)
    found = naked_functions() & before.keys()
    assert len(found) >= 2
    for name in found:
        assert added[name] == before[name], name


def naked_functions() -> set[str]:
    text = "".join(path.read_text() for path in (sources_dir() / "src/arch").glob("*.[ch]"))
    return set(re.findall(r"^KWS_NAKED(?:_EXTERN)? .*?(\w+)\(", text, re.MULTILINE))


def symbols(elf) -> set[str]:
    text = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in text.splitlines()}


def objects(folder, board: str, flags: str) -> dict[str, list[str]]:
    """The instructions of each function of the library."""
    build = folder / board / flags
    command = ["make", "-s", "-C", str(sources_dir()), "objects", f"MODEL={folder / 'model'}", f"BUILD={build}"]
    subprocess.run([*command, f"BOARD={board}", f"APP_FLAGS={flags}"], check=True, capture_output=True)
    files = sorted(build.glob("**/library/**/*.o"))
    done = subprocess.run(["arm-none-eabi-objdump", "-d", *files], capture_output=True, text=True, check=True)
    functions: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        if head := re.match(r"[0-9a-f]+ <(\w+)>:", line):
            functions[head[1]] = current = []
        elif "\t" in line:
            current.append(line.split("\t", 1)[1])
    return functions


def test_naked_functions_that_touch_memory_say_so():
    """Otherwise an optimiser may drop what a caller stores for them, or keep what it has read before."""
    functions = {}
    for path in (sources_dir() / "src/arch").glob("*.[ch]"):
        for name, body in re.findall(
            r"^KWS_NAKED(?:_EXTERN)? .*?(\w+)\(.*?\n\{\n(.*?)^\}", path.read_text(), re.MULTILINE | re.DOTALL
        ):
            functions[name] = body
    assert functions.keys() == naked_functions()
    in_registers = {name for name, body in functions.items() if not re.search(r'"(?:ldr|str|ldm|stm|vldr|push)', body)}
    assert in_registers == {"kws_wide_product"}
    for name in functions.keys() - in_registers:
        assert re.search(r':\s*"memory"\);$', functions[name].rstrip()), name
