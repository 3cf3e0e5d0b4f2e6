"""The board's image in an emulator: QEMU's boards of several Arm cores.

The very C code and start-up of a board, compiled by the cross compiler, at the speed of a
laptop. QEMU executes instructions; it does not model the time they take (docs/boards/qemu.md).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from kws.boards import find_emulated
from kws.boards.emulator import DEFAULT_BOARD, QEMU, qemu_command
from kws.engines.link import LinkEngine
from kws.engines.link_message import PipeStream
from kws.errors import KwsError
from kws.image.build import compiled
from kws.model.file import Model
from kws.tools import require_tools

PROGRAMS = ("make", "arm-none-eabi-gcc", QEMU)
"""What it takes to build for an emulated board and to run it."""
_NANOSECONDS_PER_INSTRUCTION = 1
"""What an instruction takes of the emulated clock when instructions are counted."""


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
        board: str = DEFAULT_BOARD,
    ) -> None:
        """Export, build, boot, connect.

        Args:
            model: the model.
            icount: count instructions for :attr:`instructions_per_frame`; somewhat slower.
            trace: as in :class:`~kws.engines.link.LinkEngine`.
            build_dir: where to build; the user's cache if not given.
            timeout: greatest time to wait for a message, in seconds.
            board: one of :data:`kws.boards.EMULATED`.

        Raises:
            KwsError: QEMU does not emulate such a board, a program is missing, the build failed, or the
                image does not answer.
        """
        target, _ = find_emulated(board)
        require_tools(*PROGRAMS)
        if board != DEFAULT_BOARD:
            self.name = f"qemu:{board}"
        self._board = board
        self._icount = icount
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="kws-qemu-")  # for this run's files
        try:
            with compiled(model, target, "link", folder=build_dir) as image:
                self.elf = image.elf
                self._log = Path(self._folder.name) / "qemu.log"
                # The board answers once QEMU has read the image, which must be there until then.
                super().__init__(self._start(), model, trace, timeout)
        except BaseException:
            self._folder.cleanup()
            raise

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
                qemu_command(self.elf, self._icount, self._board),
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
        said = self._log.read_text(encoding="utf-8", errors="replace").strip() if self._log.exists() else ""
        return f" (the emulator said: {said[-500:]})" if said else ""
