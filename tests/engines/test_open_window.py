"""The listening window that a program opens, in every engine: on an emulated board by the link's OPEN."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from random_models import spotting_model

from kws import engines
from kws.decisions import DetectorConfig, GrammarConfig
from kws.errors import KwsError
from kws.model.file import Model, with_decision

FRAMES = 30
ENGINES = [
    "numpy",
    "tflm",
    pytest.param("c", marks=needs("cc", "make")),
    pytest.param("qemu", marks=needs("make", "arm-none-eabi-gcc", "qemu-system-arm")),
    pytest.param("wasm", marks=[needs("make", "clang", "wasm-ld"), pytest.mark.slow]),
]


def model_with(decision):
    return Model.from_bytes(with_decision(spotting_model(6, units=(16,)), decision))


@pytest.fixture(scope="module")
def pcm():
    """Sound in which the model's words come and go."""
    wave = np.sin(np.arange(32000) / 2500) ** 2
    return (np.random.default_rng(3).normal(0, 1, 32000) * 9000 * wave).astype(np.int16)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_host_opens_the_window(engine, pcm):
    model = model_with(GrammarConfig(3, 0.2, 0, window_frames=50))
    always = model_with(DetectorConfig(3, 0.2, 0))
    with engines.create("numpy", always) as running:
        words = running.process(pcm).detections
    at = 9600
    first = model.require_info().frontend.frames(at)
    expected = [d for d in words if first <= d.frame < first + FRAMES]
    assert expected
    assert len(expected) < len(words)
    with engines.create(engine, model) as running:
        assert running.process(pcm[:at]).detections == []
        running.open(FRAMES)
        assert running.process(pcm[at:]).detections == expected
        running.reset()
        running.open(FRAMES)
        running.open(0)
        assert running.process(pcm).detections == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_without_a_window_has_none_to_open(engine):
    with (
        engines.create(engine, model_with(DetectorConfig(3, 0.2, 0))) as running,
        pytest.raises(KwsError, match="has no listening window"),
    ):
        running.open(1)
