from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kws.datasets.speech_commands import ARCHIVES, Archive, download
from kws.errors import KwsError


def tarball(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


CLIP = hashlib.shake_256(b"clip").digest(3_000_000)
GOOD = tarball({"./yes/a_nohash_0.wav": CLIP, "./README.md": b"hello"})


class Server(ThreadingHTTPServer):
    """Serves ``content``; ``cut`` bytes into an answer the connection dies, as often as ``cuts`` says."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.ranges, self.cuts, self.cut, self.resumes = content, [], 0, 1_000_000, True

    def archive(self, content: bytes | None = None) -> Archive:
        sha256 = hashlib.sha256(self.content if content is None else content).hexdigest()
        return Archive(f"http://127.0.0.1:{self.server_port}/data/set.tar.gz", sha256)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if not self.path.endswith("set.tar.gz"):
            return self.send_error(404)
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.resumes else 0
        body = self.server.content[start:]
        if not body:
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.cuts > 0:
            self.server.cuts -= 1
            body = body[: self.server.cut]
        self.wfile.write(body)
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(GOOD) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_download(tmp_path: Path, server: Server) -> None:
    seen: list[tuple[int, int]] = []
    out = download(tmp_path / "data" / "sc", archive=server.archive(), progress=lambda *x: seen.append(x))
    assert (out / "yes" / "a_nohash_0.wav").read_bytes() == CLIP
    assert (out / "README.md").read_bytes() == b"hello"
    assert seen[-1] == (len(GOOD), len(GOOD))
    assert [p.name for p in out.parent.iterdir()] == ["sc"]
    assert server.ranges == [None]


def test_cut_connections_are_resumed(tmp_path: Path, server: Server) -> None:
    server.cuts = 2
    out = download(tmp_path / "sc", archive=server.archive())
    assert (out / "yes" / "a_nohash_0.wav").read_bytes() == CLIP
    assert server.ranges == [None, "bytes=1000000-", "bytes=2000000-"]


def test_interrupted_download_goes_on(tmp_path: Path, server: Server) -> None:
    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(tmp_path / "sc", archive=server.archive(), progress=stop)
    (part,) = tmp_path.iterdir()
    assert part.name == "set.tar.gz.part"
    have = part.stat().st_size
    assert have > len(GOOD) // 2
    download(tmp_path / "sc", archive=server.archive())
    assert server.ranges == [None, f"bytes={have}-"]
    assert (tmp_path / "sc" / "README.md").exists()


def test_complete_part_needs_no_more_bytes(tmp_path: Path, server: Server) -> None:
    (tmp_path / "set.tar.gz.part").write_bytes(GOOD)
    download(tmp_path / "sc", archive=server.archive())
    assert (tmp_path / "sc" / "README.md").exists()


def test_server_without_ranges_starts_again(tmp_path: Path, server: Server) -> None:
    server.resumes = False
    (tmp_path / "set.tar.gz.part").write_bytes(b"x" * 1000)
    download(tmp_path / "sc", archive=server.archive())
    assert (tmp_path / "sc" / "README.md").exists()


def test_hopeless_connection_keeps_what_is_there(tmp_path: Path, server: Server) -> None:
    server.cuts, server.cut = 99, 0
    (tmp_path / "set.tar.gz.part").write_bytes(GOOD[:1000])
    with pytest.raises(KwsError, match="run the same command again"):
        download(tmp_path / "sc", archive=server.archive())
    assert (tmp_path / "set.tar.gz.part").read_bytes() == GOOD[:1000]
    assert len(server.ranges) == 3


def test_wrong_checksum_deletes_the_damage(tmp_path: Path, server: Server) -> None:
    with pytest.raises(KwsError, match="damaged"):
        download(tmp_path / "sc", archive=server.archive(b"something else"))
    assert list(tmp_path.iterdir()) == []


def test_archive_cannot_write_outside(tmp_path: Path, server: Server) -> None:
    server.content = tarball({"../evil.txt": b"boo"})
    with pytest.raises(KwsError, match="cannot unpack"):
        download(tmp_path / "in" / "sc", archive=server.archive())
    assert not list(tmp_path.rglob("evil.txt"))
    assert not (tmp_path / "in" / "sc").exists()


def test_archive_cannot_link_outside(tmp_path: Path, server: Server) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        link = tarfile.TarInfo("yes")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
    server.content = packed.getvalue()
    with pytest.raises(KwsError, match="no plain file"):
        download(tmp_path / "in" / "sc", archive=server.archive())


def test_not_a_tarball(tmp_path: Path, server: Server) -> None:
    server.content = b"<html>sign in</html>"
    with pytest.raises(KwsError, match="cannot unpack"):
        download(tmp_path / "sc", archive=server.archive())


def test_refusals(tmp_path: Path, server: Server) -> None:
    with pytest.raises(KwsError, match="404"):
        download(tmp_path / "sc", archive=Archive(server.archive().url + ".gone", ""))
    with pytest.raises(KwsError, match=r"no Speech Commands 0\.03"):
        download(tmp_path / "sc", version="0.03")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(KwsError, match="not empty"):
        download(tmp_path / "full", archive=server.archive())


def test_off_line_is_one_sentence(tmp_path: Path) -> None:
    with Server(GOOD) as gone:
        archive = gone.archive()
    with pytest.raises(KwsError, match="check the internet connection") as caught:
        download(tmp_path / "sc", archive=archive)
    assert "\n" not in str(caught.value)


def test_published_archives() -> None:
    assert {v: a.sha256[:8] for v, a in ARCHIVES.items()} == {"0.01": "74393542", "0.02": "af14739e"}
    assert all(a.url.startswith("https://") and f"v{v}" in a.url for v, a in ARCHIVES.items())
