"""Getting an image onto a board: through a debug probe, or by copying to a boot loader's drive."""

from __future__ import annotations

import logging
import os
import string
import sys
from collections.abc import Iterable
from pathlib import Path

from kws.boards import APPS, Board, Probe
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.types import Progress

_INFO = "INFO_UF2.TXT"
_IMAGE_SUFFIXES = (".uf2", ".hex", ".elf", ".bin")
# Programs with their model in them, and those that look for it in the slot.
_PROGRAMS = (*APPS, *(f"{app}-slot" for app in APPS))


def find_image(board: Board, folder: Path) -> Path:
    """The program that ``kws build`` wrote last to a folder, in the form that the board takes best.

    Raises:
        KwsError: there is none.
    """
    newest: tuple[float, Path] | None = None
    for program in _PROGRAMS:
        files = (folder / f"{program}{suffix}" for suffix in _IMAGE_SUFFIXES[0 if board.uf2 else 1 :])
        image = next((file for file in files if file.is_file()), None)
        if image is not None and (newest is None or image.stat().st_mtime > newest[0]):
            newest = (image.stat().st_mtime, image)
    if newest is None:
        raise KwsError(
            f"there is no image in {folder}; make one with `kws build {board.name} --model MODEL`, or say --image"
        )
    return newest[1]


def flash(
    board: Board, image: Path, probe: str | None = None, progress: Progress | None = None, erase_all: bool = False
) -> str:
    """Write an image to a board and start it.

    Args:
        board: the board.
        image: .uf2 for a boot loader's drive; .hex or .elf through a debug probe.
        probe: the serial number of the debug probe, where several are plugged in.
        progress: called with what is done and the whole, in hundredths.
        erase_all: whether a chip whose debug port is locked may be unlocked, which erases all of it.

    Returns:
        Where it went: a drive, or a probe; and whether the chip was erased for it.

    Raises:
        KwsError: nothing is plugged in, it is another board, it is locked, or writing failed.
    """
    if not image.is_file():
        raise KwsError(f"there is no image {image}; make one with `kws build {board.name} --model MODEL`")
    if image.suffix == ".uf2":
        return _copy(board, image)
    if image.suffix not in (".hex", ".elf"):
        raise KwsError(f"{image} says no address to write to; give the .hex or .elf of the same name")
    if board.probe is None:
        raise KwsError(f"{board.name} is {board.what}; there is nothing to flash")
    return _program(board, board.probe, image, probe, progress or (lambda *_: None), erase_all)


def mounted() -> list[Path]:
    """Folders where drives are mounted."""
    if sys.platform == "win32":
        return [Path(f"{letter}:\\") for letter in string.ascii_uppercase]
    if sys.platform == "darwin":
        return [*Path("/Volumes").glob("*")]
    return [p for root, pattern in (("/media", "*/*"), ("/media", "*"), ("/run/media", "*/*"), ("/mnt", "*"))
            for p in Path(root).glob(pattern)]  # fmt: skip


def _drives(folders: Iterable[Path]) -> dict[Path, str]:
    """The boot loaders' drives: where, and what INFO_UF2.TXT says."""
    found = {}
    for folder in folders:
        try:
            found[folder] = (folder / _INFO).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return found


def _copy(board: Board, image: Path) -> str:
    if board.uf2 is None:
        raise KwsError(f"{board.name} has no boot loader that takes .uf2 files; give the .hex")
    drives = _drives(mounted())
    right = [path for path, info in drives.items() if f"Board-ID: {board.uf2.board_id}" in info]
    if not right:
        others = f" (there is {', '.join(map(str, drives))}, of another board)" if drives else ""
        raise KwsError(f"no drive of a {board.name}'s boot loader is mounted{others}; {board.hint}")
    if len(right) > 1:
        raise KwsError(f"several boards wait for an image: {', '.join(map(str, right))}; leave one plugged in")
    try:
        with (right[0] / image.name).open("wb") as file:
            file.write(image.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KwsError(f"cannot write to {right[0]}: {error.strerror or error}; plug the board in again") from error
    return str(right[0])


class _Locked(logging.Handler):
    """Whether pyOCD has found the chip locked, of which its errors say nothing."""

    found = False

    def emit(self, record: logging.LogRecord) -> None:
        """Look at what pyOCD says; nobody sees it."""
        self.found |= "APPROTECT enabled" in record.getMessage()


def _program(
    board: Board, how: Probe, image: Path, serial_number: str | None, progress: Progress, erase_all: bool
) -> str:
    try:
        from pyocd.core.exceptions import Error
        from pyocd.core.helpers import ConnectHelper
        from pyocd.core.session import Session
        from pyocd.flash.file_programmer import FileProgrammer
    except ImportError as error:
        raise MissingError(f"flashing through a debug probe needs pyOCD; run `{how_to_install('flash')}`") from error
    log, locked = logging.getLogger("pyocd"), _Locked()
    log.setLevel(logging.WARNING)
    try:
        probes = ConnectHelper.get_all_connected_probes(
            blocking=False, unique_id=serial_number, print_wait_message=False
        )
    except Error as error:
        raise KwsError(f"cannot look for debug probes: {error}") from error
    if not probes:
        which = f"the debug probe {serial_number}" if serial_number else "no debug probe"
        state = "is not plugged in" if serial_number else "is plugged in"
        hint = f"; {board.hint}" if board.hint else ""
        raise KwsError(
            f"{which} {state}: connect the board's debug port by USB, or a CMSIS-DAP probe to its SWD pins{hint}"
        )
    if len(probes) > 1:
        there = ", ".join(f"{p.unique_id} ({p.description})" for p in probes)
        raise KwsError(f"several debug probes are plugged in; choose one with --probe: {there}")
    # By itself pyOCD would unlock a chip, and erase a program that the image in hand is only the model for.
    options = {"hide_programming_progress": True, "auto_unlock": erase_all}
    log.addHandler(locked)
    try:
        with Session(probes[0], target_override=how.target, options=options) as session:
            FileProgrammer(session, progress=lambda share: progress(round(100 * share), 100)).program(str(image))
            session.target.reset()
    except Error as error:
        if locked.found and not erase_all:
            raise KwsError(
                f"{board.name} is locked: its debug port opens only when all of its flash is erased, a boot loader,"
                f" program and model in the slot included; to agree to that, say --erase-all"
            ) from error
        pack = f"; if the target is unknown, run `pyocd pack install {how.pack}`" if how.pack else ""
        raise KwsError(f"cannot flash through {probes[0].description}: {error}{pack}") from error
    finally:
        log.removeHandler(locked)
    erased = ", which was locked: all of it was erased first" if locked.found else ""
    return f"{probes[0].description} {probes[0].unique_id}{erased}"
