"""Copying what comes with kws: ``--copy NAME [DIR]``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kws.errors import KwsError, UsageError
from kws.files import read_file, write_atomic


def place(given: Sequence[str], what: str) -> tuple[str, Path]:
    """The name and the folder that ``--copy`` was given.

    Raises:
        UsageError: it was given more.
    """
    if len(given) > 2:
        raise UsageError(f"--copy takes one {what} and one folder")
    return given[0], Path(*given[1:])


def copy(sources: Sequence[Path], folder: Path) -> list[Path]:
    """Copy a file and what belongs to it into a folder; returns where they are.

    Raises:
        KwsError: the first is there already, or another one with other content; or the folder cannot be written.
    """
    targets = [folder / source.name for source in sources]
    for source, target in zip(sources, targets, strict=True):
        # What belongs to it may be there as it is; the first may have been changed since.
        if target.exists() and (source is sources[0] or target.read_bytes() != source.read_bytes()):
            raise KwsError(f"{target} is there already; name another folder")
    for source, target in zip(sources, targets, strict=True):
        write_atomic(target, read_file(source))
    return targets
