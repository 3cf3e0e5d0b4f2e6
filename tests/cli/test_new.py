"""``kws new``: answers by options or on a terminal, a configuration that loads, commands that can be called."""

from __future__ import annotations

import itertools
import json
import shlex
import sys

import pytest

from kws import config
from kws.cli import exit_codes
from kws.cli import main as cli
from kws.project import BASE, COMMANDS, CONFIG, MICROPHONE, SYNTHETIC, Project, parse_words


def arguments_of(script):
    return [shlex.split(line)[1:] for line in script.splitlines() if line.startswith("kws ")]


@pytest.mark.parametrize(
    ("source", "board"), [*itertools.product([MICROPHONE, SYNTHETIC, "folder"], [None, "nrf52840"])]
)
def test_a_project(source, board, tmp_path):
    if source == "folder":
        source = str(tmp_path / "my takes")
        (tmp_path / "my takes").mkdir()
    project = Project(tmp_path / "lamp", ("lights", "music"), source, board)
    files = project.write()
    assert [path.name for path in files] == [CONFIG, COMMANDS]
    experiment = config.load(tmp_path / "lamp" / CONFIG)
    assert experiment.name == "lamp"
    assert experiment.data.words == ("lights", "music")
    assert experiment.data.split_by == ("speaker" if source == SYNTHETIC else "take")
    lines = arguments_of((tmp_path / "lamp" / COMMANDS).read_text())
    for line in lines:
        # What argparse refuses ends the process.
        assert cli._parse(line).handler
    verbs = [line[0] for line in lines]
    for verb in ("train", "convert", "evaluate", "tune", "report", "listen"):
        assert verb in verbs
    # The words, what sounds like them, and chatter.
    recorded = [line[1] for line in lines if line[0] == "record"]
    assert recorded[:2] + recorded[-1:] == (["lights", "music", "chatter"] if source == MICROPHONE else [])
    assert len(set(recorded)) == (7 if source == MICROPHONE else 0)
    assert ("flash" in verbs) == (board is not None)
    train = lines[verbs.index("train")]
    assert (str(project.recordings) in train) == (source != SYNTHETIC)
    assert verbs.index("train") < verbs.index("convert") < verbs.index("listen")


def test_the_base_is_the_one_of_the_page():
    assert BASE == "own-words"
    assert parse_words(" lights,  music,lights turn-on ") == ("lights", "music", "turn-on")


def test_the_command(tmp_path, capsys):
    arguments = ["new", str(tmp_path / "a"), "--words", "lights,music", "--source", "synthetic", "--board", "none"]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "kws train" in said
    assert (tmp_path / "a" / CONFIG).exists()
    assert cli.main(arguments) == exit_codes.BAD_INPUT
    assert "there already" in capsys.readouterr().err
    assert cli.main([*arguments[:1], str(tmp_path / "b"), *arguments[2:], "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert ["kws", "convert", str(tmp_path / "b/run")] in value["commands"]


def test_questions(tmp_path, capsys, monkeypatch):
    asked = []
    answers = iter(["lights music", "", "rp2040"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or next(answers))
    assert cli.main(["new", str(tmp_path / "p")]) == 0
    assert len(asked) == 3
    script = (tmp_path / "p" / COMMANDS).read_text()
    assert "kws record lights" in script
    assert "kws flash rp2040" in script


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--words", " , "], exit_codes.USAGE, "at least one word"),
        (["--words", "../x"], exit_codes.BAD_INPUT, "cannot be the name"),
        (["--words", "yes", "--source", "nowhere"], exit_codes.BAD_INPUT, "no folder nowhere"),
        (
            ["--words", "yes", "--source", "synthetic", "--board", "nrf52480"],
            exit_codes.USAGE,
            "did you mean 'nrf52840'",
        ),
        (["--words", "yes"], exit_codes.USAGE, "no terminal"),
        ([], exit_codes.USAGE, "no terminal"),
    ],
)
def test_refusals(options, code, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    if ("--source" not in options and "../x" in options) or " , " in options:
        options = [*options, "--source", "synthetic", "--board", "none"]
    elif "nowhere" in options:
        options = [*options, "--board", "none"]
    assert cli.main(["new", str(tmp_path / "p"), *options]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_a_word_to_spot_is_recorded_once(tmp_path):
    commands = [line for _, group in Project(tmp_path, ("chatter",), MICROPHONE, None).commands() for line in group]
    assert [line[1] for line in commands if line[0] == "record"].count("chatter") == 1
