"""A service of one model, and of two."""

from __future__ import annotations

import pytest
from random_models import spotting_model

from kws.serve.service import Service


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for name, seed in (("one", 4), ("two", 5)):
        (root / f"{name}.tflite").write_bytes(spotting_model(seed, units=(32,)).content)
    return [root / "one.tflite", root / "two.tflite"]


@pytest.fixture(scope="module")
def one(files):
    with Service(files[:1], "numpy") as service:
        yield service
