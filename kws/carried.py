"""What a checkout has beside the package and an installed kws carries inside it: ``docs`` as ``_docs``, and so on."""

from __future__ import annotations

from pathlib import Path

from kws.errors import KwsError


def places(name: str) -> tuple[Path, Path]:
    """Where a folder of the checkout may be: inside the installed package, or beside it."""
    package = Path(__file__).resolve().parent
    return package / f"_{name}", package.parent / name


def folder(name: str, what: str) -> Path:
    """The folder of a name.

    Args:
        name: of the checkout's folder.
        what: it holds, in words.

    Raises:
        KwsError: it is missing from this installation.
    """
    found = next((place for place in places(name) if place.is_dir()), None)
    if found is None:
        raise KwsError(f"{what} are missing from this installation of kws; reinstall kws")
    return found
