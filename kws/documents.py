"""The pages of ``docs/``: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from kws import carried
from kws.errors import no_such

_SUFFIX = ".md"


def folder() -> Path:
    """Where they are.

    Raises:
        KwsError: they are missing from this installation.
    """
    return carried.folder("docs", "the pages of docs/")


def names() -> list[str]:
    """Their names, such as ``own-words`` and ``boards/nrf52840``, in order of the alphabet.

    Raises:
        KwsError: they are missing from this installation.
    """
    root = folder()
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob(f"*{_SUFFIX}"))


def find(name: str) -> Path:
    """The file of a page, by its name, or by its path as texts give it (``docs/own-words.md``).

    Raises:
        UsageError: there is none of that name.
        KwsError: they are missing from this installation.
    """
    known = names()
    bare = name.removeprefix("docs/").removesuffix(_SUFFIX)
    if bare not in known:
        raise no_such("there is no page", name, known)
    return folder() / f"{bare}{_SUFFIX}"


def title(name: str) -> str:
    """A page's heading.

    Raises:
        UsageError: there is none of that name.
        KwsError: they are missing from this installation.
    """
    with find(name).open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
