"""TOML files that may stand on others: ``base = "other.toml"`` says what holds where the file itself says nothing."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from kws.errors import KwsError
from kws.fields import require
from kws.files import read_file


def read(path: Path) -> dict[str, Any]:
    """The values of a file, on top of those of its base, whose path is from the file's own folder.

    Sections are merged key by key, but for one whose ``kind`` is another than the base's: it stands alone.

    Raises:
        KwsError: the file or a base of it is missing, is not TOML, or is its own base.
    """
    merged: dict[str, Any] = {}
    for _, values in reversed(_chain(path)):
        merged = _merged(merged, values)
    return merged


def files(path: Path) -> list[Path]:
    """A file, its base, the base of that, and so on.

    Raises:
        KwsError: as `read`.
    """
    return [place for place, _ in _chain(path)]


def value(of: Any) -> str:
    """A plain value as TOML."""
    if isinstance(of, list | tuple):
        return f"[{', '.join(value(v) for v in of)}]"
    # JSON's strings and numbers are also TOML's; NaN and infinity never pass the validation.
    return json.dumps(of)


def _chain(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """A file and its bases with what each says itself."""
    found: list[tuple[Path, dict[str, Any]]] = []
    derived: list[Path] = []
    while True:
        # Not Path.resolve, which raises RuntimeError at a link to itself.
        here = Path(os.path.realpath(path))
        if here in derived:
            raise KwsError(f"{path} is its own base, by way of {', '.join(p.name for p in derived)}; remove one `base`")
        try:
            values = tomllib.loads(read_file(path).decode("utf-8-sig"))
        except OSError as error:
            what = f"the base of {derived[-1]}" if derived else "the configuration"
            raise KwsError(f"cannot read {what}, {path}: {error.strerror or error}") from error
        except ValueError as error:  # also of a whole number with more digits than Python reads
            raise KwsError(f"{path} is not valid TOML: {error}") from error
        except RecursionError:
            raise KwsError(f"{path} is not valid TOML: it is nested too deeply") from None
        base = values.pop("base", None)
        found.append((path, values))
        if base is None:
            return found
        usable = isinstance(base, str) and "\0" not in base
        require(usable, f"{path}: base must be the path of a configuration, not {base!r}")
        derived.append(here)
        path = path.parent / base


def _merged(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in values.items():
        old = base.get(name)
        # Keys of one kind mean nothing to another.
        same = isinstance(old, dict) and isinstance(value, dict) and value.get("kind") in (None, old.get("kind"))
        merged[name] = {**old, **value} if same and old else value
    return merged
