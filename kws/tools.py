"""The programs of other projects that some stages call: which are missing, and calling them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable

from kws.errors import KwsError, MissingError

_BINUTILS = "apt install binutils-arm-none-eabi"

INSTALL = {
    "make": "apt install make",
    "cc": "apt install gcc",
    "arm-none-eabi-gcc": "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-objcopy": _BINUTILS,
    "arm-none-eabi-objdump": _BINUTILS,
    "arm-none-eabi-size": _BINUTILS,
    "qemu-system-arm": "apt install qemu-system-arm",
    "clang": "apt install clang",
    "wasm-ld": "apt install lld",
}
"""Each program with a command that installs it on Debian or Ubuntu."""


def missing_tools(programs: Iterable[str] = tuple(INSTALL)) -> dict[str, str]:
    """Which of ``programs`` are not installed: name to the command that installs it."""
    return {name: INSTALL[name] for name in programs if shutil.which(_command(name)) is None}


def require_tools(*programs: str) -> None:
    """Stop unless all of ``programs`` are installed.

    Raises:
        MissingError: names those that are missing and how to install them.
    """
    missing = missing_tools(programs)
    if missing:
        how = "; ".join(f"{name} (for example `{command}`)" for name, command in missing.items())
        raise MissingError(f"this needs programs that are not installed; install {how}")


def run_tool(program: str, *arguments: str | os.PathLike[str]) -> str:
    """What a program of :data:`INSTALL` writes to its standard output.

    Raises:
        MissingError: it is not installed.
        KwsError: it failed; the message quotes its errors.
    """
    require_tools(program)
    done = subprocess.run([program, *arguments], capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0:
        raise KwsError(f"{program} failed: {done.stderr.strip() or f'it ended with status {done.returncode}'}")
    return done.stdout


def _command(name: str) -> str:
    # A compiler chosen by the environment counts as the C compiler, as it does for make.
    return (os.environ.get("CC") or "cc").split()[0] if name == "cc" else name
