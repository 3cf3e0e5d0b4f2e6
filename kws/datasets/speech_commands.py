"""Download Speech Commands (Warden 2018, arXiv:1804.03209; CC BY 4.0) from its public home."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import ssl
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from kws.errors import KwsError
from kws.types import Progress

_HOME = "https://storage.googleapis.com/download.tensorflow.org/data/"
_TIMEOUT = 30.0
_CHUNK = 1 << 20
# Consecutive attempts that bring no byte before giving up.
_ATTEMPTS = 3
_PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 206, 416


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        url: where it is.
        sha256: its SHA-256, in hexadecimal.
    """

    url: str
    sha256: str


# The digests are TensorFlow Datasets' and torchaudio's.
ARCHIVES = {
    "0.01": Archive(
        _HOME + "speech_commands_v0.01.tar.gz", "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d"
    ),
    "0.02": Archive(
        _HOME + "speech_commands_v0.02.tar.gz", "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
    ),
}


def download(
    out: str | Path, version: str = "0.02", progress: Progress | None = None, archive: Archive | None = None
) -> Path:
    """Download, check and unpack the data set into the folder ``out``.

    The archive (2.4 GB for 0.02) arrives beside ``out`` as a ``.part`` file; interrupted, by
    Ctrl-C too, the next call goes on from there. ``out`` appears when everything is
    unpacked, and the archive is deleted then.

    Args:
        out: a folder that does not exist yet, or is empty.
        version: ``0.02`` or ``0.01``.
        progress: called with (bytes done, bytes in total) while downloading.
        archive: another source than the published one.

    Returns:
        ``out``.

    Raises:
        KwsError: an unknown version, a folder in the way, no connection, no room, or an
            archive that fails its checksum.
    """
    out = Path(out)
    if archive is None and version not in ARCHIVES:
        raise KwsError(f"there is no Speech Commands {version}; choose one of {', '.join(ARCHIVES)}")
    source = archive if archive is not None else ARCHIVES[version]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise KwsError(f"{out} already exists and is not empty; name another folder or delete it")
    name = source.url.rsplit("/", 1)[-1]
    tarball, part = out.parent / name, out.parent / f"{name}.part"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not tarball.exists():
            _fetch(source.url, part, progress)
            _verify(part, source.sha256)
            part.replace(tarball)
        _unpack(tarball, out)
        tarball.unlink()
    except OSError as error:
        raise KwsError(f"cannot store the data set in {out}: {error}; check the folder and the free space") from error
    return out


def _fetch(url: str, part: Path, progress: Progress | None) -> None:
    attempts = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        reason = "the connection was cut"
        try:
            if _fetch_once(url, part, progress):
                return
        except urllib.error.HTTPError as error:
            raise KwsError(f"cannot download {url}: the server says {error.code} {error.reason}") from error
        except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, ConnectionError, TimeoutError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        after = part.stat().st_size if part.exists() else 0
        attempts = 0 if after > before else attempts + 1
        if attempts >= _ATTEMPTS:
            raise KwsError(
                f"cannot download {url}: {reason}; check the internet connection and run the same command again,"
                f" it goes on after the {after / 1e6:.1f} MB that are here"
            )


def _fetch_once(url: str, part: Path, progress: Progress | None) -> bool:
    """Append to ``part`` what one connection delivers; return whether the file is complete."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        # Nothing lies beyond the last byte: the file is complete, and its checksum will tell.
        if error.code == _RANGE_NOT_SATISFIABLE:
            return True
        raise
    with response:
        if response.status != _PARTIAL_CONTENT:
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else 0
        with part.open("ab" if have else "wb") as file:
            while data := response.read(_CHUNK):
                file.write(data)
                have += len(data)
                if progress is not None:
                    progress(have, total)
    return have >= total


def _verify(part: Path, sha256: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        # Resuming a damaged file could never end well.
        part.unlink()
        raise KwsError(f"the download is damaged (SHA-256 {found}, not {sha256}) and was deleted; download it again")


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    # tarfile's own "data" filter is missing from Python 3.11.0 to 3.11.3, Debian 12's among them.
    target = folder / member.name
    if not target.resolve().is_relative_to(folder.resolve()) or not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"it holds {member.name!r}, which is no plain file or folder of its own")
    content = archive.extractfile(member)
    if content is None:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file)


def _unpack(tarball: Path, out: Path) -> None:
    partial = out.with_name(f".{out.name}.unpacking")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with tarfile.open(tarball) as archive:
            for member in archive:
                _extract(archive, member, partial)
        if out.exists():
            out.rmdir()
        partial.replace(out)
    except (tarfile.TarError, EOFError) as error:
        raise KwsError(f"cannot unpack {tarball}: {error}; delete it and download it again") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
