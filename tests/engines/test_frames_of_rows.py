"""Frames of several windows: C's features are NumPy's, with either front end and any chunking."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from random_models import spotting_model

from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.frontends import LogMelConfig, MicroFrontendConfig


@needs("make", "cc")
@pytest.mark.parametrize(
    "frontend", [LogMelConfig(rows=3, bands=24), MicroFrontendConfig(rows=2)], ids=lambda f: f.kind
)
def test_features(frontend):
    model = spotting_model(3, units=(6,), frontend=frontend)
    pcm = np.random.default_rng(1).integers(-9000, 9000, 12000).astype(np.int16)
    expected = NumpyEngine(model).process(pcm).features
    assert len(expected) > 10
    with CEngine(model) as engine:
        found = [engine.process(part).features for part in np.split(pcm, [1, 700, 5000])]
    np.testing.assert_array_equal(np.concatenate(found), expected)
