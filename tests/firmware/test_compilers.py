"""Two compilers compute the same on emulated cores, at the levels of optimisation that users choose."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from conftest import needs
from firmware.test_depthwise_tiles import model_of
from random_layers import convolutions

from kws import codegen
from kws.boards.emulator import run_image
from kws.image.make import make_image

pytestmark = [pytest.mark.slow, needs("make", "arm-none-eabi-gcc", "qemu-system-arm")]

clang = pytest.mark.skipif(shutil.which("clang") is None, reason="not installed: clang")
each_compiler = pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=clang)])


@each_compiler
@pytest.mark.parametrize("board", ["microbit", "mps2_an385", "mps2_an386", "mps3_an547"])
@pytest.mark.parametrize("level", ["-Os", "-O3"])
def test_self_test_passes(compiler, board, level, tiny_model, tmp_path):
    """LLVM 14 once computed other values than GCC for Helium: that a compiler takes the sources proves little."""
    codegen.export(tiny_model, tmp_path / "model")
    settings = {"COMPILER": compiler, "OPTIMIZE": level}
    elf = make_image(tmp_path / "model", tmp_path / "build", board, "selftest", settings=settings)
    command = (tmp_path / "build" / board / "selftest" / "command").read_text()
    assert ("clang" in command) == (compiler == "clang")
    assert level in command
    assert run_image(elf, np.zeros(0, np.int16), board=board).strip() == "selftest: 24 frames, 0 differences: PASS"


@each_compiler
@pytest.mark.parametrize("board", ["mps2_an386", "mps3_an547"])
def test_convolutions_pass_theirs(compiler, board, tmp_path):
    """A depthwise convolution in tiles, and one whose patch is gathered."""
    network = model_of(21, (5, 3))
    for number, model in enumerate((network, convolutions(23, 6, 9).model)):
        folder = tmp_path / str(number)
        codegen.export(model, folder / "model")
        elf = make_image(folder / "model", folder / "build", board, "selftest", settings={"COMPILER": compiler})
        assert run_image(elf, np.zeros(0, np.int16), board=board).strip().endswith(" 0 differences: PASS")


@each_compiler
def test_every_app_compiles(compiler, tiny_model, tmp_path):
    """With the flags of the shipped images, warnings being errors."""
    codegen.export(tiny_model, tmp_path / "model")
    for app in ("spotter", "link", "benchmark"):
        settings = {"COMPILER": compiler}
        assert make_image(tmp_path / "model", tmp_path / "build", "mps3_an547", app, settings=settings).is_file()
