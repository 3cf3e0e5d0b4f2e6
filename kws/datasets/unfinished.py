"""Folders that take long to make: hidden until complete, and gone on with after an interruption."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kws import locks
from kws.errors import KwsError
from kws.files import write_atomic

ROWS = ".rows"
_PLAN = ".plan.json"


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.making")


def require_absent(out: Path) -> None:
    """Refuse to make a folder that is there.

    Raises:
        KwsError: it is.
    """
    if out.exists():
        raise KwsError(f"{out} already exists; name another folder or delete it")


@contextlib.contextmanager
def making(out: Path, settings: dict[str, Any]) -> Iterator[Path]:
    """A folder beside ``out`` to fill, which gets its name at the end of the block.

    Where the block ends in an exception the folder stays, and the same call goes on with it.

    Args:
        out: the folder to make.
        settings: everything that the contents depend on; goes through JSON.

    Yields:
        The folder; empty unless it was begun with the same settings.

    Raises:
        KwsError: another process is making it, it is there already, or it cannot be written: any `OSError` in the
            block is taken for that.
    """
    partial = _partial(out)
    try:
        # Two would write halves of two folders, or delete each other's.
        with locks.only(
            partial.with_name(f"{partial.name}.lock"),
            f"another kws is making {out}; wait for its end, or name another folder",
        ):
            require_absent(out)
            _begin(partial, json.dumps(settings, indent=2) + "\n")
            yield partial
            (partial / _PLAN).unlink(missing_ok=True)
            shutil.rmtree(partial / ROWS, ignore_errors=True)
            partial.replace(out)
    except OSError as error:
        raise KwsError(f"cannot write {out}: {error}; check the folder and the free space") from error


def _begin(partial: Path, settings: str) -> None:
    """Make the folder, or keep what was begun with the same settings."""
    plan = partial / _PLAN
    with contextlib.suppress(UnicodeDecodeError):
        if plan.is_file() and plan.read_text(encoding="utf-8") == settings:
            return
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_atomic(plan, settings)


def drop(out: Path) -> None:
    """Delete unfinished work."""
    shutil.rmtree(_partial(out), ignore_errors=True)
