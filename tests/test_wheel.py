"""kws installed from a wheel, without a checkout: what it carries, and how it says to get what it lacks."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import needs
from random_models import spotting_model

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@needs("cc", "make", "clang", "wasm-ld")
def test_installed_from_a_wheel(tmp_path):
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path / "dist", ROOT], check=True)
    wheel = next((tmp_path / "dist").glob("kws-*.whl"))
    subprocess.run([*pip, "install", wheel], check=True)
    model = tmp_path / "model.tflite"
    model.write_bytes(spotting_model(3, units=(32,)).content)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def kws(*arguments, code=0):
        command = [tmp_path / "venv/bin/kws", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert "demo " in kws("configs")
    kws("configs", "--copy", "demo", "mine")
    assert (tmp_path / "mine/demo.toml").read_bytes() == (ROOT / "configs/demo.toml").read_bytes()
    kws("models", "--copy", "yes-no", "mine")
    assert (tmp_path / "mine/yes-no.tflite").read_bytes() == (ROOT / "models/yes-no.tflite").read_bytes()
    assert kws("docs", "own-words") == (ROOT / "docs/own-words.md").read_text(encoding="utf-8")
    # What words of one's own start from is there.
    project = kws("new", "lamp", "--words", "lights,music", "--source", "microphone", "--board", "none")
    assert re.search(r"--from \S+/_models/commands12.tflite", project)
    kws("export", model, "--web", "--out", "w")
    assert {path.suffix for path in (tmp_path / "w").iterdir()} == {".html", ".wasm"}
    assert f"kws[train] @ {wheel.as_uri()}" in kws("train", "demo", "--data", "d", "--out", "r", code=4)
    assert f"kws[tflm] @ {wheel.as_uri()}" in kws("verify", model, "--engines", "tflm,c", code=4)
    text = kws("verify", model, "--random", "1")
    assert re.search(r"^ +c +identical", text, flags=re.MULTILINE)
    # What it says is what helps.
    command = shlex.split(re.search(r"not compared: tflm: .*`pip (.*?)`", text)[1])
    subprocess.run([*pip, *command], check=True)
    text = kws("verify", model, "--random", "1")
    assert re.search(r"^ +tflm +identical", text, flags=re.MULTILINE)
    assert "not compared" not in text
