"""Building the C library and the boards' images with the firmware's own Makefile.

The Makefile knows boards and apps; what it refuses is a KwsError with its own words.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kws import firmware
from kws.errors import KwsError
from kws.tools import require_tools

_LINES_OF_COMPILER_OUTPUT = 12


def make_host_library(model_dir: Path, build_dir: Path, sanitize: bool = False) -> Path:
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
    run_make("host", model_dir, build_dir, f"SANITIZE={int(sanitize)}")
    return build_dir / ("host-sanitize" if sanitize else "host") / "libkws_model.so"


def make_web_module(model_dir: Path, build_dir: Path) -> Path:
    """Compile the C library with an exported model into a WebAssembly module.

    Args:
        model_dir: where ``kws export`` wrote ``kws_model.c``.
        build_dir: where everything made goes.

    Returns:
        The module: what it exports is in firmware/web/web.c.

    Raises:
        KwsError: a program is missing, or the compiler failed (its last lines are quoted).
    """
    require_tools("make", "clang", "wasm-ld")
    run_make("web", model_dir, build_dir)
    return build_dir / "web" / "kws_model.wasm"


def make_image(
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
            ``<build_dir>/<board>/<app>/`` for :func:`kws.image.size.size_report`.
        board: a folder of ``firmware/boards``.
        app: a folder of ``firmware/apps``.
        model_slot: leave the model out: the program looks for it in the board's model slot.
        settings: of the board's own ``board.mk``, such as ``BOARD_VARIANT``.

    Returns:
        The ELF file.

    Raises:
        KwsError: a program is missing, there is no such board or app, or the compiler failed.
    """
    require_tools("make", "arm-none-eabi-gcc")
    own = [f"{name}={value}" for name, value in (settings or {}).items()]
    run_make("image", model_dir, build_dir, f"BOARD={board}", f"APP={app}", f"MODEL_SLOT={int(model_slot)}", *own)
    return build_dir / board / f"{app}{'-slot' if model_slot else ''}.elf"


def make_slot(model_dir: Path, build_dir: Path, board: str) -> Path:
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
    require_tools("make", "arm-none-eabi-gcc")
    run_make("slot", model_dir, build_dir, f"BOARD={board}")
    return build_dir / board / "slot" / "model.bin"


def run_make(target: str, model_dir: Path, build_dir: Path, *settings: str) -> None:
    """Make a target of firmware/Makefile, as its head describes them.

    Args:
        target: such as ``image``.
        model_dir: where ``kws export`` wrote ``kws_model.c``.
        build_dir: where everything made goes; made if missing.
        settings: of the Makefile, as NAME=VALUE.

    Raises:
        KwsError: the paths are none that make can take, or make failed (its last lines are quoted).
    """
    makefile = firmware.sources_dir() / "Makefile"
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
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()[-_LINES_OF_COMPILER_OUTPUT:]
        raise KwsError(f"building {target} from {model_dir} failed; the last lines were:\n" + "\n".join(lines))
