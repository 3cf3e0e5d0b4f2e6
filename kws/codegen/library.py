"""Which files make the C library, and what it expects of an export."""

from __future__ import annotations

import re
from pathlib import Path

from kws.errors import KwsError
from kws.files import write_all
from kws.image import make as firmware_build


def library_files() -> dict[str, str]:
    """The C library: text by path, whatever is below ``include`` and ``src``.

    Raises:
        KwsError: the sources are missing from this installation.
    """
    sources = firmware_build.sources_dir()
    paths = [p for folder in ("include", "src") for p in sorted((sources / folder).rglob("*")) if p.is_file()]
    return {path.relative_to(sources).as_posix(): path.read_text() for path in paths if not path.name.startswith(".")}


def copy_library(out: Path) -> None:
    """Copy the C library's ``include`` and ``src`` folders beside exported files.

    Raises:
        KwsError: the folder cannot be written.
    """
    write_all(out, library_files())


def model_format() -> int:
    """``KWS_MODEL_FORMAT``: of the structures that an export fills in, as the C library's header has it.

    Raises:
        KwsError: the header is missing or names no format.
    """
    header = firmware_build.sources_dir() / "include/kws/model.h"
    found = re.search(r"^#define KWS_MODEL_FORMAT (\d+)$", header.read_text(), re.MULTILINE)
    if found is None:
        raise KwsError(f"{header} does not define KWS_MODEL_FORMAT; reinstall kws")
    return int(found[1])
