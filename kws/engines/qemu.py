"""The board's image in an emulator: QEMU's boards of several Arm cores.

The very C code and start-up of a board, compiled by the cross compiler, at the speed of a
laptop. QEMU executes instructions; it does not model the time they take (docs/boards/qemu.md).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.engines.base import Int16
from kws.engines.link import LinkEngine
from kws.engines.link_message import PipeStream
from kws.errors import KwsError
from kws.image.cache import exported
from kws.image.make import build_image, require_tools
from kws.model.file import Model


@dataclass(frozen=True)
class EmulatedBoard:
    """A folder of ``firmware/boards`` that QEMU emulates.

    Attributes:
        machine: QEMU's name of it.
        core: the CPU.
        mhz: the board's clock.
    """

    machine: str
    core: str
    mhz: float


BOARDS = {
    "microbit": EmulatedBoard("microbit", "Cortex-M0", 16.0),
    "mps2_an385": EmulatedBoard("mps2-an385", "Cortex-M3", 25.0),
    "mps2_an386": EmulatedBoard("mps2-an386", "Cortex-M4", 25.0),
    "mps2_an500": EmulatedBoard("mps2-an500", "Cortex-M7", 25.0),
    "mps3_an547": EmulatedBoard("mps3-an547", "Cortex-M55", 32.0),
}
"""The emulated boards by name."""

BOARD = "mps2_an386"
"""The one that stands for all where none is named."""

_QEMU = "qemu-system-arm"
_NANOSECONDS_PER_INSTRUCTION = 1
"""What `-icount shift=0` makes of an instruction on the emulated board's clock."""


def machine_of(board: str) -> str:
    """QEMU's name of an emulated board.

    Raises:
        KwsError: QEMU does not emulate it.
    """
    if board not in BOARDS:
        raise KwsError(f"{board!r} is not emulated by {_QEMU}; choose from {', '.join(BOARDS)}")
    return BOARDS[board].machine


def _command(elf: Path, icount: bool, board: str) -> list[str]:
    command = [_QEMU, "-M", machine_of(board), "-display", "none", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(elf)]
    return [*command, "-icount", "shift=0"] if icount else command


def run_spotter_image(elf: Path, pcm: Int16, timeout: float = 120.0, icount: bool = True, board: str = BOARD) -> str:
    """Boot the product's image with samples on its standard input; return what it wrote.

    Args:
        elf: the ``spotter`` app built for ``board``, or any other app.
        pcm: int16 [samples] at 16 kHz.
        timeout: greatest running time in seconds.
        icount: count instructions, so that the ticks it reports mean something.
        board: one of :data:`BOARDS`.

    Raises:
        KwsError: QEMU is not installed, or the image failed or did not end in time.
    """
    command = _command(elf, icount, board)
    require_tools(_QEMU)
    content = np.ascontiguousarray(pcm, "<i2").tobytes()
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise KwsError(f"{elf.name} did not end within {timeout:g} s in {_QEMU}; give it less to hear") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise KwsError(f"{elf.name} ended with status {done.returncode} in {_QEMU}: {said or 'it said nothing'}")
    return done.stdout.decode(errors="replace")


class QemuEngine(LinkEngine):
    """A model on an emulated board, built from its C export when the engine is made."""

    name = "qemu"

    def __init__(
        self,
        model: Model,
        icount: bool = False,
        trace: bool = True,
        build_dir: Path | None = None,
        timeout: float = 30.0,
        board: str = BOARD,
    ) -> None:
        """Export, build, boot, connect.

        Args:
            model: the model.
            icount: count instructions for :attr:`instructions_per_frame`; somewhat slower.
            trace: as in :class:`~kws.engines.link.LinkEngine`.
            build_dir: where to build; the user's cache if not given.
            timeout: greatest time to wait for a message, in seconds.
            board: one of :data:`BOARDS`.

        Raises:
            KwsError: QEMU does not emulate such a board, a program is missing, the build failed, or the
                image does not answer.
        """
        machine_of(board)
        require_tools("make", "arm-none-eabi-gcc", _QEMU)
        if board != BOARD:
            self.name = f"qemu:{board}"
        self._board = board
        self._icount = icount
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="kws-qemu-")  # for this run's files
        try:
            with exported(model, build_dir) as (source, build):
                self.elf = build_image(source, build, board, "link")
            self._log = Path(self._folder.name) / "qemu.log"
            stream = self._start()
        except BaseException:
            self._folder.cleanup()
            raise
        super().__init__(stream, model, trace, timeout)

    @property
    def instructions_per_frame(self) -> float:
        """Mean number of instructions of a frame, or of a call of :meth:`run_network`.

        The board's timer counts the emulated clock, on which an instruction takes exactly
        1 ns, so instructions = ticks * 10^9 / (ticks a second) / 1 ns; ticks * 40 on MPS2 boards. Sending
        is not counted. These are instructions, not cycles: a real core takes more cycles than
        instructions.

        Raises:
            KwsError: the engine was made without ``icount``, or nothing has been processed yet.
        """
        if not self._icount:
            raise KwsError("instructions were not counted; make the engine with icount=True")
        return self.seconds_per_frame * 1e9 / _NANOSECONDS_PER_INSTRUCTION

    def close(self) -> None:
        """Stop the emulator."""
        if self._process is not None:
            # While the image waits for input QEMU waits with it and hears no polite signal.
            self._process.kill()
            self._process.wait()
            self._process = None
            super().close()
        self._folder.cleanup()

    def _start(self) -> PipeStream:
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                _command(self.elf, self._icount, self._board),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        # The stream owns its descriptors, and so do Popen's file objects.
        stream = PipeStream(os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno()))
        process.stdin.close()
        process.stdout.close()
        return stream

    def _explain(self) -> str:
        said = self._log.read_text(errors="replace").strip() if self._log.exists() else ""
        return f" (the emulator said: {said[-500:]})" if said else ""
