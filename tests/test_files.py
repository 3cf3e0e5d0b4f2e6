"""Writing files: what is in the way stays."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from kws.errors import KwsError
from kws.files import replacing, require_folder, require_place, user_cache, write_atomic


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def link(folder: Path) -> Path:
    (folder / "link").symlink_to(pipe(folder))
    return folder / "link"


@pytest.mark.parametrize("make", [pipe, link])
def test_what_is_no_file_stays(make, tmp_path):
    """As root, /dev/null is as easily replaced."""
    path = make(tmp_path)
    for write in (lambda: write_atomic(path, "text"), lambda: require_place(path)):
        with pytest.raises(KwsError, match="a device or a pipe"):
            write()
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert {p.name for p in tmp_path.iterdir()} == {"pipe", path.name}


def test_a_socket_stays():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        path = Path(folder, "s")
        listening.bind(str(path))
        with pytest.raises(KwsError, match="a device or a pipe"), replacing(path):
            pass
        assert stat.S_ISSOCK(path.stat().st_mode)


def test_a_file_is_replaced(tmp_path):
    write_atomic(tmp_path / "new" / "a.txt", "one")
    write_atomic(tmp_path / "new" / "a.txt", "two")
    assert (tmp_path / "new" / "a.txt").read_text("utf-8") == "two"


def test_a_folder_is_tried_and_not_made(tmp_path):
    require_folder(tmp_path / "new" / "er")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(KwsError, match="file is not a folder"):
        require_folder(tmp_path / "file" / "yes")
    # Root may write anywhere but here.
    with pytest.raises(KwsError, match="cannot write into /proc/kws/yes"):
        require_folder(Path("/proc/kws/yes"))


def test_no_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    # As it is for a user that the system does not know.
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(KwsError, match=r"there is no home folder .* XDG_CACHE_HOME"):
        user_cache()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "kws"
