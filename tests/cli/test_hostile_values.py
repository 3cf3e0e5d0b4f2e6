"""Every verb with hostile values of every argument: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import io
import json
import os
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import tones
from conftest import mostly_slow
from test_registry import MODULES

from kws import microphone
from kws.cli import exit_codes
from kws.cli import main as cli
from kws.cli.parser import VerbParser
from kws.errors import KwsError

SURROGATE = os.fsdecode(b"n\xf6")
NUMBERS = ("", "-1", "0", "nan", "inf", "1e999", "9" * 30, "9" * 5000, "1.5", "٣", "0x10", "abc", "1,,nan", SURROGATE)
TEXTS = ("", " ", ",", "..", "-", "[/bold]", ":smile:", "%s%n{0}", "a\nb\x1b[2J", SURROGATE, "w" * 5000, "_x_")
NOTHING = "NOTHING"
"""Stands for a path where nothing is."""
GIVEN = ("words", "source", "board", "split", "minutes", "jobs", "engine", "engines", "random")
"""Options that are given always, since their defaults take longer."""
WORK = (
    "cli.verbs.evaluate.evaluate_clips",
    "cli.verbs.stream_test.evaluate_stream",
    "evaluation.stream.tuning.tune",
    "mining.folder.mine",
    "verify.compare._run",
)
"""What takes long, once all arguments are read."""
READ = ("data", "dir", "spec")
"""Arguments whose contents are looked at by the very work that is left out elsewhere."""


@pytest.fixture(scope="module")
def places(tmp_path_factory, tiny_model):
    """Files and folders that are not what any verb takes, by a name for the test, and those that are."""
    root = tmp_path_factory.mktemp("hostile")
    (root / "empty").touch()
    (root / "folder").mkdir()
    (root / "text").write_text("name = 3\n[data]\nwords = 5\n")
    (root / "deep.toml").write_text("x = " + "[" * 100_000)
    (root / "noise").write_bytes(np.random.default_rng(0).bytes(5000))
    (root / "deep.json").write_text("[" * 100_000)
    (root / "deeper.json").write_text('{"kind":' * 500 + "1" + "}" * 500)
    (root / "cut.tflite").write_bytes(tiny_model.content[: len(tiny_model.content) // 2])
    (root / SURROGATE).mkdir()
    (root / SURROGATE / SURROGATE).mkdir()
    (root / SURROGATE / SURROGATE / f"{SURROGATE}.wav").touch()
    (root / "run").mkdir()
    for name in ("run.json", "history.json", "evaluation.json", "stream.json"):
        (root / "run" / name).write_text("[" * 100_000)
    for name in ("model.tflite", "weights.npz", "calibration.npy", "config.toml"):
        (root / "run" / name).write_bytes(b"\xff\xfe\0")
    (root / "loop").symlink_to(root / "loop")
    return root


@pytest.fixture(scope="module")
def good(tmp_path_factory, tiny_model, places):
    """What a verb takes, by the name of the argument; where work would be long, what ends it early."""
    root = tmp_path_factory.mktemp("good")
    (root / "tiny.tflite").write_bytes(tiny_model.content)
    tones.write(root / "data", speakers=2, words={"yes": (400, 400), "no": (2000, 2000)})
    with wave.open(str(root / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    nothing = str(root / "missing")
    return {
        "model": str(root / "tiny.tflite"),
        "models": str(root / "tiny.tflite"),
        "data": str(root / "data"),
        "dir": str(root / "data"),
        "files": str(root / "a.wav"),
        "file": str(root / "a.wav"),
        "input": str(root / "a.wav"),
        "config": nothing,
        "run": str(places / "run"),
        "out": str(root / "out"),
        "words": "yes",
        "word": "yes",
        "source": "synthetic",
        "folder": str(root / "project"),
        "board": "nrf52840",
        "port": nothing,
        "image": nothing,
        "name": "speech-commands",
        "split": "all",
        "minutes": "0.5",
        "jobs": "1",
        "engines": "numpy",
        "engine": "numpy",
        "random": "0",
        "grid": "training.seed=1",
    }


def refuse(*_: object, **__: object) -> None:
    raise KwsError("not in this test")


@pytest.fixture
def alone(monkeypatch, tmp_path, places):
    """No network, no microphone, and standard streams as the command sets them."""
    monkeypatch.chdir(tmp_path)
    # A module that is loaded later would keep what is put in here for this test only.
    for verb in MODULES.values():
        verb.load()
    for name in (
        "datasets.download.get",
        "datasets.synthetic.utter",
        "image.make.run_make",
        "cli.verbs.evaluate.hear",
        "cli.verbs.stream_test.hear",
        "cli.verbs.serve.serve_forever",
        "studio.server._run",
        "studio.server._show",
    ):
        monkeypatch.setattr(f"kws.{name}", refuse)
    monkeypatch.setattr(microphone, "microphone", refuse)
    monkeypatch.setattr(microphone, "Microphone", refuse)
    monkeypatch.setattr(cli, "_drop_output", lambda: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\0"), encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")


def arguments(verb):
    """The arguments that a verb declares."""
    parser = VerbParser(prog="kws")
    verb.load().options(parser)
    return [a for a in parser._actions if a.nargs != 0]


def hostile(action, places):
    """Values of an argument's own kind, and of others."""
    shape = {Path: "path", None: "path"}.get(action.type, "other")
    if action.choices:
        return ("", "bogus", SURROGATE)
    if shape == "path" or action.dest in ("plot", "wav", "json"):
        suffix = {"plot": ".png", "wav": ".wav"}.get(action.dest, "")
        made = [f"{places / name}{suffix}" for name in ("empty/x", f"{SURROGATE}/x", "loop", NOTHING)]
        return (*TEXTS, *made, "/dev/null", "/dev/zero", *(str(p) for p in sorted(places.iterdir())))
    return (*NUMBERS, *TEXTS)


def command(typed, verb, good, action, value):
    """The verb with good values of what it needs, and ``value`` for ``action``."""
    words, positional = list(typed), []
    for a in arguments(verb):
        given = value if a.dest == action.dest else good.get(a.dest)
        if given is None or (a.dest != action.dest and not a.required and a.dest not in GIVEN):
            continue
        if a.option_strings:
            words.append(f"{a.option_strings[-1]}={given}")
        else:
            positional.append(given)
    return [*words, "--", *positional] if positional else words


def outcome(line, capsys):
    """The exit code of a command and what it says."""
    try:
        code = cli.main(line)
    except SystemExit as stop:
        code = stop.code
    except BaseException as error:
        raise AssertionError(f"{json.dumps(line)[:300]} raised {error!r}") from error
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.mark.parametrize("typed", mostly_slow(MODULES, 2), ids=" ".join)
def test_hostile_values(typed, places, good, alone, capsys, monkeypatch):
    verb = MODULES[typed]
    codes = exit_codes.MEANINGS
    for action in arguments(verb):
        with monkeypatch.context() as patched:
            for name in () if action.dest in READ else WORK:
                patched.setattr(f"kws.{name}", refuse)
            for value in hostile(action, places):
                line = command(typed, verb, good, action, value)
                code, said = outcome(line, capsys)
                assert code in codes, line
                assert code == exit_codes.OK or said, line
                assert "Traceback" not in said
                assert "\x1b" not in said, line
