"""From a model to images: for the host, for a board, and as the files that are flashed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kws.boards import Board, require_slot
from kws.files import write_atomic
from kws.image import uf2
from kws.image.cache import exported
from kws.image.make import make_host_library, make_image
from kws.image.size import SizeReport, size_report
from kws.image.slot import SlotHeader, build_slot
from kws.model.file import Model
from kws.tools import run_tool


@dataclass(frozen=True)
class Image:
    """An app with a model, linked for a board.

    Attributes:
        elf: the linked file; its objects lie in the folder of that name without the suffix, the
            linker's map beside it.
        settings: variant and baud rate, as the Makefile calls them.
    """

    elf: Path
    settings: dict[str, str]

    @cached_property
    def size(self) -> SizeReport:
        """What it takes of flash, RAM and stack."""
        return size_report(self.elf)

    @property
    def hex(self) -> bytes:
        """What goes to flash, as Intel HEX."""
        return self._objcopy("ihex", ".hex")

    @property
    def bin(self) -> bytes:
        """What goes to flash, from its first byte on; gaps are 0xFF, as in erased flash."""
        return self._objcopy("binary", ".bin", "--gap-fill=0xff")

    def _objcopy(self, kind: str, suffix: str, *options: str) -> bytes:
        target = self.elf.with_suffix(suffix)
        run_tool("arm-none-eabi-objcopy", "-O", kind, *options, self.elf, target)
        return target.read_bytes()


@contextlib.contextmanager
def compiled(
    model: Model,
    board: Board,
    app: str,
    *,
    variant: str | None = None,
    baud: int | None = None,
    model_slot: bool = False,
    folder: Path | None = None,
) -> Iterator[Image]:
    """Compile an app with a model for a board; no other process builds in the same place while this lasts.

    Args:
        model: the model.
        board: what to build for.
        app: a folder of ``firmware/apps``.
        variant: of :attr:`Board.variants`.
        baud: of :attr:`Board.bauds`.
        model_slot: leave the model out: the program looks for it in the board's model slot.
        folder: where to export and build; the model's folder in the cache if not given. Boards may share
            it, models may not.

    Raises:
        KwsError: a program is missing, the board cannot be built so, there is no such app, the model is a
            bare network and the app needs a front end, or the compiler failed.
    """
    if app == "spotter":
        model.require_info()
    if model_slot:
        require_slot(board)
    settings = board.settings(variant, baud)
    with exported(model, folder) as (source, build_dir):
        # Objects of one set of settings must not meet those of another.
        own = build_dir / "-".join(["board", *settings.values()]) if settings else build_dir
        yield Image(make_image(source, own, board.name, app, model_slot, settings), settings)


def host_library(model: Model, folder: Path | None = None, sanitize: bool = False) -> Path:
    """Compile the library with a model for this machine, once: a repeated call finds the result.

    Args:
        model: the model.
        folder: as of :func:`compiled`.
        sanitize: as of :func:`kws.image.make.make_host_library`.

    Returns:
        A shared library with the trace hooks.

    Raises:
        KwsError: no C compiler or make, or the compiler failed.
    """
    with held_host_library(model, folder, sanitize) as library:
        return library


@contextlib.contextmanager
def held_host_library(model: Model, folder: Path | None = None, sanitize: bool = False) -> Iterator[Path]:
    """:func:`host_library`, which nobody removes from the cache while this lasts."""
    with exported(model, folder) as (source, build_dir):
        yield make_host_library(source, build_dir, sanitize)


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


def build(
    model: Model,
    board: Board,
    app: str,
    out: Path,
    variant: str | None = None,
    baud: int | None = None,
    model_slot: bool = False,
) -> Built:
    """Compile an app with a model for a board, and write the files that are flashed.

    Args:
        model: the model.
        board: what to build for.
        app: one of :data:`kws.boards.APPS`.
        out: folder to write; made if missing.
        variant: of :attr:`Board.variants`.
        baud: of :attr:`Board.bauds`.
        model_slot: build program and model apart, so that the model can be replaced alone.

    Raises:
        KwsError: as of :func:`compiled`; or ``out`` cannot be written.
    """
    with compiled(model, board, app, variant=variant, baud=baud, model_slot=model_slot) as image:
        name, binary, size = image.elf.stem, image.bin, image.size
        files = {f"{name}.elf": image.elf.read_bytes(), f"{name}.hex": image.hex, f"{name}.bin": binary}
    if model_slot:
        files |= _model_files(model, board)[0]
    if board.uf2 is not None:
        files[f"{name}.uf2"] = uf2.encode(binary, board.uf2.origin, board.uf2.family)
    return Built(_write(out, files), size, image.settings)


def build_model(model: Model, board: Board, out: Path) -> tuple[tuple[Path, ...], SlotHeader]:
    """Compile a model alone, for a board whose program was built with ``model_slot``.

    Args:
        model: the model.
        board: what to build for.
        out: folder to write; made if missing.

    Returns:
        The files, as .bin, .hex and, where the board takes it, .uf2; and the blob's header.

    Raises:
        KwsError: a program is missing, the board has no model slot, the model does not fit, the
            compiler failed, or ``out`` cannot be written.
    """
    require_slot(board)
    files, header = _model_files(model, board)
    return _write(out, files), header


def _model_files(model: Model, board: Board) -> tuple[dict[str, bytes], SlotHeader]:
    with exported(model) as (source, build_dir):
        made = build_slot(source, build_dir, board.name)
        files = {path.name: path.read_bytes() for path in (made.bin, made.hex)}
    if board.uf2 is not None:
        files["model-slot.uf2"] = uf2.encode(files[made.bin.name], made.header.address, board.uf2.family)
    return files, made.header


def _write(out: Path, files: dict[str, bytes]) -> tuple[Path, ...]:
    for name, content in files.items():
        write_atomic(out / name, content)
    return tuple(out / name for name in files)
