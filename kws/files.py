"""Writing files so that a full disk or Ctrl-C leaves the old one or the new one, never half."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kws import interrupts
from kws.errors import KwsError


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` with the same suffix; rename it when all went well.

    Raises:
        KwsError: the file cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise KwsError(f"cannot write {path}: {error.strerror or error}") from error
    temporary = Path(name)

    def remove() -> None:
        temporary.unlink(missing_ok=True)

    try:
        with interrupts.cleanup(remove):
            yield temporary
            # mkstemp makes files private; give this one what open() would have.
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o666 & ~mask)
            temporary.replace(path)
    except OSError as error:
        raise KwsError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        remove()


@contextlib.contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A folder in the system's temporary folder that is gone afterwards, however the process ends.

    Args:
        purpose: one word for its name.

    Raises:
        KwsError: it cannot be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix=f"kws-{purpose}-", ignore_cleanup_errors=True)
    except OSError as error:
        raise KwsError(f"cannot make a temporary folder: {error.strerror or error}") from error
    with folder as name, interrupts.cleanup(folder.cleanup):
        yield Path(name)


def require_place(path: str | Path | None) -> None:
    """Find out before long work whether its result can be written; None is nowhere.

    Raises:
        KwsError: ``path`` is a folder, or files cannot be made beside it.
    """
    if path is None:
        return
    if Path(path).is_dir():
        raise KwsError(f"cannot write {path}: it is a folder")
    with contextlib.suppress(_Tried), replacing(path):
        raise _Tried


class _Tried(Exception):
    pass


def write_atomic(path: str | Path, content: bytes | str) -> None:
    """Write a whole file.

    Raises:
        KwsError: the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode(errors="surrogateescape") if isinstance(content, str) else content)


def write_all(folder: Path, texts: dict[str, str]) -> None:
    """Write several files that belong together: all are on the disk before the first is renamed.

    A file that already is so keeps its time, so that make has nothing to do.

    Args:
        folder: made if missing.
        texts: contents by path below the folder.

    Raises:
        KwsError: a file cannot be written; then none is.
    """
    with contextlib.ExitStack() as pending:
        for name, text in texts.items():
            path = folder / name
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if path.read_text(encoding="utf-8") == text:
                    continue
            pending.enter_context(replacing(path)).write_text(text, encoding="utf-8")
