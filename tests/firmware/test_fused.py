"""Portable C in the specification's steps, one by one, and the fused steps that boards run: the same bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import needs
from random_models import bare_model, spotting_model

from kws import codegen
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.firmware import sources_dir
from kws.image.make import make_host_library
from kws.verify.compare import EngineReport, compare

pytestmark = needs("cc", "make")

SANITIZERS = ("-fsanitize=undefined", "-fno-sanitize-recover=all")


def test_fused_steps_are_the_specifications(tmp_path):
    """Sigmoid and tanh of every int16 and scale, products at the borders of their roundings, whole updates."""
    source = (Path(__file__).parent / "fused.c").read_text().replace("../../firmware", str(sources_dir()))
    (tmp_path / "fused.c").write_text(source)
    flags = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", *SANITIZERS, f"-I{sources_dir() / 'include'}")
    subprocess.run(["cc", *flags, tmp_path / "fused.c", "-o", tmp_path / "fused"], check=True)
    done = subprocess.run([tmp_path / "fused"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("the same\n", 0), done.stderr


MODELS = {
    "stacked": lambda: spotting_model(1, units=(24, 16)),
    "rows": lambda: bare_model(3, units=(16,), steps=5, head="last"),
    "fine cell": lambda: bare_model(17, units=(8,), inputs=8, cell_power=-24, cell_clip=0.0),
    "coarse cell, tight clip": lambda: bare_model(16, units=(9,), inputs=8, cell_power=-9, cell_clip=0.75),
    "saturated": lambda: bare_model(13, units=(18,), inputs=23, weights="saturated", gain=9.0),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_steps_one_by_one(name, tmp_path, monkeypatch):
    model = MODELS[name]()
    codegen.export(model, tmp_path / "model")
    monkeypatch.setenv("CC", "cc -DKWS_FUSED=0")
    library = make_host_library(tmp_path / "model", tmp_path / "build")
    x = np.random.default_rng(1).integers(-128, 128, (200, model.network.input_size)).astype(np.int8)
    report = EngineReport("c", True)
    compare(model, name, NumpyEngine(model).run_network(x), CEngine(model, library).run_network(x), report)
    assert report.first is None, str(report.first)
    assert report.values > 1000
