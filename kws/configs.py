"""The configurations that come with kws: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from kws import carried
from kws.errors import no_such

_SUFFIX = ".toml"


def folder() -> Path:
    """Where they are.

    Raises:
        KwsError: they are missing from this installation.
    """
    return carried.folder("configs", "the configurations")


def names() -> list[str]:
    """Their names, in order of the alphabet."""
    return sorted(path.stem for path in folder().glob(f"*{_SUFFIX}"))


def find(name: str) -> Path:
    """The file of a configuration, by its name with or without ``.toml``.

    Raises:
        UsageError: there is none of that name.
    """
    known = names()
    if name.removesuffix(_SUFFIX) not in known:
        raise no_such("there is no configuration", name, known)
    return folder() / f"{name.removesuffix(_SUFFIX)}{_SUFFIX}"


def meant(given: Path) -> Path:
    """The file that somebody who writes ``given`` means: that, or a configuration that comes with kws by its bare name.

    Raises:
        UsageError: it is a bare name, neither of a file nor of a configuration.
    """
    bare = not given.exists() and given.parent == Path() and not given.suffix
    return find(given.name) if bare else given


def about(name: str) -> str:
    """The first sentence of a configuration's first comment.

    Raises:
        UsageError: there is none of that name.
    """
    lines = []
    for line in find(name).read_text(encoding="utf-8").splitlines():
        if line in ("", "#") or not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return f"{' '.join(lines).rstrip(':').partition('. ')[0].rstrip('.')}."
