"""The ``tflite`` engine on tflite-runtime, which needs numpy 1: in a virtual environment of its own.

The same environment shows that the base install is light and that kws runs on numpy 1.26.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from random_models import spotting_model

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import json, sys
import numpy as np
from kws.engines.interpreters import TfliteEngine, tflite_interpreter
from kws.engines.numpy_engine import NumpyEngine
from kws.model.file import Model

model = Model.load(sys.argv[1])
pcm = np.random.default_rng(1).normal(0, 2000, 32000).astype(np.int16)
ours, theirs = NumpyEngine(model).process(pcm).posteriors, TfliteEngine(model).process(pcm).posteriors
print(json.dumps({
    "interpreter": tflite_interpreter().__module__,
    "numpy": np.__version__,
    "greatest": int(np.abs(ours.astype(int) - theirs.astype(int)).max()),
    "frames": len(theirs),
    "tensorflow": "tensorflow" in sys.modules,
}))
"""


@pytest.mark.slow
def test_in_an_environment_with_numpy_1(tmp_path):
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin/python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{ROOT}[tflite-runtime]"], check=True)
    installed = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "tensorflow" not in installed
    model = tmp_path / "model.tflite"
    model.write_bytes(spotting_model(3, units=(32,)).content)
    done = subprocess.run([python, "-c", SCRIPT, model], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout.splitlines()[-1])
    assert values["interpreter"].startswith("tflite_runtime")
    assert values["numpy"].startswith("1.26")
    assert values["frames"] == 99
    assert values["greatest"] <= 40
    assert not values["tensorflow"]
    # The installed wheel, not the checkout, carries the firmware: the C engine builds from it.
    check = "import kws.firmware as f; print(f.sources_dir())"
    where = subprocess.run([python, "-c", check], capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert str(folder) in where
    command = [folder / "bin/kws", "verify", model, "--engines", "numpy,c", "--random", "1"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
