"""Where a model is exported and compiled: one folder a model, in the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from kws import codegen, firmware
from kws.errors import KwsError
from kws.model.file import Model


def model_folder(model: Model) -> Path:
    """The folder for what is built from ``model`` and the present firmware sources.

    It lies under ``$XDG_CACHE_HOME/kws`` (``~/.cache/kws``) and is named after both, so that a
    changed model or library never meets an old build.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kws"
    digest = hashlib.sha256()
    sources = firmware.sources_dir()
    for path in sorted(p for p in sources.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(sources)).encode() + b"\0" + path.read_bytes() + b"\0")
    return root / f"{model.id}-{digest.hexdigest()[:16]}"


@contextlib.contextmanager
def exported(model: Model, folder: Path | None = None) -> Iterator[tuple[Path, Path]]:
    """The folders of the exported model and for what is built from it, to build in while this lasts.

    Two processes that build in the same place would link each other's half-written objects, so
    the second waits for the first.

    Args:
        model: what to export.
        folder: where; the model's folder in the cache if not given.

    Raises:
        KwsError: the folder cannot be written.
    """
    folder = folder or model_folder(model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        reason = error.strerror or error
        raise KwsError(f"cannot build in {folder}: {reason}; set XDG_CACHE_HOME to a folder with room") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        codegen.export(model, folder / "model")
        yield folder / "model", folder
