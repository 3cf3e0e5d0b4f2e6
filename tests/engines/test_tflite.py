"""Desktop TFLite: close to the harness, not equal, and said to be so."""

from __future__ import annotations

import numpy as np
from random_models import spotting_model

from kws.engines.interpreters import TfliteEngine
from kws.engines.numpy_engine import NumpyEngine


def test_close_to_the_harness(speech):
    model = spotting_model(3, units=(32,))
    reference, other = NumpyEngine(model), TfliteEngine(model)
    a, b = reference.process(speech), other.process(speech)
    difference = np.abs(a.posteriors.astype(int) - b.posteriors.astype(int))
    assert difference.max() <= 40
    assert np.mean(a.posteriors.argmax(axis=1) == b.posteriors.argmax(axis=1)) > 0.95


def test_reset_is_complete(speech):
    model = spotting_model(3, units=(32,))
    engine = TfliteEngine(model)
    engine.reset()
    first = engine.process(speech[:16000]).posteriors
    assert not np.array_equal(engine.process(speech[:16000]).posteriors, first)
    engine.reset()
    assert np.array_equal(engine.process(speech[:16000]).posteriors, first)
