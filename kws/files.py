"""Writing files so that a full disk or Ctrl-C leaves the old one or the new one, never half."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from kws import interrupts
from kws.errors import KwsError

JSON_DEPTH = 64
"""Of what kws reads; deeper values would break whatever walks them recursively."""


def user_cache() -> Path:
    """Where kws keeps what it can make again: ``$XDG_CACHE_HOME/kws``, or ``~/.cache/kws``.

    Raises:
        KwsError: the user has no home folder, as in a container that does not know the user.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kws"
    except RuntimeError as error:
        raise KwsError("there is no home folder to keep files in; name a folder in XDG_CACHE_HOME") from error


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` with the same suffix; rename it when all went well.

    Raises:
        KwsError: the file cannot be written.
    """
    path = Path(path)
    try:
        _refuse_devices(path)
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


def _refuse_devices(path: Path) -> None:
    """Renaming a file onto ``/dev/null`` would put it in the device's place, for every program.

    Raises:
        OSError: it is a device, a pipe or a socket.
    """
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, "it is a device or a pipe, not a file")


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


def require_folder(folder: Path) -> None:
    """Find out whether files can be made in a folder that may have to be made first; it is not made.

    Raises:
        KwsError: they cannot.
    """
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            raise KwsError(f"cannot write into {folder}: {there} is not a folder")
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise KwsError(f"cannot write into {folder}: {error.strerror or error}") from error


def read_file(path: str | Path) -> bytes:
    """The contents of a file or a pipe, but not of a device, which may never end.

    Raises:
        OSError: it cannot be read, or is a device.
    """
    with Path(path).open("rb") as file:
        if is_endless(file):
            raise OSError(errno.EINVAL, "it is a device, not a file", os.fspath(path))
        return file.read()


def is_other(path: str | Path) -> bool:
    """Whether at a path, links followed, is something that is no regular file: a pipe or a folder, say."""
    return not os.path.isfile(path) and os.path.exists(path)


def require_regular(path: Path, what: str) -> None:
    """Refuse what bears the name of a file that belongs to a folder and is none: reading a pipe may never end.

    Args:
        path: where the file is, or nothing.
        what: the file must be, in words.

    Raises:
        KwsError: there is a pipe, a folder or a device.
    """
    if is_other(path):
        raise KwsError(f"{path} is no file; it must be {what}")


def is_endless(file: BinaryIO) -> bool:
    """Whether an open file is a device such as ``/dev/zero``; ``/dev/null`` ends at once and is none."""
    found = os.fstat(file.fileno())
    return stat.S_ISCHR(found.st_mode) and found.st_rdev != os.stat(os.devnull).st_rdev


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON text that anybody may have written.

    Raises:
        ValueError: it is not JSON in UTF-8, or nested more than :data:`JSON_DEPTH` deep.
    """
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(JSON_DEPTH + 1):
        groups = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [item for group in groups for item in group]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def write_atomic(path: str | Path, content: bytes | str) -> None:
    """Write a whole file.

    Raises:
        KwsError: the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode(errors="surrogateescape") if isinstance(content, str) else content)


def write_all(folder: Path, texts: Mapping[str, str | bytes]) -> None:
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
            path, content = folder / name, text.encode() if isinstance(text, str) else text
            with contextlib.suppress(OSError):
                if path.is_file() and path.read_bytes() == content:
                    continue
            pending.enter_context(replacing(path)).write_bytes(content)
