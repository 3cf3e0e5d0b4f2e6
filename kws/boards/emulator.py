"""Booting a board's image in QEMU."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.boards import find_emulated
from kws.errors import KwsError
from kws.tools import require_tools

QEMU = "qemu-system-arm"
"""The program."""

DEFAULT_BOARD = "mps2_an386"
"""The emulated board that stands for all where none is named."""


def qemu_command(elf: Path, icount: bool, board: str = DEFAULT_BOARD) -> list[str]:
    """The command that boots an image, its standard input and output being QEMU's own.

    Args:
        elf: any app built for ``board``.
        icount: count instructions: one takes exactly 1 ns of the emulated clock.
        board: one of :data:`kws.boards.EMULATED`.

    Raises:
        KwsError: QEMU does not emulate such a board.
    """
    command = [QEMU, "-M", find_emulated(board)[1].machine, "-display", "none", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(elf)]
    return [*command, "-icount", "shift=0"] if icount else command


def run_image(
    elf: Path, pcm: npt.NDArray[np.int16], timeout: float = 120.0, icount: bool = True, board: str = DEFAULT_BOARD
) -> str:
    """Boot an image with samples on its standard input; return what it wrote.

    Args:
        elf: the ``spotter`` app built for ``board``, or any other app.
        pcm: int16 [samples] at 16 kHz.
        timeout: greatest running time in seconds.
        icount: as in :func:`qemu_command`, so that the ticks that an image reports mean something.
        board: one of :data:`kws.boards.EMULATED`.

    Raises:
        KwsError: QEMU is not installed or does not emulate such a board, or the image failed or did not end in time.
    """
    command = qemu_command(elf, icount, board)
    require_tools(QEMU)
    content = np.ascontiguousarray(pcm, "<i2").tobytes()
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise KwsError(f"{elf.name} did not end within {timeout:g} s in {QEMU}; give it less to hear") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise KwsError(f"{elf.name} ended with status {done.returncode} in {QEMU}: {said or 'it said nothing'}")
    return done.stdout.decode(errors="replace")
