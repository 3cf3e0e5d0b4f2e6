"""The models that come with kws: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from kws import carried

START = "commands12"
"""What words of one's own start from."""
ENSEMBLES = "ensembles"
"""The folder of models that are several networks."""


@cache
def models() -> dict[str, Path]:
    """Their files by name, such as ``yes-no`` and ``always-on/yes-no``; those without a folder first."""
    for folder in carried.places("models"):
        if folder.is_dir():
            found = {path.stem: path for path in sorted(folder.glob("*.tflite"), key=lambda path: path.stem)}
            return found | {f"{path.parent.name}/{path.stem}": path for path in sorted(folder.glob("*/*.tflite"))}
    return {}


def starts() -> dict[str, Path]:
    """Those that a training can start from: of :func:`models` all but the ensembles, whose members can."""
    return {name: path for name, path in models().items() if not name.startswith(f"{ENSEMBLES}/")}
