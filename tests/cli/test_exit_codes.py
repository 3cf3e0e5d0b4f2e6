"""The table of exit codes: what the documents and the help say of it, and commands that end with each."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kws import audio
from kws.boards import BOARDS
from kws.cli import exit_codes
from kws.cli import main as cli
from kws.errors import CheckError, KwsError, MissingError, UsageError, no_such

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments, code):
    assert cli.main([str(a) for a in arguments]) == code


def usage(capsys, *arguments):
    """What a command says that argparse ends."""
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
    assert stop.value.code == exit_codes.USAGE
    return capsys.readouterr().err


def hide(monkeypatch, *modules):
    for name in modules:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def no_programs(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)


def test_readme_and_help_show_the_table(capsys):
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == exit_codes.MEANINGS
    assert list(exit_codes.MEANINGS) == [0, 1, 2, 3, 4, 130, 141, 143]
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert exit_codes.table() in capsys.readouterr().out


def test_every_error_has_its_code():
    codes = {KwsError: 3, CheckError: 1, UsageError: 2, MissingError: 4}
    assert {kind: exit_codes.of(kind("x")) for kind in codes} == codes


def test_a_name_that_stands_for_nothing():
    assert str(no_such("there is no dog", "rxe", ["max", "rex"])) == (
        "there is no dog 'rxe'; it must be one of max, rex; did you mean 'rex'?"
    )


def test_wrong_names_are_usage_everywhere(tiny_file, capsys):
    assert "it must be one of numpy" in usage(capsys, "verify", tiny_file, "--engines", "numpy,abacus")
    assert "did you mean 'numpy'" in usage(capsys, "evaluate", tiny_file, "--data", "x", "--engine", "nunpy")
    assert "'abacus'" in usage(capsys, "spot", tiny_file, "x.wav", "--engine", "abacus")
    assert "emulates no board 'toaster'" in usage(capsys, "verify", tiny_file, "--engines", "qemu:toaster")
    assert "serial:PORT" in usage(capsys, "verify", tiny_file, "--engines", "serial:")
    assert "'toaster'" in usage(capsys, "build", "toaster", "--model", tiny_file)
    for option in (("--variant", "pico"), ("--baud", 9600), ("--model-slot-only", "--app", "link")):
        run("build", "nrf52840", "--model", tiny_file, *option, code=exit_codes.USAGE)
    slotless = next(board.name for board in BOARDS.values() if not board.model_slot)
    run("build", slotless, "--model", tiny_file, "--model-slot-only", code=exit_codes.USAGE)


def test_what_is_missing(tiny_file, tmp_path, monkeypatch, capsys, no_programs):
    hide(monkeypatch, "tflite_micro.python.tflite_micro", "ai_edge_litert.interpreter", "tflite_runtime.interpreter")
    hide(monkeypatch, "sounddevice", "espeakng_loader", "pyocd.core.exceptions")
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    (tmp_path / "x.hex").touch()
    audio.write(tmp_path / "x.wav", np.zeros(16000, np.int16))
    for arguments in (
        *(("verify", tiny_file, "--random", 0, "--engines", name) for name in ("tflm", "tflite", "c", "wasm", "qemu")),
        ("export", tiny_file, "--web", "--out", tmp_path / "w"),
        ("spot", tiny_file, tmp_path / "x.wav", "--engine", "tflm"),
        ("listen", tiny_file),
        ("record", "yes", "--out", tmp_path / "r"),
        ("data", "make", "--words", "yes", "--out", tmp_path / "d"),
        ("flash", "nrf52840", "--image", tmp_path / "x.hex"),
        ("build", "mps2_an386", "--model", tiny_file, "--out", tmp_path / "b"),
    ):
        run(*arguments, code=exit_codes.MISSING)
        assert "install" in capsys.readouterr().err


def test_verify_compares_what_is_installed(tiny_file, monkeypatch, capsys):
    hide(monkeypatch, "tflite_micro.python.tflite_micro")
    run("verify", tiny_file, "--random", 0, code=exit_codes.OK)
    text = capsys.readouterr().out
    assert "not compared: tflm: the tflm engine needs the tflite-micro package; run `pip install " in text
    assert "identical" in text
    run("verify", tiny_file, "--random", 0, "--json", code=exit_codes.OK)
    values = json.loads(capsys.readouterr().out)
    assert [e["engine"] for e in values["engines"]] == ["c"]
    assert list(values["not_compared"]) == ["tflm"]


def test_verify_needs_two_engines(tiny_file, monkeypatch, capsys, no_programs):
    hide(monkeypatch, "tflite_micro.python.tflite_micro")
    run("verify", tiny_file, "--random", 0, code=exit_codes.MISSING)
    said = capsys.readouterr().err
    assert "there is no engine to compare numpy with: tflm: " in said
    assert "; c: " in said


def test_output_that_nobody_reads(tiny_file):
    script = f"{sys.executable} -m kws verify {tiny_file} --engines numpy --random 0 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
    assert done.returncode == exit_codes.UNREAD
    assert done.stderr == b""
