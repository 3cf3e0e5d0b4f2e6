"""Downloads of public data sets: resumed after an interruption, checked, and unpacked into a folder of one's own."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import shutil
import ssl
import stat
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from kws.datasets.public import Archive, DataSet
from kws.errors import KwsError
from kws.types import Progress, StageProgress, silent

_TIMEOUT = 30.0
_CHUNK = 1 << 20
# Consecutive attempts that bring no byte before giving up.
_ATTEMPTS = 3
_PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 206, 416
_START = re.compile(r"bytes (\d+)-")
# Resource forks that macOS packs beside the files.
_IGNORED = "__MACOSX"


def get(data: DataSet, out: str | Path, progress: StageProgress | None = None) -> Path:
    """Download, check and unpack a data set into the folder ``out``.

    The archive arrives beside ``out`` as a ``.part`` file; interrupted, by Ctrl-C too, the next call goes
    on from there. ``out`` appears when everything is unpacked and arranged, and the archive is
    deleted then.

    Args:
        data: which (`kws.datasets.public`).
        out: a folder that does not exist yet, or is empty.
        progress: called with (what is done, how much of it, how much there is): bytes, then files.

    Returns:
        ``out``.

    Raises:
        KwsError: a folder in the way, no connection, no room, or an archive that fails its checksum.
    """
    out = Path(out)
    tell = progress if progress is not None else silent
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise KwsError(f"{out} already exists and is not empty; name another folder or delete it")
    source = data.archive
    archive = out.parent / source.file
    part = archive.with_name(f"{archive.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not archive.exists():
            _fetch(source, part, data.unpacked_megabytes, lambda done, total: tell("downloading (bytes)", done, total))
            _verify(part, source)
            part.replace(archive)
        _unpack(archive, out, data, tell)
        archive.unlink()
    except OSError as error:
        raise KwsError(f"cannot store the data set in {out}: {error}; check the folder and the free space") from error
    return out


def _require_space(folder: Path, needed: int, what: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise KwsError(
            f"{what} needs {needed / 1e6:.0f} MB in {folder} and {free / 1e6:.0f} MB are free;"
            " make room there or name a folder on another disk"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch(source: Archive, part: Path, unpacked_megabytes: int, progress: Progress) -> None:
    """Bring the archive here, from the first of its addresses that answers."""
    reasons = []
    for url in source.urls:
        try:
            _fetch_from(url, part, unpacked_megabytes, progress)
            return
        except _Unreachable as error:
            reasons.append(f"cannot download {url}: {error}")
    raise KwsError(
        f"{'; '.join(reasons)}; check the internet connection and run the same command again,"
        f" it goes on after the {_size(part) / 1e6:.1f} MB that are here"
    )


class _Unreachable(Exception):
    """An address that gives nothing; another one may."""


def _fetch_from(url: str, part: Path, unpacked_megabytes: int, progress: Progress) -> None:
    attempts = 0
    while True:
        before = _size(part)
        reason = "the connection was cut"
        try:
            if _fetch_once(url, part, unpacked_megabytes, progress):
                return
        except urllib.error.HTTPError as error:
            raise _Unreachable(f"the server says {error.code} {error.reason}") from error
        except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, ConnectionError, TimeoutError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        attempts = 0 if _size(part) > before else attempts + 1
        if attempts >= _ATTEMPTS:
            raise _Unreachable(reason)


def _fetch_once(url: str, part: Path, unpacked_megabytes: int, progress: Progress) -> bool:
    """Append to ``part`` what one connection delivers; return whether the file is complete."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        # Nothing lies beyond the last byte: the file is complete, and its checksum will tell.
        if error.code == _RANGE_NOT_SATISFIABLE:
            return True
        raise
    with response:
        if response.status != _PARTIAL_CONTENT or not _goes_on(response.headers.get("Content-Range"), have):
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else 0
        _require_space(part.parent, max(total - have, 0) + unpacked_megabytes * 10**6, "the data set")
        with part.open("ab" if have else "wb") as file:
            while data := response.read(_CHUNK):
                file.write(data)
                have += len(data)
                progress(have, total)
    return have >= total


def _goes_on(content_range: str | None, have: int) -> bool:
    """Whether an answer begins where the file here ends; a server that does not say is believed."""
    match = _START.match(content_range or "")
    return match is None or int(match[1]) == have


def _verify(part: Path, source: Archive) -> None:
    algorithm, _, wanted = source.checksum.partition(":")
    with part.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != wanted:
        # Resuming a damaged file could never end well.
        part.unlink()
        raise KwsError(
            f"the download is damaged or the publisher changed it ({algorithm} {found}, not {wanted}) and was deleted;"
            " download it again"
        )


@dataclass(frozen=True)
class _Member:
    """A file or folder in an archive."""

    name: str
    folder: bool
    plain: bool
    size: int
    open: Callable[[], IO[bytes]]


class _UnpackError(Exception):
    """An archive that cannot be unpacked; the message says why."""


def _tar_members(file: tarfile.TarFile) -> Iterator[_Member]:
    def opened(member: tarfile.TarInfo) -> IO[bytes]:
        content = file.extractfile(member)
        if content is None:
            raise _UnpackError(f"it holds {member.name!r} without contents")
        return content

    for member in file:
        plain = member.isfile() or member.isdir()
        yield _Member(member.name, member.isdir(), plain, member.size, partial(opened, member))


def _opened_zip(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    return zipped.open(member)


def _zip_members(file: zipfile.ZipFile) -> Iterator[_Member]:
    for member in file.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        yield _Member(member.filename, member.is_dir(), plain, member.file_size, partial(_opened_zip, file, member))


@contextlib.contextmanager
def _opened(raw: IO[bytes]) -> Iterator[tuple[Iterator[_Member], int]]:
    """The members of an archive and how many bytes they unpack to, 0 if it does not say."""
    if zipfile.is_zipfile(raw):
        with zipfile.ZipFile(raw) as packed:
            yield _zip_members(packed), sum(member.file_size for member in packed.infolist())
    else:
        raw.seek(0)
        with tarfile.open(fileobj=raw) as file:
            yield _tar_members(file), 0


def _unpack(archive: Path, out: Path, data: DataSet, tell: StageProgress) -> None:
    unpacking = out.with_name(f".{out.name}.unpacking")
    shutil.rmtree(unpacking, ignore_errors=True)
    try:
        with archive.open("rb") as raw, _opened(raw) as (members, size):
            _require_space(out.parent, size or data.unpacked_megabytes * 10**6, "unpacking")
            unpacking.mkdir()
            for member in members:
                _extract(member, unpacking, data.root)
                tell("unpacking (bytes)", raw.tell(), _size(archive))
        if data.arrange is not None:
            data.arrange(unpacking, lambda done, total: tell("arranging (files)", done, total))
        if out.exists():
            out.rmdir()
        unpacking.replace(out)
    except (_UnpackError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise KwsError(f"cannot unpack {archive}: {error}; delete it and download it again") from error
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)


def _extract(member: _Member, folder: Path, root: str) -> None:
    # tarfile's own "data" filter is missing from Python 3.11.0 to 3.11.3, Debian 12's among them.
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if member.name.startswith("/") or ".." in parts or not member.plain:
        raise _UnpackError(f"it holds {member.name!r}, which is no plain file or folder of its own")
    if parts[:1] == [_IGNORED] or (root and parts[:1] != [root]):
        return
    target = folder.joinpath(*parts[1 if root else 0 :])
    if member.folder:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as content, target.open("wb") as file:
        shutil.copyfileobj(content, file)
