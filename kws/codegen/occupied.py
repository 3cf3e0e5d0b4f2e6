"""What lies in a folder already: an export replaces its own files there, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from kws.errors import KwsError

MARK = "Written by `kws export"
"""In the first lines of every generated file, in those of earlier versions, too."""
# Every .c file of the library defines such a function; the library never includes the header of a model.
_DEFINES = re.compile(r"^\w[\w *]*\bkws_\w+\([^;{]*\)\n\{", re.MULTILINE)
_USES = re.compile(r'^#include [<"]\w+_model\.h[>"]', re.MULTILINE)
_NAMED = 3


def require_generated(out: Path, names: Iterable[str]) -> None:
    """Refuse to write generated files over files of somebody else.

    Raises:
        KwsError: one is there, or something that is no file; or it cannot be read.
    """
    _refuse(out, [name for name in names if (out / name).exists() and MARK not in _text(out / name)])


def require_library(out: Path, names: Iterable[str]) -> None:
    """Refuse to write the library over files of somebody else, or beside sources of another version of it.

    Args:
        out: the folder.
        names: of the library's files, relative to it.

    Raises:
        KwsError: such files are there, or cannot be read. A build that takes all of ``src`` would compile the sources
            of both versions.
    """
    own = set(names)
    _refuse(out, [name for name in sorted(own) if (out / name).exists() and not _is_library(out / name)])
    sources = {path.relative_to(out).as_posix() for path in sorted((out / "src").rglob("*.c")) if path.is_file()}
    old = [name for name in sorted(sources - own) if _is_library(out / name)]
    if old:
        raise KwsError(
            f"{out} holds sources of another version of the C library, which this one does not have: {_listed(old)};"
            " remove its src folder and export again, or choose another folder"
        )


def _refuse(out: Path, foreign: list[str]) -> None:
    if foreign:
        raise KwsError(f"{out} holds files that kws did not write: {_listed(foreign)}; choose another folder")


def _is_library(path: Path) -> bool:
    text = _text(path)
    if path.suffix != ".c":
        return "KWS_" in text
    return _DEFINES.search(text) is not None and _USES.search(text) is None


def _text(path: Path) -> str:
    """Of a file; nothing of what is none, such as a pipe, whose reading may never end."""
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise KwsError(f"cannot read {path}: {error.strerror or error}") from error


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
