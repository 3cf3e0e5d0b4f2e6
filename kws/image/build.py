"""From a model to the files that are flashed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from kws.boards import BOARDS, Board
from kws.errors import KwsError
from kws.files import write_atomic
from kws.image import make as firmware_build
from kws.image import slot, uf2
from kws.image.cache import exported
from kws.image.make import SizeReport
from kws.model.file import Model


@dataclass(frozen=True)
class Built:
    """What :func:`build` wrote.

    Attributes:
        files: the image as .elf, .hex and .bin, and .uf2 where the board takes it; then the model for
            the slot, if it was built apart.
        size: what the program takes of flash, RAM and stack.
        settings: variant and baud rate, as the Makefile calls them.
    """

    files: tuple[Path, ...]
    size: SizeReport
    settings: dict[str, str]


def settings_of(board: Board, variant: str | None, baud: int | None) -> dict[str, str]:
    """The board's own settings, chosen or by default.

    Raises:
        KwsError: the board has no such variant or baud rate.
    """
    settings = {}
    for name, what, chosen, known in (
        ("BOARD_VARIANT", "variant", variant, [*board.variants]),
        ("BAUD", "baud rate", baud, [*board.bauds]),
    ):
        if chosen is not None and chosen not in known:
            there = f"it must be one of {', '.join(map(str, known))}" if known else "there is nothing to choose"
            raise KwsError(f"{board.name} has no {what} {chosen}; {there}")
        if known:
            settings[name] = str(chosen if chosen is not None else known[0])
    return settings


def require_slot(board: Board) -> None:
    """Raise KwsError if a board has no model slot."""
    if not board.model_slot:
        others = ", ".join(b.name for b in BOARDS.values() if b.model_slot)
        raise KwsError(f"{board.name} has no model slot; build program and model together, or for one of {others}")


def build(
    model: Model,
    board: Board,
    app: str,
    out: Path,
    variant: str | None = None,
    baud: int | None = None,
    model_slot: bool = False,
) -> Built:
    """Compile an app with a model for a board.

    Args:
        model: the model.
        board: what to build for.
        app: one of :data:`kws.boards.APPS`.
        out: folder to write; made if missing.
        variant: of :attr:`Board.variants`.
        baud: of :attr:`Board.bauds`.
        model_slot: build program and model apart, so that the model can be replaced alone.

    Raises:
        KwsError: a program is missing, the board cannot be built so, the model is a bare network and
            the app needs a front end, or the compiler failed.
    """
    if app == "spotter":
        model.require_info()
    if model_slot:
        require_slot(board)
    settings = settings_of(board, variant, baud)
    blobs: dict[str, bytes] = {}
    with exported(model) as (source, cache):
        # Objects of one set of settings must not meet those of another.
        folder = cache / "-".join(["board", *settings.values()])
        elf = firmware_build.build_image(source, folder, board.name, app, model_slot, settings)
        for suffix, kind in ((".hex", "ihex"), (".bin", "binary")):
            blobs[elf.stem + suffix] = _objcopy(elf, kind, suffix)
        content = elf.read_bytes()
        size = firmware_build.size_report(elf, folder)
        if model_slot:
            blobs |= _model_files(source, folder, board)[0]
    names = {elf.name: content, **blobs}
    if board.uf2_id is not None:
        names[f"{elf.stem}.uf2"] = uf2.encode(uf2.flash_segments(content))
    for name, data in names.items():
        write_atomic(out / name, data)
    return Built(tuple(out / name for name in names), size, settings)


def build_model(model: Model, board: Board, out: Path) -> tuple[tuple[Path, ...], slot.SlotHeader]:
    """Compile a model alone, for a board whose program was built with ``model_slot``.

    Args:
        model: the model.
        board: what to build for.
        out: folder to write; made if missing.

    Returns:
        The files, as .bin, .hex and, where the board takes it, .uf2; and the blob's header.

    Raises:
        KwsError: a program is missing, the board has no model slot, the model does not fit, or the
            compiler failed.
    """
    require_slot(board)
    with exported(model) as (source, cache):
        names, header = _model_files(source, cache / "slot", board)
    for name, data in names.items():
        write_atomic(out / name, data)
    return tuple(out / name for name in names), header


def _model_files(source: Path, folder: Path, board: Board) -> tuple[dict[str, bytes], slot.SlotHeader]:
    made = slot.build_slot(source, folder, board.name)
    files = {path.name: path.read_bytes() for path in (made.bin, made.hex)}
    if board.uf2_id is not None:
        files["model-slot.uf2"] = uf2.encode([(made.header.address, files[made.bin.name])])
    return files, made.header


def _objcopy(elf: Path, kind: str, suffix: str) -> bytes:
    target = elf.with_suffix(suffix)
    command = ["arm-none-eabi-objcopy", "-O", kind, str(elf), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KwsError(f"cannot make {target.name}: {done.stderr.strip()}")
    return target.read_bytes()
