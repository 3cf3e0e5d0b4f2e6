"""Where a model is exported and compiled: one folder a model, in the user's cache, which has a limit."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kws import codegen, firmware, locks
from kws.errors import KwsError
from kws.files import user_cache, write_atomic
from kws.model.file import Model

DEFAULT_LIMIT = 1_000_000_000
"""Bytes that the builds may take together, unless :func:`set_limit` was told otherwise."""

_LOCK = "lock"
_LIMIT = "limit"
_BUILD = re.compile(r"[0-9a-f]+-[0-9a-f]{16}")
_GOING = "going-"


@dataclass(frozen=True)
class Build:
    """What is kept of one model.

    Attributes:
        folder: where.
        size: of its files, in bytes.
        used: when it was used last, in seconds since 1970.
    """

    folder: Path
    size: int
    used: float


def root() -> Path:
    """The folder of all builds: `kws.files.user_cache`."""
    return user_cache()


def model_folder(model: Model) -> Path:
    """The folder for what is built from ``model`` and the present firmware sources.

    It lies under :func:`root` and is named after both, and after where the sources lie, so that a changed
    model or library never meets an old build, whose dependencies name files by their paths.
    """
    sources = firmware.sources_dir()
    digest = hashlib.sha256(os.fsencode(sources) + b"\0")
    for path in sorted(p for p in sources.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(sources)).encode() + b"\0" + path.read_bytes() + b"\0")
    return root() / f"{model.id}-{digest.hexdigest()[:16]}"


@contextlib.contextmanager
def exported(model: Model, folder: Path | None = None) -> Iterator[tuple[Path, Path]]:
    """The folders of the exported model and for what is built from it, to build in and read from while this lasts.

    Two processes that build in the same place would link each other's half-written objects, so
    the second waits for the first. A build in the cache is not removed while this lasts; a new
    one makes room for itself.

    Args:
        model: what to export.
        folder: where; the model's folder in the cache if not given.

    Raises:
        KwsError: the folder cannot be written.
    """
    cached = folder is None
    folder = folder or model_folder(model)
    new = not folder.exists()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.locked(folder / _LOCK))
            os.utime(folder / _LOCK)
        except OSError as error:
            reason = error.strerror or error
            raise KwsError(f"cannot build in {folder}: {reason}; set XDG_CACHE_HOME to a folder with room") from error
        codegen.export(model, folder / "model")
        yield folder / "model", folder
        if cached and new:
            trim(limit())


def builds() -> list[Build]:
    """Everything in the cache, what was used longest ago first."""
    found = []
    for folder in _folders(_BUILD):
        with contextlib.suppress(OSError):
            found.append(Build(folder, _size(folder), (folder / _LOCK).stat().st_mtime))
    return sorted(found, key=lambda build: build.used)


def limit() -> int:
    """Bytes that the builds may take together."""
    try:
        return int((root() / _LIMIT).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return DEFAULT_LIMIT


def set_limit(size: int) -> None:
    """Keep a limit in bytes, for this and later commands.

    Raises:
        KwsError: it cannot be written.
    """
    write_atomic(root() / _LIMIT, f"{size}\n")


def trim(size: int) -> list[Build]:
    """Remove builds until they take no more than ``size`` bytes, what was used longest ago first.

    A build that a process works with stays.

    Returns:
        What was removed.
    """
    for folder in _folders(re.compile(f"{_GOING}.*")):
        # Left by a process that was ended while it removed it.
        shutil.rmtree(folder, ignore_errors=True)
    kept = builds()
    excess = sum(build.size for build in kept) - size
    removed = []
    for build in kept:
        if excess <= 0:
            break
        if _remove(build.folder):
            removed.append(build)
            excess -= build.size
    return removed


def _folders(name: re.Pattern[str]) -> list[Path]:
    try:
        return [path for path in root().iterdir() if name.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return []


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; some may vanish meanwhile."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(Path(parent, name)).st_size
    return size


def _remove(folder: Path) -> bool:
    try:
        with locks.if_free(folder / _LOCK) as free:
            if not free:
                return False
            # Out of the way at once: nobody may find half a build.
            going = Path(tempfile.mkdtemp(prefix=_GOING, dir=folder.parent))
            folder.replace(going)
    except OSError:
        return False
    shutil.rmtree(going, ignore_errors=True)
    return True
