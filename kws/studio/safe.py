"""What a request may name: words, speakers, runs, and files inside the project's folder."""

from __future__ import annotations

import re
from pathlib import Path

from kws.datasets.clips import BACKGROUND
from kws.datasets.splits import SUFFIXES
from kws.errors import KwsError
from kws.live.record import require_name
from kws.text import is_text

LONGEST_NAME = 64
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_LONGEST_PATH = 400


class Refused(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        text: what is wrong, and what to do.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def name(value: object, what: str) -> str:
    """A word or a speaker.

    Raises:
        Refused: it cannot be a folder's name.
    """
    if not isinstance(value, str) or not is_text(value):
        raise Refused(400, f"the name of a {what} must be a text without control characters")
    if len(value.encode()) > LONGEST_NAME:
        raise Refused(400, f"the name of a {what} may have {LONGEST_NAME} bytes at most")
    try:
        require_name(value, what)
    except KwsError as error:
        raise Refused(400, str(error)) from None
    if value.startswith("-"):
        raise Refused(400, f"the name of a {what} may not begin with -, which begins an option")
    return value


def word(value: object) -> str:
    """A word to record, or the room.

    Raises:
        Refused: as `name`.
    """
    return BACKGROUND if value == BACKGROUND else name(value, "word")


def run_name(value: object) -> str:
    """The name of a run.

    Raises:
        Refused: it is none.
    """
    if not isinstance(value, str) or not _RUN.fullmatch(value):
        raise Refused(400, "a run's name has 1 to 40 letters, digits, - and _, and begins with a letter or digit")
    return value


def inside(root: Path, value: object) -> Path:
    """A file below a folder, links followed.

    Args:
        root: the folder.
        value: its path relative to ``root``, with slashes.

    Raises:
        Refused: it is no path, it leads out of the folder or into hidden files, or there is no such file.
    """
    if not isinstance(value, str) or not value or len(value) > _LONGEST_PATH or not is_text(value):
        raise Refused(400, "name a file by its path in the project's folder")
    parts = value.split("/")
    if "\\" in value or any(not part or part.startswith(".") for part in parts):
        raise Refused(403, "only files in the project's folder are served, none that are hidden")
    path = root.joinpath(*parts)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise Refused(404, "there is no such file; it may have been moved or deleted") from None
    if not real.is_relative_to(root.resolve()):
        raise Refused(403, "only files in the project's folder are served")
    if not real.is_file():
        raise Refused(404, "there is no such file")
    return path


def folder(root: Path, *parts: str) -> Path:
    """A folder below the project's, links followed, which may be missing.

    Raises:
        Refused: a link leads it out of there.
    """
    path = root.joinpath(*parts)
    if not path.resolve().is_relative_to(root.resolve()):
        raise Refused(403, f"{'/'.join(parts)} leads out of the project's folder; put a folder there instead of a link")
    return path


def clip(root: Path, value: object, folders: tuple[str, ...]) -> Path:
    """A recording in one of the folders of word folders.

    Raises:
        Refused: as :func:`inside`, or it is no recording there.
    """
    path = inside(root, value)
    parts = path.relative_to(root).parts
    if len(parts) != 3 or parts[0] not in folders or path.suffix.lower() not in SUFFIXES:
        raise Refused(403, "that is no recording in a word's folder")
    return path
