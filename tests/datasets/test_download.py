"""Public data sets, from a server of the test's own."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import stat
import tarfile
import threading
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.cli import exit_codes
from kws.cli import main as cli
from kws.config import DataConfig
from kws.datasets import roles, transcripts
from kws.datasets.download import get
from kws.datasets.public import DATA_SETS, Archive, DataSet
from kws.errors import KwsError


def tarball(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def zipped(files: dict[str, bytes], mode: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return out.getvalue()


CLIP = hashlib.shake_256(b"clip").digest(3_000_000)
GOOD = tarball({"./yes/a_nohash_0.wav": CLIP, "./README.md": b"hello"})


class Server(ThreadingHTTPServer):
    """Serves ``content``; ``cut`` bytes into an answer the connection dies, as often as ``cuts`` says."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.ranges, self.cuts, self.cut, self.resumes = content, [], 0, 1_000_000, True
        self.astray = 0
        """How far from the place that was asked for an answer begins."""

    def url(self, name: str = "set.tar.gz") -> str:
        return f"http://127.0.0.1:{self.server_port}/data/{name}"

    def data(self, content: bytes | None = None, **more: object) -> DataSet:
        sha256 = hashlib.sha256(self.content if content is None else content).hexdigest()
        archive = Archive((self.url(),), f"sha256:{sha256}", 3)
        return DataSet("set", "a set", "CC0", "home", archive, 4, ((".", "words"),), **more)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if not self.path.endswith("set.tar.gz"):
            return self.send_error(404)
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.resumes else 0
        start = max(start - self.server.astray, 0)
        body = self.server.content[start:]
        if not body:
            return self.send_error(416)
        partial = asked is not None and self.server.resumes
        self.send_response(206 if partial else 200)
        self.send_header("Content-Length", str(len(body)))
        if partial:
            total = len(self.server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
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
    seen: list[tuple[str, int, int]] = []
    out = get(server.data(), tmp_path / "data" / "sc", lambda *x: seen.append(x))
    assert (out / "yes" / "a_nohash_0.wav").read_bytes() == CLIP
    assert (out / "README.md").read_bytes() == b"hello"
    assert ("downloading (bytes)", len(GOOD), len(GOOD)) in seen
    assert seen[-1][0] == "unpacking (bytes)"
    assert [p.name for p in out.parent.iterdir()] == ["sc"]
    assert server.ranges == [None]


def test_cut_connections_are_resumed(tmp_path: Path, server: Server) -> None:
    server.cuts = 2
    out = get(server.data(), tmp_path / "sc")
    assert (out / "yes" / "a_nohash_0.wav").read_bytes() == CLIP
    assert server.ranges == [None, "bytes=1000000-", "bytes=2000000-"]


def test_interrupted_download_goes_on(tmp_path: Path, server: Server) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server.data(), tmp_path / "sc", stop)
    (part,) = tmp_path.iterdir()
    assert part.name == "set.tar.gz.part"
    have = part.stat().st_size
    assert have > len(GOOD) // 2
    get(server.data(), tmp_path / "sc")
    assert server.ranges == [None, f"bytes={have}-"]
    assert (tmp_path / "sc" / "README.md").exists()


def test_complete_part_needs_no_more_bytes(tmp_path: Path, server: Server) -> None:
    (tmp_path / "set.tar.gz.part").write_bytes(GOOD)
    get(server.data(), tmp_path / "sc")
    assert (tmp_path / "sc" / "README.md").exists()


def test_server_without_ranges_starts_again(tmp_path: Path, server: Server) -> None:
    server.resumes = False
    (tmp_path / "set.tar.gz.part").write_bytes(b"x" * 1000)
    get(server.data(), tmp_path / "sc")
    assert (tmp_path / "sc" / "README.md").exists()


def test_an_answer_from_another_place_starts_again(tmp_path: Path, server: Server) -> None:
    server.astray = 500
    (tmp_path / "set.tar.gz.part").write_bytes(GOOD[:500])
    get(server.data(), tmp_path / "sc")
    assert server.ranges == ["bytes=500-"]
    assert (tmp_path / "sc" / "README.md").exists()


def test_a_mirror_goes_on_where_the_publisher_failed(tmp_path: Path, server: Server) -> None:
    data = server.data()
    urls = (server.url("gone"), server.url())
    (tmp_path / "gone.part").write_bytes(GOOD[:1000])
    get(dataclasses.replace(data, archive=dataclasses.replace(data.archive, urls=urls)), tmp_path / "sc")
    assert server.ranges == ["bytes=1000-"]
    assert (tmp_path / "sc" / "README.md").exists()


def test_hopeless_connection_keeps_what_is_there(tmp_path: Path, server: Server) -> None:
    server.cuts, server.cut = 99, 0
    (tmp_path / "set.tar.gz.part").write_bytes(GOOD[:1000])
    with pytest.raises(KwsError, match="run the same command again"):
        get(server.data(), tmp_path / "sc")
    assert (tmp_path / "set.tar.gz.part").read_bytes() == GOOD[:1000]
    assert len(server.ranges) == 3


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_wrong_checksum_deletes_the_damage(tmp_path: Path, server: Server, algorithm: str) -> None:
    data = server.data()
    for content, fails in ((b"something else", True), (GOOD, False)):
        digest = hashlib.new(algorithm, content).hexdigest()
        archive = dataclasses.replace(data.archive, checksum=f"{algorithm}:{digest}")
        if fails:
            with pytest.raises(KwsError, match="damaged"):
                get(dataclasses.replace(data, archive=archive), tmp_path / "sc")
            assert list(tmp_path.iterdir()) == []
        else:
            get(dataclasses.replace(data, archive=archive), tmp_path / "sc")


def test_no_room_is_told_before_the_first_byte(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    room = {"free": len(GOOD) + 3_999_999}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(room["free"]))
    with pytest.raises(KwsError, match="make room"):
        get(server.data(), tmp_path / "sc")
    assert list(tmp_path.iterdir()) == []
    room["free"] += 1
    get(server.data(), tmp_path / "sc")


def test_archives_keep_to_their_folder(tmp_path: Path, server: Server) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        link = tarfile.TarInfo("yes")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
    for content in (
        tarball({"../evil.txt": b"boo"}),
        tarball({"a/../../evil.txt": b"boo"}),
        tarball({"/evil.txt": b"boo"}),
        packed.getvalue(),
        zipped({"../evil.txt": b"boo"}),
        zipped({"/evil.txt": b"boo"}),
        zipped({"link": b"/etc"}, stat.S_IFLNK | 0o777),
    ):
        server.content = content
        (tmp_path / "in").mkdir()
        with pytest.raises(KwsError, match="no plain file"):
            get(server.data(), tmp_path / "in" / "sc")
        assert not list(tmp_path.rglob("evil.txt"))
        assert not (tmp_path / "in" / "sc").exists()
        shutil.rmtree(tmp_path / "in")


def test_one_folder_of_an_archive(tmp_path: Path, server: Server) -> None:
    files = {"top/a/x.wav": CLIP, "top/b.txt": b"b", "__MACOSX/top/x": b"", "other/c": b"c"}
    for name, content in (("tar", tarball(files)), ("zip", zipped(files))):
        server.content = content
        out = get(server.data(root="top"), tmp_path / name)
        assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == {"a/x.wav", "b.txt"}


@pytest.mark.parametrize("content", [b"<html>sign in</html>", GOOD[:2000], zipped({"a": CLIP})[:2000]])
def test_damaged_archives(tmp_path: Path, server: Server, content: bytes) -> None:
    server.content = content
    with pytest.raises(KwsError, match="cannot unpack"):
        get(server.data(), tmp_path / "sc")


def test_refusals(tmp_path: Path, server: Server) -> None:
    data = server.data()
    with pytest.raises(KwsError, match="404"):
        get(dataclasses.replace(data, archive=Archive((server.url("gone"),), "", 0)), tmp_path / "sc")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(KwsError, match="not empty"):
        get(data, tmp_path / "full")


def test_off_line_is_one_sentence(tmp_path: Path) -> None:
    with Server(GOOD) as gone:
        data = gone.data()
    with pytest.raises(KwsError, match="check the internet connection") as caught:
        get(data, tmp_path / "sc")
    assert "\n" not in str(caught.value)


def flac(seconds: float) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.zeros(round(16000 * seconds), np.int16), 16000, format="FLAC")
    return out.getvalue()


def published(server: Server, name: str, content: bytes) -> DataSet:
    """A data set of the table, from here."""
    server.content = content
    return dataclasses.replace(DATA_SETS[name], archive=server.data().archive, unpacked_megabytes=1)


def test_librispeech_has_transcripts_that_kws_reads(tmp_path: Path, server: Server) -> None:
    chapter = "LibriSpeech/dev-clean/84/121123"
    content = tarball(
        {
            "LibriSpeech/LICENSE.TXT": b"CC BY 4.0",
            f"{chapter}/84-121123.trans.txt": b"84-121123-0000 GO ON SAID SHE\n84-121123-0001 HELLO\n",
            f"{chapter}/84-121123-0000.flac": flac(1.5),
            f"{chapter}/84-121123-0001.flac": flac(2.25),
        }
    )
    out = get(published(server, "librispeech-dev-clean", content), tmp_path / "libri")
    assert [(s.file, s.start, s.end, s.text) for s in transcripts.read(out)] == [
        ("dev-clean/84/121123/84-121123-0000.flac", 0.0, 1.5, "go on said she"),
        ("dev-clean/84/121123/84-121123-0001.flac", 0.0, 2.25, "hello"),
    ]
    found = roles.speech(out, DataConfig(words=("go",)))
    assert [r.said for r in found] == [((0.0, 1.5),), ()]


def test_librispeech_without_its_recordings_is_no_data_set(tmp_path: Path, server: Server) -> None:
    for content in (b"84-121123-0000 HELLO\n", b""):
        packed = tarball({"LibriSpeech/x/84-121123.trans.txt": content})
        with pytest.raises(KwsError, match=r"no file|no transcripts"):
            get(published(server, "librispeech-dev-clean", packed), tmp_path / "libri")
        (tmp_path / "set.tar.gz").unlink()


def test_esc10_is_a_part_of_esc50(tmp_path: Path, server: Server) -> None:
    top = "ESC-50-master"
    files = {
        f"{top}/meta/esc50.csv": b"filename,fold,esc10\na.wav,1,True\nb.wav,1,False\n",
        f"{top}/audio/a.wav": b"a",
        f"{top}/audio/b.wav": b"b",
    }
    for name, kept in (("esc-50", {"a.wav", "b.wav"}), ("esc-10", {"a.wav"})):
        out = get(published(server, name, zipped(files)), tmp_path / name)
        assert {p.name for p in (out / "audio").iterdir()} == kept


def test_rooms_and_noises_are_parted(tmp_path: Path, server: Server) -> None:
    mixed = "RIRS_NOISES/real_rirs_isotropic_noises"
    files = {
        f"{mixed}/RVB2014_type1_rir_largeroom1_far_angla.wav": b"",
        f"{mixed}/RVB2014_type1_noise_largeroom1_1.wav": b"",
        "RIRS_NOISES/simulated_rirs/smallroom/Room001/Room001-00001.wav": b"",
        "RIRS_NOISES/pointsource_noises/noise-free-sound-0000.wav": b"",
    }
    data = published(server, "openslr-28", zipped(files))
    out = get(data, tmp_path / "rooms")
    assert sorted(p.name for p in out.iterdir()) == sorted(folder for folder, _ in data.uses)
    assert [p.name for p in (out / "real_rirs").iterdir()] == ["RVB2014_type1_rir_largeroom1_far_angla.wav"]


def test_the_table() -> None:
    lengths = {"sha256": 64, "md5": 32}
    for name, data in DATA_SETS.items():
        algorithm, digest = data.archive.checksum.split(":")
        assert len(digest) == lengths[algorithm]
        int(digest, 16)
        assert data.name == name
        assert data.licence
        assert {role for _, role in data.uses} <= {"words", *roles.ROLES}
        assert all(url.startswith("https://") for url in (*data.archive.urls, data.home))
    assert {role for data in DATA_SETS.values() for _, role in data.uses} == {"words", *roles.ROLES}


def test_the_verb(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["data", "get", "--list"]) == exit_codes.OK
    shown = capsys.readouterr().out
    assert all(data.archive.urls[0] in shown and name in shown for name, data in DATA_SETS.items())
    assert cli.main(["data", "get", "--list", "--json"]) == exit_codes.OK
    assert [d["name"] for d in json.loads(capsys.readouterr().out)] == [*DATA_SETS]
    assert cli.main(["data", "get", "musan"]) == exit_codes.USAGE
    assert "--out" in capsys.readouterr().err
    monkeypatch.setitem(DATA_SETS, "musan", server.data())
    assert cli.main(["data", "get", "musan", "--out", str(tmp_path / "m"), "--json"]) == exit_codes.OK
    assert json.loads(capsys.readouterr().out)["uses"] == [{"folder": str(tmp_path / "m"), "role": "words"}]
    assert (tmp_path / "m" / "README.md").exists()
