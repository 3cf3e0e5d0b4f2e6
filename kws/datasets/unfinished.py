"""Folders that take long to make: hidden until complete, and gone on with after an interruption."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from kws.errors import KwsError
from kws.files import write_atomic

ROWS = ".rows"
_PLAN = ".plan.json"


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.making")


def resume(out: Path, settings: dict[str, Any]) -> Path:
    """The folder of unfinished work on ``out``, beside it; empty unless it was begun with the same settings.

    Args:
        out: the folder to make.
        settings: everything that the contents depend on; goes through JSON.

    Raises:
        KwsError: it cannot be made.
    """
    partial = _partial(out)
    plan = partial / _PLAN
    text = json.dumps(settings, indent=2) + "\n"
    try:
        if plan.is_file() and plan.read_text(encoding="utf-8") == text:
            return partial
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    except (OSError, UnicodeDecodeError) as error:
        raise KwsError(f"cannot write {partial}: {error}; check the folder and the free space") from error
    write_atomic(plan, text)
    return partial


def complete(out: Path) -> None:
    """Give the finished folder its name.

    Raises:
        OSError: it cannot be renamed.
    """
    partial = _partial(out)
    (partial / _PLAN).unlink(missing_ok=True)
    shutil.rmtree(partial / ROWS, ignore_errors=True)
    partial.replace(out)


def drop(out: Path) -> None:
    """Delete unfinished work."""
    shutil.rmtree(_partial(out), ignore_errors=True)
