"""Fixtures that many tests share; models are small and random (see tools/random_models.py)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "boards"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import browser
import random_models as models
import tones
from hypothesis import HealthCheck, settings

from kws.engines.numpy_engine import states_of
from kws.tools import missing_tools

# How long an example takes depends on what else the machine does.
settings.register_profile("any-load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-load")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Engines must not find what an earlier test run, or a user, compiled."""
    # Most of what the tests compile is the library again, for another model: the workers share those objects.
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "objects"
    launcher = {"COMPILER_LAUNCHER": "ccache", "CCACHE_DIR": str(shared), "CCACHE_NOHASHDIR": "1"}
    if "COMPILER_LAUNCHER" in os.environ:
        launcher = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name, value in launcher.items() if shutil.which("ccache") else ():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def spoken(tmp_path_factory):
    """A data folder of the words that the models know, by four speakers; not to be changed."""
    return tones.write(tmp_path_factory.mktemp("spoken") / "d", speakers=4, words=tones.MODEL_WORDS)


@pytest.fixture(scope="session")
def tiny_model():
    """A whole model with random weights: two stacked LSTMs, four labels."""
    return models.spotting_model(1, units=(24, 16))


@pytest.fixture(scope="session")
def bare_model():
    """A sequence model without metadata: LSTM over 5 steps, last step, dense, softmax."""
    return models.bare_model(2, units=(16,), steps=5, head="last")


@pytest.fixture
def tiny_file(tmp_path, tiny_model):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model.content)
    return path


@pytest.fixture
def bare_file(tmp_path, bare_model):
    path = tmp_path / "bare.tflite"
    path.write_bytes(bare_model.content)
    return path


@pytest.fixture(scope="session")
def speech():
    """Six seconds of synthetic speech by several voices, int16, with a microphone's noise under it."""
    from kws.datasets import synthetic

    rng = np.random.default_rng(7)
    voices = list(synthetic.voices(12).values())
    parts = []
    for i, word in enumerate(["yes", "no", "stop", "seven", "left", "house"]):
        clip = np.zeros(16000)
        spoken = synthetic.utter(word, voices[2 * i], rng)
        clip[2000 : 2000 + len(spoken)] = spoken
        parts.append(clip * 10 ** (-i / 4))
    noisy = np.concatenate(parts) + rng.normal(0, 1e-3, 6 * 16000)
    return np.round(noisy * 30000).astype(np.int16)


def mostly_slow(values, fast=1):
    """Parameters of which the first ``fast`` are tried by the fast tests and the others by the slow ones."""
    return [pytest.param(v, marks=() if i < fast else pytest.mark.slow) for i, v in enumerate(values)]


def needs(*programs: str):
    """Skip a test, saying why, where a program is not installed."""
    missing = missing_tools(programs)
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


needs_browser = pytest.mark.skipif(
    browser.found() is None, reason="not installed: chromium or playwright (tools/setup.sh)"
)


def check_states(output, network, trace) -> None:
    """An engine's output has every state of the network as the harness's trace has it."""
    expected = states_of(network, trace, len(output.posteriors))
    assert output.states.keys() == expected.keys()
    for key, values in output.states.items():
        assert values.dtype == expected[key].dtype
        np.testing.assert_array_equal(values, expected[key], f"state {key}")
