"""The C library under the sanitizers, and its errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import needs
from random_models import bare_model, spotting_model

from kws import engines
from kws.engines.c_engine import CEngine
from kws.errors import KwsError
from kws.image.build import host_library

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.verify.inputs import corner_signals, random_signal
from kws.verify.compare import EngineReport, compare, run_chunked
from kws.model.file import Model

model = Model.load(sys.argv[3])
c, reference = CEngine(model, Path(sys.argv[1])), NumpyEngine(model)
rng = np.random.default_rng(1)
report = EngineReport("c", True)
if model.info is None:
    x = rng.integers(-128, 128, (50, model.network.input_size)).astype(np.int8)
    compare(model, "random", reference.run_network(x), c.run_network(x), report)
else:
    for name, pcm in [*corner_signals(6000), *(random_signal(rng, 6000) for _ in range(20))]:
        reference.reset()
        compare(model, name, reference.process(pcm), run_chunked(c, pcm, rng), report)
assert report.first is None, report.first
print("identical", report.values)
"""

MODELS = {
    "whole": lambda: spotting_model(1, units=(24, 16)),
    "saturated": lambda: spotting_model(2, units=(16,), weights="saturated"),
    "bare": lambda: bare_model(3, units=(16,), steps=5, head="last"),
    "logistic": lambda: bare_model(4, units=(16,), steps=3, head="logistic"),
}


@pytest.mark.slow
@needs("cc", "make")
@pytest.mark.parametrize("name", MODELS)
def test_sanitizers_find_nothing(name, tmp_path):
    model = MODELS[name]()
    (tmp_path / "model.tflite").write_bytes(model.content)
    library = host_library(model, tmp_path, sanitize=True)
    runtimes = [
        subprocess.run(["cc", f"-print-file-name={n}"], capture_output=True, text=True, check=True).stdout.strip()
        for n in ("libasan.so", "libubsan.so")
    ]
    # Python itself leaks on purpose at exit.
    environment = {**os.environ, "LD_PRELOAD": " ".join(runtimes), "ASAN_OPTIONS": "detect_leaks=0"}
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", SCRIPT, library, root, tmp_path / "model.tflite"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "identical" in done.stdout


def test_a_sanitizer_would_see(tmp_path):
    """The sanitized build does stop a program that reads past an array."""
    (tmp_path / "bad.c").write_text("int main(int n, char **v) { int a[2] = {0}; (void)v; return a[n + 1]; }")
    program = tmp_path / "bad"
    subprocess.run(["cc", "-fsanitize=address,undefined", tmp_path / "bad.c", "-o", program], check=True)
    assert subprocess.run([program], capture_output=True, check=False).returncode != 0


@needs("cc", "make")
def test_a_library_of_another_model_is_refused(tiny_model):
    other = spotting_model(9)
    with pytest.raises(KwsError, match="another model"):
        CEngine(tiny_model, host_library(other))


def test_not_a_library(tiny_model, tmp_path):
    path = tmp_path / "x.so"
    path.write_text("not a library")
    with pytest.raises(KwsError, match="cannot load the C library"):
        CEngine(tiny_model, path)


@pytest.mark.parametrize("name", ["numpy", "c", "tflm", "tflite"])
def test_bare_network_refuses_samples(name, bare_model):
    with engines.create(name, bare_model) as engine, pytest.raises(KwsError, match="bare network"):
        engine.process(np.zeros(1000, np.int16))


@pytest.mark.parametrize("name", ["numpy", "c", "tflm"])
def test_no_samples_is_no_frames(name, tiny_model):
    with engines.create(name, tiny_model) as engine:
        output = engine.process(np.zeros(0, np.int16))
        assert len(output.posteriors) == 0
        assert output.detections == []


def test_unknown_engine(tiny_model):
    with pytest.raises(KwsError, match="no engine 'fpga'"):
        engines.create("fpga", tiny_model)
