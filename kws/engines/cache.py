"""Where engines keep what they compile: one folder a model, in the user's cache."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from kws.firmware_build import sources_dir
from kws.quantize.model import Model


def model_folder(model: Model) -> Path:
    """The folder for what is built from ``model`` and the present firmware sources.

    It lies under ``$XDG_CACHE_HOME/kws`` (``~/.cache/kws``) and is named after both, so that a
    changed model or library never meets an old build.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kws"
    digest = hashlib.sha256()
    sources = sources_dir()
    for path in sorted(p for p in sources.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(sources)).encode() + b"\0" + path.read_bytes() + b"\0")
    return root / f"{model.id}-{digest.hexdigest()[:16]}"
