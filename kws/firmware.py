"""The firmware's C sources: where they lie, and which of them are the library."""

from __future__ import annotations

import os
from pathlib import Path

from kws.errors import KwsError

LIBRARY_FOLDERS = ("include", "src")
"""Every file below these is part of the library; firmware/Makefile compiles the .c files of ``src``."""


def sources_dir() -> Path:
    """The firmware's folder: inside the installed package, or beside it in a checkout.

    ``$KWS_FIRMWARE`` names another one: a copy with changes, such as a layer of one's own.

    Raises:
        KwsError: it is in neither place.
    """
    package = Path(__file__).resolve().parent
    own = os.environ.get("KWS_FIRMWARE")
    for folder in (Path(own),) if own else (package / "_firmware", package.parent / "firmware"):
        if (folder / "Makefile").is_file():
            return folder
    raise KwsError("the firmware's C sources are missing from this installation of kws; reinstall kws")


def library_files() -> dict[str, str]:
    """The C library: the text of each file by its path, relative to :func:`sources_dir`, in order of the paths.

    Raises:
        KwsError: the sources are missing from this installation.
    """
    sources = sources_dir()
    paths = [path for folder in LIBRARY_FOLDERS for path in sorted((sources / folder).rglob("*")) if path.is_file()]
    return {path.relative_to(sources).as_posix(): path.read_text() for path in paths if not path.name.startswith(".")}
