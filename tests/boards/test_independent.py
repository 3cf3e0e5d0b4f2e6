"""Images on emulators that nobody here wrote, beside the simulator, whose peripherals are written as the firmware is.

What these lack is said in docs/boards/rp2040.md and docs/boards/stm32f407.md.
"""

from __future__ import annotations

import json
import select
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import needs
from pdm_boards import expected, hear, image, lively_model

from kws.boards import find
from kws.image.build import build

_RP2040JS = Path(__file__).parent / "rp2040js"
_BIT_RATE = 125e6 / 122

needs_rp2040js = pytest.mark.skipif(
    not (_RP2040JS / "node_modules/rp2040js").is_dir(),
    reason="not installed: rp2040js (tools/setup.sh, or npm install)",
)


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "node")
@needs_rp2040js
def test_a_pico_hears_what_the_host_hears(tmp_path, speech):
    """From the boot loader's second stage on, with sound through PIO and DMA; what the UART sends is the same text."""
    model = lively_model()
    bits = hear(speech, _BIT_RATE)
    bits = bits[: len(bits) // 3]
    build(model, find("rp2040"), "spotter", tmp_path)
    (tmp_path / "bits").write_bytes(np.asarray(bits, np.uint8).tobytes())
    command = ["node", "rp2040.mjs", tmp_path / "spotter.uf2", tmp_path / "bits", "4"]
    done = subprocess.run(command, cwd=_RP2040JS, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["model"] == model.id
    found = expected(model, bits)
    assert found
    assert [line for line in lines if "word" in line] == found
    assert not [line for line in lines if "error" in line or "overruns" in line]


def first_lines(elf: Path, count: int) -> list[str]:
    """The first lines that an image sends on its UART, on QEMU's Netduino Plus 2."""
    command = ["qemu-system-arm", "-M", "netduinoplus2", "-display", "none", "-monitor", "none"]
    command += ["-serial", "null", "-serial", "stdio", "-kernel", str(elf)]
    received = b""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as qemu:
        deadline = time.monotonic() + 120
        while received.count(b"\n") < count and time.monotonic() < deadline:
            if select.select([qemu.stdout], [], [], 1)[0]:
                received += qemu.stdout.read1(4096)
        qemu.kill()
    return received.decode().splitlines()[:count]


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
def test_an_stm32f405_computes_what_the_host_computes(tmp_path):
    elf = image(lively_model(), tmp_path, "stm32f407", "selftest")
    assert first_lines(elf, 1) == ["selftest: 24 frames, 0 differences: PASS"]


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
def test_an_stm32f405_without_a_crystal_says_so(tmp_path):
    """QEMU has no clock control: the oscillator never starts, and the image goes on at 16 MHz to tell of it."""
    model = lively_model()
    hello, error = map(json.loads, first_lines(image(model, tmp_path, "stm32f407"), 2))
    assert hello["model"] == model.id
    assert error == {"error": "BOARD_ERROR_CLOCK"}
