"""From PCM to detections: C against NumPy, and any chunking of a stream against the whole."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import spotting_model

from kws.config import DetectorConfig, LogMelConfig
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.verify.compare import EngineReport, compare, join
from kws.verify.inputs import corner_signals, random_signal

SHORT = LogMelConfig(window_ms=16, hop_ms=10, n_fft=256, bands=20, low_hz=100, high_hz=7000)
LONG = LogMelConfig(window_ms=64, hop_ms=32, n_fft=1024, bands=64, low_hz=20, high_hz=8000)
MODELS = {
    "default": {"units": (32,)},
    "stacked": {"seed": 3, "units": (24, 16)},
    "short window": {"units": (16,), "frontend": SHORT},
    "long window": {"units": (16,), "frontend": LONG},
    "long average": {"units": (16,), "detector": DetectorConfig(64, 0.2, 0)},
}


@pytest.fixture(scope="module", params=MODELS, ids=MODELS)
def engines(request):
    model = spotting_model(**{"seed": 4, **MODELS[request.param]})
    return model, NumpyEngine(model), CEngine(model)


def assert_same(model, a, b, source):
    report = EngineReport("c", True)
    compare(model, source, a, b, report)
    assert report.first is None, str(report.first)


def test_recording(engines, speech):
    model, reference, c = engines
    for engine in (reference, c):
        engine.reset()
    expected = reference.process(speech)
    assert expected.detections, "the random model must detect something, or detections are not compared"
    assert_same(model, expected, c.process(speech), "speech")


def test_corners_and_noise(engines):
    model, reference, c = engines
    rng = np.random.default_rng(0)
    streams = [*corner_signals(8000), *(random_signal(rng, 8000) for _ in range(20))]
    for name, pcm in streams:
        reference.reset()
        c.reset()
        assert_same(model, reference.process(pcm), c.process(pcm), name)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3000), max_size=15), st.integers(0, 2**32))
def test_any_chunking(cuts, seed):
    model, whole, cut = _chunking_engines()
    _, pcm = random_signal(np.random.default_rng(seed), 8000)
    edges = [0, *sorted(min(int(c), 8000) for c in np.cumsum(cuts)), 8000]
    whole.reset()
    expected = whole.process(pcm)
    for engine in cut:
        engine.reset()
        parts = [engine.process(pcm[a:b]) for a, b in itertools.pairwise(edges)]
        assert_same(model, expected, join(parts), engine.name)


@cache
def _chunking_engines():
    model = spotting_model(6, units=(16,))
    return model, NumpyEngine(model), [NumpyEngine(model), CEngine(model)]


def test_batch_is_the_single_stream(speech):
    model = spotting_model(7, units=(16,))
    clips = speech.reshape(6, 16000)
    assert np.array_equal(NumpyEngine(model).classify(clips), CEngine(model).classify(clips))
    one = NumpyEngine(model)
    for clip, row in zip(clips, NumpyEngine(model).classify(clips), strict=True):
        one.reset()
        assert np.array_equal(one.process(clip).posteriors, row)
