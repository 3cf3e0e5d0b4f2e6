"""Building the C library and the boards' images with the firmware's own Makefile."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from kws.errors import KwsError
from kws.image.size import SizePart, SizeReport, size_report

__all__ = [
    "INSTALL",
    "SizePart",
    "SizeReport",
    "build_host_library",
    "build_image",
    "build_slot",
    "missing_tools",
    "require_tools",
    "size_report",
    "sources_dir",
]

INSTALL = {
    "make": "apt install make",
    "cc": "apt install gcc",
    "arm-none-eabi-gcc": "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "apt install qemu-system-arm",
}
"""The programs that some stages need, each with a command that installs it on Debian or Ubuntu."""

_LINES_OF_COMPILER_OUTPUT = 12


def missing_tools(programs: Iterable[str] = tuple(INSTALL)) -> dict[str, str]:
    """Which of ``programs`` are not installed: name to the command that installs it."""
    return {name: INSTALL[name] for name in programs if shutil.which(_command(name)) is None}


def require_tools(*programs: str) -> None:
    """Stop unless all of ``programs`` are installed.

    Raises:
        KwsError: names those that are missing and how to install them.
    """
    missing = missing_tools(programs)
    if missing:
        how = "; ".join(f"{name} (for example `{command}`)" for name, command in missing.items())
        raise KwsError(f"this needs programs that are not installed; install {how}")


def sources_dir() -> Path:
    """The firmware's sources: inside the installed package, or beside it in a checkout.

    ``$KWS_FIRMWARE`` names another folder: a copy with changes, such as a layer of one's own.

    Raises:
        KwsError: they are in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    own = os.environ.get("KWS_FIRMWARE")
    for folder in (Path(own),) if own else (package / "_firmware", package.parent / "firmware"):
        if (folder / "Makefile").is_file():
            return folder
    raise KwsError("the firmware's C sources are missing from this installation of kws; reinstall kws")


def build_host_library(model_dir: Path, build_dir: Path, sanitize: bool = False) -> Path:
    """Compile the C library with an exported model into a shared library with the trace hooks.

    Args:
        model_dir: where ``kws export`` wrote ``kws_model.c``.
        build_dir: where everything made goes.
        sanitize: with the address and undefined-behaviour sanitizers; the process that loads
            such a library must have the address sanitizer's runtime preloaded.

    Returns:
        The shared library.

    Raises:
        KwsError: a program is missing, or the compiler failed (its last lines are quoted).
    """
    require_tools("make", "cc")
    _make("host", model_dir, build_dir, f"SANITIZE={int(sanitize)}")
    return build_dir / ("host-sanitize" if sanitize else "host") / "libkws_model.so"


def build_image(
    model_dir: Path,
    build_dir: Path,
    board: str,
    app: str,
    model_slot: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Path:
    """Compile and link one app with an exported model for a board.

    Args:
        model_dir: where ``kws export`` wrote ``kws_model.c``.
        build_dir: where everything made goes; the image's objects lie in
            ``<build_dir>/<board>/<app>/`` for :func:`size_report`.
        board: a folder of ``firmware/boards``.
        app: a folder of ``firmware/apps``.
        model_slot: leave the model out: the program looks for it in the board's model slot.
        settings: of the board's own ``board.mk``, such as ``BOARD_VARIANT``.

    Returns:
        The ELF file.

    Raises:
        KwsError: a program is missing, there is no such board or app, or the compiler failed.
    """
    _require_known(board, app)
    own = [f"{name}={value}" for name, value in (settings or {}).items()]
    _make("image", model_dir, build_dir, f"BOARD={board}", f"APP={app}", f"MODEL_SLOT={int(model_slot)}", *own)
    return build_dir / board / f"{app}{'-slot' if model_slot else ''}.elf"


def build_slot(model_dir: Path, build_dir: Path, board: str) -> Path:
    """Compile and link a model alone for the model slot of a board.

    Args:
        model_dir: where ``kws export`` wrote ``kws_model.c``.
        build_dir: where everything made goes.
        board: a folder of ``firmware/boards``.

    Returns:
        The blob as the linker made it; :func:`kws.image.slot.build_slot` completes its header.

    Raises:
        KwsError: a program is missing, there is no such board, it has no slot, the model does not fit
            the slot, or the compiler failed.
    """
    _require_known(board, "spotter")
    _make("slot", model_dir, build_dir, f"BOARD={board}")
    return build_dir / board / "slot" / "model.bin"


def _require_known(board: str, app: str) -> None:
    require_tools("make", "arm-none-eabi-gcc")
    for kind, name, mark in (("boards", board, "board.mk"), ("apps", app, "main.c")):
        known = sorted(p.parent.name for p in (sources_dir() / kind).glob(f"*/{mark}"))
        if name not in known:
            raise KwsError(f"there is no {kind[:-1]} {name!r}; it must be one of {', '.join(known)}")


def _command(name: str) -> str:
    # A compiler chosen by the environment counts as the C compiler, as it does for make.
    return (os.environ.get("CC") or "cc").split()[0] if name == "cc" else name


def _make(target: str, model_dir: Path, build_dir: Path, *settings: str) -> None:
    makefile = sources_dir() / "Makefile"
    try:
        build_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KwsError(f"cannot build in {build_dir}: {error.strerror or error}") from error
    # Relative to where make runs, a model and its build in one folder have no names of the user's
    # in their paths, and so nothing that make cannot take.
    model = os.path.relpath(model_dir.resolve(), build_dir.resolve())
    for path in (str(makefile), model):
        if any(character in path for character in " \t$#:%'\""):
            raise KwsError(f"make cannot work with {path}; use a path without spaces and special characters")
    command = ["make", "--no-print-directory", "-s", f"-j{os.cpu_count() or 1}", "-f", str(makefile), target]
    command += [f"MODEL={model}", "BUILD=.", *settings]
    # Inside another make these would offer job slots that are not ours.
    inherited = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    done = subprocess.run(
        command,
        cwd=build_dir,
        env=inherited,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()[-_LINES_OF_COMPILER_OUTPUT:]
        raise KwsError(f"building {target} from {model_dir} failed; the last lines were:\n" + "\n".join(lines))
