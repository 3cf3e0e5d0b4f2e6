from __future__ import annotations

import json
from pathlib import Path

import pytest

from kws.cli import exit_codes
from kws.cli import main as cli
from kws.datasets import transcripts


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[str, str]:
    assert cli.main(["data", "make", *map(str, arguments)]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_other_speech(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text("lights out\nthe train is late\nit rained\n")
    options = ("--words", "lights", "--sentences", "4", "--text", text, "--format", "opus", "--out", tmp_path / "talk")
    out, _ = run(capsys, *options, "--json")
    made = json.loads(out)
    rows = transcripts.read(tmp_path / "talk")
    assert (
        (made["sentences"], made["engine"], made["words"])
        == (4, "espeak", ["lights"])
        == (len(rows), "espeak", ["lights"])
    )
    assert made["seconds"] > 3
    assert {"the train is late", "it rained"} & {row.text for row in rows}
    assert all("lights" not in row.text for row in rows)
    out, _ = run(capsys, *options[:-1], tmp_path / "more")
    assert "without lights" in out
    assert "already exists" in run(capsys, *options, code=exit_codes.BAD_INPUT)[1]


def test_what_does_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, why in (
        (("--text", "x"), "give --sentences"),
        (("--format", "opus"), "give --sentences"),
        (("--sentences", "2h", "--takes", "3"), "--takes"),
        (("--voice-engine", "piper"), "--voice-file"),
        (("--voice-file", "x"), "takes no voice file"),
        (("--sentences", "2h", "--text", tmp_path / "nowhere.txt"), "nowhere.txt"),
    ):
        code = exit_codes.BAD_INPUT if why == "nowhere.txt" else exit_codes.USAGE
        assert why in run(capsys, "--words", "lights", "--out", tmp_path / "x", *options, code=code)[1]
    with pytest.raises(SystemExit):
        run(capsys, "--words", "lights", "--out", tmp_path / "x", "--sentences", "many")
    assert "no amount" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
