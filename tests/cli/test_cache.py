"""The cache of builds: its limit, what is never removed, and ``kws cache``."""

from __future__ import annotations

import json
import os
import threading

import pytest

from kws import kept, locks
from kws.cli.main import main
from kws.datasets.voices import kokoro
from kws.image import cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "kws"


def made(folder, number, size=1000):
    """A build that was used ``number`` seconds after 2001 began."""
    build = folder / f"{number:016x}-{0:016x}"
    (build / "model").mkdir(parents=True)
    (build / "model" / "x.o").write_bytes(bytes(size))
    (build / "lock").touch()
    os.utime(build / "lock", (1e9 + number, 1e9 + number))
    return build


def test_what_was_used_longest_ago_goes_first(folder):
    builds = [made(folder, n) for n in (3, 1, 2)]
    assert [b.folder for b in cache.builds()] == [builds[1], builds[2], builds[0]]
    assert [b.size for b in cache.builds()] == [1000] * 3
    assert [b.folder for b in cache.trim(2000)] == [builds[1]]
    assert [b.folder for b in cache.trim(2000)] == []
    assert [b.folder for b in cache.trim(0)] == [builds[2], builds[0]]
    assert list(folder.iterdir()) == []


def test_a_build_in_use_stays(folder):
    busy, idle = made(folder, 1), made(folder, 2)
    with locks.locked(busy / "lock"):
        assert [b.folder for b in cache.trim(0)] == [idle]
        assert busy.is_dir()
    assert [b.folder for b in cache.trim(0)] == [busy]


def test_who_waited_for_a_removed_build_makes_it_anew(folder):
    build = made(folder, 1)
    waiting, entered = threading.Event(), threading.Event()

    def wait():
        waiting.set()
        with locks.locked(build / "lock"):
            assert (build / "lock").exists()
            entered.set()

    with locks.if_free(build / "lock") as free:
        assert free
        thread = threading.Thread(target=wait)
        thread.start()
        waiting.wait(5)
        assert not entered.wait(0.3)
        build.replace(folder / "going-x")
    thread.join(5)
    assert entered.is_set()
    assert (build / "lock").exists()


def test_only_builds_are_removed(folder):
    made(folder, 1)
    (folder / "notes").mkdir()
    (folder / "going-abc").mkdir()
    cache.set_limit(5)
    cache.trim(0)
    assert {p.name for p in folder.iterdir()} == {"notes", "limit"}
    assert cache.limit() == 5


def test_a_new_build_makes_room(folder, tiny_model):
    old = made(folder, 1, size=10_000_000)
    with cache.exported(tiny_model) as (_, place):
        assert old.is_dir()
    assert old.is_dir()
    cache.set_limit(5_000_000)
    with cache.exported(tiny_model):
        assert cache.trim(0) != []  # the old one, never the one that is worked with
        assert place.is_dir()
    old = made(folder, 1, size=10_000_000)
    cache.trim(0)
    old = made(folder, 1, size=10_000_000)
    with cache.exported(tiny_model) as (_, place):
        pass
    assert not old.exists()
    assert place.is_dir()


def test_use_is_noted(folder, tiny_model):
    with cache.exported(tiny_model) as (_, place):
        pass
    os.utime(place / "lock", (1e9, 1e9))
    with cache.exported(tiny_model):
        pass
    assert cache.builds()[0].used > 1.5e9


def test_without_locks(folder, tiny_model, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    with cache.exported(tiny_model) as (source, _):
        assert any(source.iterdir())
    assert len(cache.trim(0)) == 1


def features_and_voices(folder):
    """As a training with the pack and a first synthesis by Kokoro leave them."""
    (folder / "cache").mkdir(parents=True)
    names = [
        f"negatives-pack-{split}-0123.{suffix}" for split in ("training", "validation") for suffix in ("int8", "npz")
    ]
    files = [folder / "cache" / name for name in names] + [folder / f"{kokoro.VOICES_PACKAGE.replace('@', '-')}.tgz"]
    for file in files:
        file.write_bytes(bytes(1_000_000))
    return files


def test_features_and_voices_are_kept_too(folder, capsys):
    made(folder, 1, 1_000_000)
    files = features_and_voices(folder)
    (folder / "notes").mkdir()
    assert kokoro.find_voices() == files[-1]
    assert main(["cache"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "negatives-pack-training-0123 2.0 MB" in said
    assert "kokoro-js-1.2.1 1.0 MB" in said
    assert said.endswith(f"{folder}: 1 build, 1.0 MB of at most 1,000.0 MB; features, 4.0 MB; voices, 1.0 MB")
    assert main(["cache", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [(o["kind"], o["bytes"], len(o["files"])) for o in values["others"]] == [
        ("features", 2_000_000, 2),
        ("features", 2_000_000, 2),
        ("voices", 1_000_000, 1),
    ]
    assert values["bytes"] == 1_000_000
    assert main(["cache", "--clear", "features"]) == 0
    assert "removed features, 4.0 MB\n" in capsys.readouterr().out
    assert [one.kind for one in kept.everything()] == ["voices"]
    assert len(cache.builds()) == 1
    assert main(["cache", "--clear", "features"]) == 0
    assert "removed nothing\n" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    assert "removed 1 build, 1.0 MB; voices, 1.0 MB\n" in capsys.readouterr().out
    assert kept.everything() == []
    assert {path.name for path in folder.iterdir()} == {"cache", "notes"}


def test_verb(folder, capsys):
    assert main(["cache"]) == 0
    assert capsys.readouterr().out == f"{folder}: 0 builds, 0.0 MB of at most 1,000.0 MB\n"
    builds = [made(folder, n, 1_000_000) for n in (1, 2, 3)]
    assert main(["cache"]) == 0
    text = capsys.readouterr().out
    assert all(b.name in text for b in builds)
    assert "2001-09-0" in text
    assert main(["cache", "--limit", "2.5MB", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["limit"] == 2_500_000
    assert values["bytes"] == 2_000_000
    assert [b["folder"] for b in values["removed"]] == [str(builds[0])]
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == (f"removed 2 builds, 2.0 MB\n{folder}: 0 builds, 0.0 MB of at most 2.5 MB\n")
    for size in ("lots", "-1", "5XB", "1e99", "nan"):
        with pytest.raises(SystemExit) as stop:
            main(["cache", f"--limit={size}"])
        assert stop.value.code == 2
