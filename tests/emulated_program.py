"""A few of the library's functions, compiled for an emulated board and run there, bytes in and bytes out."""

from __future__ import annotations

import subprocess

from kws import firmware
from kws.boards.emulator import qemu_command

HELIUM_FLAGS = ("-march=armv8.1-m.main+mve+dsp", "-mthumb", "-mfloat-abi=hard")
_BOARD = "mps3_an547"


class HeliumProgram:
    """A program for the emulated Cortex-M55.

    Args:
        folder: where to build.
        text: the program in C, with a ``main`` that reads by board_read and writes by board_write.
        without: names of the library's sources that it includes itself.
        includes: folders of headers beside the library's.
    """

    def __init__(self, folder, text, without=(), includes=()):
        (folder / "program.c").write_text(text)
        library = firmware.sources_dir()
        boards = library / "boards"
        own = [boards / name for name in (_BOARD, "semihosting", "cortex_m")]
        folders = [f"-I{path}" for path in (library / "include", library / "src", boards, *own, *includes)]
        sources = [path for path in sorted(library.glob("src/**/*.c")) if path.name not in without]
        sources += sorted(path for board in own for path in board.glob("*.c"))
        flags = ["-std=c99", "-O2", "-ffreestanding", "-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections"]
        flags += ["-ffunction-sections", "-fdata-sections", f"-T{boards / _BOARD / 'mps3_an547.ld'}"]
        flags += [f"-L{path}" for path in own]
        self.elf = folder / "program.elf"
        command = ["arm-none-eabi-gcc", *HELIUM_FLAGS, *flags, *folders, folder / "program.c", *sources]
        subprocess.run([*command, "-o", self.elf], check=True)

    def run(self, content: bytes) -> bytes:
        """What the program writes, given all of its input."""
        command = qemu_command(self.elf, icount=False, board=_BOARD)
        done = subprocess.run(command, input=content, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout
