"""The firmware's C sources: where they lie, and which of them are the library."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kws import carried
from kws.errors import KwsError

LIBRARY_FOLDERS = ("include", "src")
"""Every file below these is part of the library; firmware/Makefile compiles the .c files of ``src``."""


def sources_dir() -> Path:
    """The firmware's folder: inside the installed package, or beside it in a checkout.

    ``$KWS_FIRMWARE`` names another folder: a copy with changes, such as a layer of one's own.

    Raises:
        KwsError: it is in neither place.
    """
    own = os.environ.get("KWS_FIRMWARE")
    for folder in (Path(own),) if own else carried.places("firmware"):
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
    return {
        path.relative_to(sources).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if not path.name.startswith(".")
    }


def model_format() -> int:
    """``KWS_MODEL_FORMAT``: of the structures that an export fills in, as the library's header has it.

    Raises:
        KwsError: the header is missing or names no format.
    """
    header = sources_dir() / "include/kws/model.h"
    found = re.search(r"^#define KWS_MODEL_FORMAT (\d+)$", header.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise KwsError(f"{header} does not define KWS_MODEL_FORMAT; reinstall kws")
    return int(found[1])


def nrf52840_gain() -> int:
    """The microphone's gain on the nRF52840, as the board's header has it: steps of 0.5 dB, 0x28 being 0 dB.

    Raises:
        KwsError: the header is missing or names no gain.
    """
    header = sources_dir() / "boards/nrf52840/microphone.h"
    found = re.search(r"^#define MICROPHONE_GAIN 0x(\w+)u$", header.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise KwsError(f"{header} does not define MICROPHONE_GAIN; reinstall kws")
    return int(found[1], 16)
