"""The board's image in an emulator: QEMU's Arm MPS2 with the AN386 image, a Cortex-M4.

The very C code and start-up of a board, compiled by the cross compiler, at the speed of a
laptop. QEMU executes instructions; it does not model the time they take (docs/boards/mps2_an386.md).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from kws.engines.base import Int16
from kws.engines.cache import exported
from kws.engines.link import LinkEngine
from kws.engines.link_message import PipeStream
from kws.errors import KwsError
from kws.firmware_build import build_image, require_tools
from kws.quantize.model import Model

BOARD = "mps2_an386"
_QEMU = "qemu-system-arm"
_MACHINE = "mps2-an386"
_NANOSECONDS_PER_INSTRUCTION = 1
"""What `-icount shift=0` makes of an instruction on the emulated board's clock."""


def _command(elf: Path, icount: bool) -> list[str]:
    command = [_QEMU, "-M", _MACHINE, "-display", "none", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(elf)]
    return [*command, "-icount", "shift=0"] if icount else command


def run_spotter_image(elf: Path, pcm: Int16, timeout: float = 120.0, icount: bool = True) -> str:
    """Boot the product's image with samples on its standard input; return what it wrote.

    Args:
        elf: the ``spotter`` app built for the board :data:`BOARD`, or any other app.
        pcm: int16 [samples] at 16 kHz.
        timeout: greatest running time in seconds.
        icount: count instructions, so that the ticks it reports mean something.

    Raises:
        KwsError: QEMU is not installed, or the image failed or did not end in time.
    """
    require_tools(_QEMU)
    content = np.ascontiguousarray(pcm, "<i2").tobytes()
    try:
        done = subprocess.run(_command(elf, icount), input=content, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise KwsError(f"{elf.name} did not end within {timeout:g} s in {_QEMU}; give it less to hear") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise KwsError(f"{elf.name} ended with status {done.returncode} in {_QEMU}: {said or 'it said nothing'}")
    return done.stdout.decode(errors="replace")


class QemuEngine(LinkEngine):
    """A model on the emulated Cortex-M4, built from its C export when the engine is made."""

    name = "qemu"

    def __init__(
        self,
        model: Model,
        icount: bool = False,
        trace: bool = True,
        build_dir: Path | None = None,
        timeout: float = 30.0,
    ) -> None:
        """Export, build, boot, connect.

        Args:
            model: the model.
            icount: count instructions for :attr:`instructions_per_frame`; somewhat slower.
            trace: as in :class:`~kws.engines.link.LinkEngine`.
            build_dir: where to build; the user's cache if not given.
            timeout: greatest time to wait for a message, in seconds.

        Raises:
            KwsError: a program is missing, the build failed, or the image does not answer.
        """
        require_tools("make", "arm-none-eabi-gcc", _QEMU)
        self._icount = icount
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="kws-qemu-")  # for this run's files
        try:
            with exported(model, build_dir) as (source, build):
                self.elf = build_image(source, build, BOARD, "link")
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
        1 ns, so instructions = ticks * 10^9 / (ticks a second) / 1 ns, here ticks * 40. Sending
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
                _command(self.elf, self._icount), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0
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
