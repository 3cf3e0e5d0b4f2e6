"""Building the firmware: every app, without warnings, floating point or allocation, and its size."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import mostly_slow, needs

from kws import codegen
from kws.boards.emulator import run_image
from kws.errors import KwsError
from kws.firmware import library_files, sources_dir
from kws.image.make import make_host_library, make_image
from kws.image.size import EXCEPTION_FRAME_BYTES, size_report
from kws.tools import missing_tools

BOARD = "mps2_an386"
pytestmark = needs("make", "arm-none-eabi-gcc")
needs_qemu = needs("qemu-system-arm")
needs_cc = needs("cc")


@pytest.fixture(scope="module")
def exported(tiny_model, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    codegen.export(tiny_model, out)
    return out


@pytest.fixture(scope="module")
def exported_bare(bare_model, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("bare")
    codegen.export(bare_model, out)
    return out


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("build")


@pytest.fixture(scope="module")
def images(exported, build) -> dict[str, Path]:
    return {app: make_image(exported, build, BOARD, app) for app in ("spotter", "selftest", "link")}


def disassembly(elf: Path) -> str:
    command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(elf)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(*arguments: str) -> set[str]:
    done = subprocess.run(["arm-none-eabi-nm", *arguments], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in done.stdout.splitlines() if line and not line.endswith(":")}


def test_apps_build(images):
    assert all(elf.is_file() for elf in images.values())


@pytest.mark.parametrize("app", ["selftest", "link"])
def test_apps_of_a_bare_network_build(exported_bare, tmp_path, app):
    assert make_image(exported_bare, tmp_path, BOARD, app).is_file()


def test_spotter_of_a_bare_network_is_refused(exported_bare, tmp_path):
    with pytest.raises(KwsError, match="bare network, which cannot hear"):
        make_image(exported_bare, tmp_path, BOARD, "spotter")


def test_no_floating_point(images):
    for elf in images.values():
        assert not re.findall(r"\t(v[a-z]+\S*|[f][a-z]+[sd])\t", disassembly(elf))
        helpers = [s for s in symbols(str(elf)) if re.match(r"__aeabi_([fd]|\w*2[fd]$)|__\w+[sd]f\d?$", s)]
        assert helpers == []


def test_nothing_is_allocated_or_printed(images):
    banned = {"malloc", "calloc", "realloc", "free", "_malloc_r", "_sbrk", "sbrk", "printf", "abort", "exit"}
    for elf in images.values():
        assert not banned & symbols(str(elf))


def test_the_makefile_and_python_mean_the_same_library(exported, tmp_path, monkeypatch):
    """Files in folders of their own included; what belongs to no library is not below ``src``."""
    copy = tmp_path / "firmware"
    shutil.copytree(sources_dir(), copy)
    (copy / "src/brand/new").mkdir(parents=True)
    (copy / "src/brand/new/file.c").touch()
    (copy / "src/brand/new/file.h").touch()
    monkeypatch.setattr("kws.firmware.sources_dir", lambda: copy)
    command = ["make", "-s", "-f", str(copy / "Makefile"), "--eval", "list: ; @echo $(LIBRARY_SOURCES)", "list"]
    done = subprocess.run(
        [*command, f"MODEL={exported}", f"BUILD={tmp_path}"], capture_output=True, text=True, check=True
    )
    listed = {Path(name).relative_to(copy).as_posix() for name in done.stdout.split()}
    assert listed == {name for name in library_files() if name.endswith(".c")}
    assert listed >= {"src/brand/new/file.c", "src/spotter.c"}
    assert "src/brand/new/file.h" in library_files()


def test_library_needs_memcpy_memmove_memset_and_nothing_else(images):
    objects = [str(o) for o in images["spotter"].with_suffix("").glob("library/**/*.o")]
    assert objects
    # The model has a function of its own: it calls its layers.
    objects.append(str(images["spotter"].with_suffix("") / "model/kws_model.o"))
    missing = symbols("--undefined-only", *objects) - symbols("--defined-only", *objects)
    assert missing <= {"memcpy", "memmove", "memset"}


def test_size_report(images, build, tiny_model):
    report = size_report(images["spotter"])
    parts = {part.name: part for part in report.parts}
    network = tiny_model.network
    weights = sum(
        g.input_weights.size + g.recurrent_weights.size + 8 * len(g.bias)
        for layer in network.layers[:2]
        for g in layer.kernel.gates
    )
    dense = 4 * -(-network.output_size // 4) * (network.layers[2].kernel.inputs + 4)
    assert parts["model weights"].flash == weights + dense + 4 * len(network.layers[3].kernel.exponentials)
    assert parts["library"].ram == 0
    assert 2000 < parts["library"].flash < 10000
    assert "test vectors" not in parts
    assert 0 <= report.flash - sum(p.flash for p in report.parts) < 64
    assert 0 <= report.ram - sum(p.ram for p in report.parts) < 64
    assert report.unbounded == ()
    assert report.stack == sum(frame for _, frame in report.stack_path)
    assert report.stack_path[0][0] == "board_reset"
    assert 100 < report.library_stack < report.stack
    assert report.stack + EXCEPTION_FRAME_BYTES < report.stack_reserve


def test_size_report_tells_of_calls_through_pointers(images, build):
    report = size_report(images["link"])
    assert report.unbounded
    assert all("calls through a pointer" in reason for reason in report.unbounded)


def with_app(tmp_path: Path, source: str) -> Path:
    """A copy of the firmware with another app, ``probe``."""
    copy = tmp_path / "firmware"
    shutil.copytree(sources_dir(), copy)
    (copy / "apps" / "probe").mkdir()
    (copy / "apps" / "probe" / "main.c").write_text(source)
    (copy / "apps" / "probe" / "app.mk").write_text("APP_NEEDS_VECTORS := 1\n")
    return copy


PAINT = r"""
#include "board.h"
#include "kws/kws.h"
#include "kws_model.h"
#include "kws_vectors.h"
#include "../require.h"
#include "../text.h"
extern uint32_t board_stack_bottom[], board_stack_top[];
int main(void)
{
    static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
    volatile uint32_t here = 0;
    const uintptr_t limit = (uintptr_t)&here - 256u;
    for (volatile uint32_t *p = board_stack_bottom; (uintptr_t)p < limit; p++) *p = 0xDEADBEEFu;
    kws_spotter *spotter;
    require(kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory));
    for (size_t used = 0; used < KWS_VECTORS_SAMPLES;) {
        kws_result result;
        used += require(kws_spotter_process(spotter, kws_vectors_pcm + used, KWS_VECTORS_SAMPLES - used, &result));
    }
    volatile uint32_t *p = board_stack_bottom;
    while (*p == 0xDEADBEEFu) p++;
    text line = {.length = 0};
    text_unsigned(&line, (uintptr_t)board_stack_top - (uintptr_t)p, 1);
    text_end(&line);
    return 0;
}
"""

RECURSION = r"""
#include "board.h"
static int depth(volatile int *n) { return (*n)-- > 0 ? depth(n) + *n : 0; }
int main(void) { volatile int n = 3; return depth(&n); }
"""


COUNT = r"""
#include "board.h"
#include "../text.h"
int main(void)
{
    uint32_t n = 100000;
    const uint32_t before = board_ticks();
    __asm volatile("1: subs %0, #1\n bne 1b" : "+r"(n) : : "cc");
    const uint32_t ticks = board_ticks() - before;
    text line = {.length = 0};
    text_unsigned(&line, ticks, 1);
    text_end(&line);
    return 0;
}
"""


@needs_qemu
def test_a_tick_is_40_instructions(exported, tmp_path, monkeypatch):
    copy = with_app(tmp_path, COUNT)
    monkeypatch.setattr("kws.firmware.sources_dir", lambda: copy)
    elf = make_image(exported, tmp_path / "build", BOARD, "probe")
    assert int(run_image(elf, np.zeros(0, np.int16))) == pytest.approx(200000 / 40, abs=1)


@needs_qemu
def test_stack_bound_holds_on_a_painted_stack(exported, tmp_path, monkeypatch):
    copy = with_app(tmp_path, PAINT)
    monkeypatch.setattr("kws.firmware.sources_dir", lambda: copy)
    elf = make_image(exported, tmp_path / "build", BOARD, "probe")
    deepest = int(run_image(elf, np.zeros(0, np.int16)))
    report = size_report(elf)
    assert report.unbounded == ()
    assert report.library_stack < deepest <= report.stack


@pytest.mark.slow
def test_recursion_is_told(exported, tmp_path, monkeypatch):
    copy = with_app(tmp_path, RECURSION)
    monkeypatch.setattr("kws.firmware.sources_dir", lambda: copy)
    report = size_report(make_image(exported, tmp_path / "build", BOARD, "probe"))
    assert any("recursive" in reason for reason in report.unbounded)


@pytest.mark.slow
def test_sources_are_not_written_to(exported, tmp_path, monkeypatch):
    copy = tmp_path / "firmware"
    shutil.copytree(sources_dir(), copy)
    monkeypatch.setattr("kws.firmware.sources_dir", lambda: copy)

    def state():
        return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in (*copy.rglob("*"), *exported.rglob("*"))}

    before = state()
    make_image(exported, tmp_path / "build", BOARD, "selftest")
    assert state() == before


@pytest.mark.slow
def test_rebuild_follows_what_changed(exported, exported_bare, tmp_path, monkeypatch):
    copy = tmp_path / "firmware"
    shutil.copytree(sources_dir(), copy)
    monkeypatch.setattr("kws.firmware.sources_dir", lambda: copy)

    def build() -> dict[str, int]:
        elf = make_image(exported, tmp_path / "build", BOARD, "selftest")
        return {p.name: p.stat().st_mtime_ns for p in [elf, *elf.with_suffix("").rglob("*.o")]}

    first = build()
    assert build() == first
    (copy / "src/layers/softmax.c").write_text((copy / "src/layers/softmax.c").read_text() + "\n")
    second = build()
    assert {name for name in first if first[name] != second[name]} == {"softmax.o", "selftest.elf"}
    header = copy / "include" / "kws" / "model.h"
    header.write_text(header.read_text() + "\n")
    third = build()
    assert third["lstm.o"] != second["lstm.o"]
    # Files of another model may be older than the objects; the model's folder decides.
    other = make_image(exported_bare, tmp_path / "build", BOARD, "selftest")
    assert b" calls, " in other.read_bytes()


@needs_cc
@pytest.mark.parametrize("sanitize", mostly_slow([False, True]))
def test_host_library_builds(exported, tmp_path, sanitize):
    assert make_host_library(exported, tmp_path, sanitize).is_file()


@needs_cc
@pytest.mark.parametrize("model", mostly_slow(["exported", "exported_bare"]))
def test_make_check(model, tmp_path, request):
    command = ["make", "-s", "-f", str(sources_dir() / "Makefile"), "check"]
    command += [f"MODEL={request.getfixturevalue(model)}", f"BUILD={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compiler_errors_are_quoted(exported, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(exported, broken)
    (broken / "kws_model.c").write_text("this is not C\n")
    with pytest.raises(KwsError, match=r"building image from .* failed") as raised:
        make_image(broken, tmp_path / "build", BOARD, "spotter")
    assert "kws_model.c:1" in str(raised.value)


@pytest.mark.parametrize(("board", "app", "message"), [("toaster", "link", "no board"), (BOARD, "toast", "no app")])
def test_unknown_names_are_refused(exported, tmp_path, board, app, message):
    with pytest.raises(KwsError, match=message):
        make_image(exported, tmp_path, board, app)


def test_paths_that_make_cannot_take_are_refused(exported, tmp_path):
    assert make_image(exported, tmp_path / "a b", BOARD, "link").is_file()
    shutil.copytree(exported, tmp_path / "c d")
    with pytest.raises(KwsError, match="path without spaces"):
        make_image(tmp_path / "c d", tmp_path / "build", BOARD, "link")


def test_missing_export_is_told(tmp_path):
    with pytest.raises(KwsError, match=r"no kws_model\.c"):
        make_image(tmp_path, tmp_path / "build", BOARD, "link")


def test_missing_programs_are_named(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    arm = {f"arm-none-eabi-{name}" for name in ("gcc", "objcopy", "objdump", "size")}
    assert set(missing_tools()) == {"make", "cc", "qemu-system-arm", "clang", "wasm-ld", *arm}
    with pytest.raises(KwsError, match=r"arm-none-eabi-gcc .*apt install gcc-arm-none-eabi"):
        make_image(exported, tmp_path, BOARD, "link")
