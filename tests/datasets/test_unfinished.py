"""Folders that take long to make: whole or hidden, gone on with, and made by one process at a time."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from kws.datasets import unfinished
from kws.errors import KwsError


def begin(out: Path, settings: dict[str, int], name: str) -> None:
    """Write one file and be interrupted."""
    with contextlib.suppress(KeyboardInterrupt), unfinished.making(out, settings) as folder:
        (folder / name).write_text("half")
        raise KeyboardInterrupt
    assert not out.exists()


def test_goes_on_with_the_same_settings_only(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    begin(out, {"seed": 1}, "first")
    begin(out, {"seed": 2}, "second")
    with unfinished.making(out, {"seed": 2}) as folder:
        assert [p.name for p in folder.iterdir() if not p.name.startswith(".")] == ["second"]
        (folder / unfinished.ROWS).mkdir()
    assert [p.name for p in out.iterdir()] == ["second"]
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_two_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with unfinished.making(out, {"seed": 1}) as folder:
        (folder / "mine").write_text("whole")
        for seed in (1, 2):
            with (
                pytest.raises(KwsError, match=r"another kws is making .*out; wait"),
                unfinished.making(out, {"s": seed}),
            ):
                pytest.fail("it got in")
        assert (folder / "mine").read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_complete_meanwhile(tmp_path: Path) -> None:
    out = tmp_path / "out"
    unfinished.require_absent(out)
    out.mkdir()
    with pytest.raises(KwsError, match="already exists"), unfinished.making(out, {}):
        pytest.fail("it was there")
    with pytest.raises(KwsError, match="already exists"):
        unfinished.require_absent(out)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_full_disk(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KwsError, match=r"cannot write .*out: .*No space left.*free space"), unfinished.making(out, {}):
        raise OSError(28, "No space left on device")
    begin(out, {}, "more")
    unfinished.drop(out)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(KwsError, match="cannot write"), unfinished.making(tmp_path / "file" / "out", {}):
        pytest.fail("no folder can be there")
