"""Closed standard streams, and locales that are not UTF-8: the same work, the same exit code, no traceback."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import mostly_slow
from random_models import spotting_model

from kws import audio, codegen
from kws.cli import exit_codes
from kws.codegen.packages import KINDS, export_package

KWS = [sys.executable, "-m", "kws"]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SURROGATE = os.fsdecode(b"n\xf6")


def shell(*arguments: object, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a shell does that closes a stream first."""
    command = f"{shlex.join([*KWS, *map(str, arguments)])} {redirect}"
    # What a shell writes for bytes that are not UTF-8 must be those bytes.
    done = subprocess.run(
        ["sh", "-c", os.fsencode(command)], capture_output=True, check=False, env={**os.environ, **environment}
    )
    assert b"Traceback" not in done.stderr + done.stdout, done.stderr.decode()
    assert b"Exception ignored" not in done.stderr
    return done


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "a.wav"
    audio.write(path, np.random.default_rng(0).integers(-9000, 9000, 16000).astype(np.int16))
    return path


@pytest.mark.parametrize("redirect", mostly_slow(["<&- >&- 2>&-", ">&-", "<&-", "2>&-", "<&- >&-"], 2))
def test_closed_streams(tiny_file, recording, tmp_path, redirect):
    heard = ("spot", tiny_file, recording, "--engine", "numpy", "--json")
    done = shell(*heard, redirect=redirect)
    assert done.returncode == exit_codes.OK
    assert bool(done.stdout) == (">&-" not in redirect.replace("2>&-", ""))
    # What is written must not land in a file that got the closed stream's number.
    assert shell("export", tiny_file, "--out", tmp_path / "c", redirect=redirect).returncode == exit_codes.OK
    codegen.export(spotting_model(1, units=(24, 16)), tmp_path / "expected")
    for path in (tmp_path / "expected").iterdir():
        assert (tmp_path / "c" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_errors_with_closed_streams(tmp_path, redirect):
    done = shell("spot", tmp_path / "none.tflite", tmp_path / "none.wav", redirect=redirect)
    assert done.returncode == exit_codes.BAD_INPUT
    assert (b"cannot read" in done.stderr) == ("2>&-" not in redirect)
    assert shell("spot", redirect=redirect).returncode == 2


@pytest.mark.parametrize("verb", [("spot", "-"), ("listen", "--input=-")], ids=lambda v: v[0])
def test_raw_samples_from_a_closed_standard_input(verb, tiny_file):
    done = shell(verb[0], tiny_file, "--engine", "numpy", verb[1], redirect="<&-")
    assert done.returncode == exit_codes.BAD_INPUT
    assert b"standard input is closed" in done.stderr


@pytest.mark.parametrize("kind", mostly_slow([None, *KINDS]))
def test_exports_are_the_same_in_any_locale(kind, tmp_path):
    model = spotting_model(1, units=(8,), words=("größe", "да", "up", "naïve"))
    (tmp_path / "m.tflite").write_bytes(model.content)
    if kind is None:
        codegen.export(model, tmp_path / "here")
    else:
        export_package(model, kind, tmp_path / "here")
    options = [] if kind is None else ["--package", kind]
    # Twice: the second time, what is there is read.
    for _ in range(2):
        done = shell("export", tmp_path / "m.tflite", "--out", tmp_path / "there", *options, **ASCII)
        assert done.returncode == exit_codes.OK, done.stderr.decode()
    files = [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    for path in files:
        assert (tmp_path / "there" / path.relative_to(tmp_path / "here")).read_bytes() == path.read_bytes()
    assert len(files) == sum(path.is_file() for path in (tmp_path / "there").rglob("*"))


@pytest.mark.slow
def test_words_in_a_locale_of_ascii(tmp_path):
    """Names on the disk are bytes: the words that they are in UTF-8 are found all the same."""
    model = spotting_model(1, units=(8,), words=("größe", "да", "up", "naïve"))
    (tmp_path / "m.tflite").write_bytes(model.content)
    noise = np.random.default_rng(0).integers(-9000, 9000, 16000).astype(np.int16)
    for word in model.require_info().words:
        for speaker in range(2):
            audio.write(tmp_path / "d" / word / f"jörg{speaker}_1.wav", noise)
    line = (
        "evaluate",
        tmp_path / "m.tflite",
        "--data",
        tmp_path / "d",
        "--split",
        "all",
        "--engine",
        "numpy",
        "--json",
    )
    here, there = shell(*line), shell(*line, **ASCII)
    assert (here.returncode, there.returncode) == (0, 0), there.stderr.decode()
    same = [
        {k: v for k, v in json.loads(x.stdout)["results"]["numpy"].items() if "seconds" not in k} for x in (here, there)
    ]
    assert same[0]["confusion"] == same[1]["confusion"]
    assert np.array(same[0]["confusion"]).sum() == 8


@pytest.mark.slow
def test_output_that_is_ascii(tiny_file, recording, tmp_path):
    name = tmp_path / "jörg.wav"
    name.write_bytes(recording.read_bytes())
    done = shell("spot", tiny_file, name, recording, "--engine", "numpy", PYTHONIOENCODING="ascii")
    assert done.returncode == exit_codes.OK
    assert b"j\\xf6rg.wav" in done.stdout
    for verb in (("verify", tiny_file, "--engines", "numpy", "--random", "0"), ("--help",), ("build", "--help")):
        assert shell(*verb, PYTHONIOENCODING="ascii").returncode == exit_codes.OK


def test_a_word_that_the_locale_cannot_write(tmp_path):
    done = shell("data", "make", "--words", "größe", "--voices", "1", "--out", tmp_path / "d", **ASCII)
    assert done.returncode == exit_codes.BAD_INPUT
    assert b"cannot be written in ascii" in done.stderr
    assert b"LC_ALL=C.UTF-8" in done.stderr


@pytest.mark.slow
def test_file_names_that_are_not_utf8(tiny_file, recording, tmp_path):
    """A name goes through every verb that takes files: shown with backslashes, kept exact in what is saved."""
    data = tmp_path / SURROGATE
    for word in ("yes", "no", "up", "down", SURROGATE):
        for take in range(2):
            path = data / word / f"{SURROGATE}{take}_{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(recording.read_bytes())
    model = tmp_path / f"{SURROGATE}.tflite"
    model.write_bytes(tiny_file.read_bytes())
    clip, out = data / "yes" / f"{SURROGATE}0_0.wav", tmp_path / f"{SURROGATE}-out"
    both = ("--data", data, "--split", "all", "--engine", "numpy")
    spec = f"{out}.spec.json"
    lines = [
        ("spot", model, clip, recording, "--engine", "numpy", "--json"),
        ("verify", model, clip, "--engines", "c", "--random", "0"),
        ("evaluate", model, *both, "--plot", f"{out}.svg", "--json", f"{out}.json"),
        ("stream-test", model, *both, "--minutes", "0.5", "--save-spec", spec, "--wav", f"{out}.wav", "--jobs", "2"),
        ("stream-test", model, *both[:2], "--spec", spec, "--jobs", "1", "--json", "--plot", f"{out}.png"),
        ("export", model, "--out", f"{out}.c", "--package", "plain"),
        ("listen", model, "--input", clip),
    ]
    for line in lines:
        done = shell(*line)
        assert done.returncode == exit_codes.OK, done.stderr.decode()
    assert f"yes/{SURROGATE}0_0.wav" in json.loads(Path(spec).read_text(encoding="utf-8"))["wanted"]["yes"]
    found = shell("data", "check", data)
    assert found.returncode == exit_codes.DIFFERENT
    assert b"n\\udcf6/n\\udcf60_0.wav" in found.stdout
    assert f"{SURROGATE}/{SURROGATE}0_0.wav" in " ".join(
        e["message"] for e in json.loads(shell("data", "check", data, "--json").stdout)["errors"]
    )
