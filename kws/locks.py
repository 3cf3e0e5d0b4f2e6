"""Locks between processes, on files."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kws.errors import KwsError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, so one kws at a time
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock of a file, made with its folder if missing; waits for whoever holds it.

    Who removes the file must hold its lock; a process that waited for it then makes it anew.

    Yields:
        The file's descriptor. A process that inherits it holds the lock too, as long as it lives.

    Raises:
        OSError: the file cannot be made.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_locked(path))
        while not _is_at(file, path):
            stack.close()
            file = stack.enter_context(_locked(path))
        yield file.fileno()


@contextlib.contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Hold the lock of a file unless another holds it; gives whether it is held now.

    Raises:
        OSError: there is no such file, or it cannot be opened.
    """
    with path.open("r+", encoding="utf-8") as file:
        yield _take(file) and _is_at(file, path)


@contextlib.contextmanager
def only(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock of a file that is there only meanwhile.

    A folder whose files cannot be locked, somewhere on a network, is taken as nobody else's.

    Raises:
        OSError: the file cannot be made.
        KwsError: another holds it; ``busy`` is what it says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a", encoding="utf-8") as file:
            try:
                held = _take(file)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                held = True
            if not held:
                raise KwsError(busy)
            if not _is_at(file, path):
                continue
            try:
                yield
            finally:
                # Windows removes no file that is open.
                with contextlib.suppress(OSError):
                    path.unlink()
            return


def _take(file: IO[str]) -> bool:
    """Take a file's lock unless another holds it; whether it is held now."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _is_at(file: IO[str], path: Path) -> bool:
    """Whether an open file still is the one of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
