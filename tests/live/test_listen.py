"""The live loop: levels in dB, posteriors of the newest frame, detections as they come."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import spotting_model

from kws.engines.numpy_engine import NumpyEngine
from kws.live.listen import FLOOR_DB, decibels, listen


def test_decibels():
    assert decibels(32768) == 0
    assert decibels(3276.8) == pytest.approx(-20)
    assert decibels(0) == FLOOR_DB


def test_chunks_give_what_the_stream_gives(speech):
    model = spotting_model(4, units=(32,))
    whole = NumpyEngine(model).process(speech)
    chunks = [speech[i : i + 640] for i in range(0, len(speech), 640)]
    heard = list(listen(model, NumpyEngine(model), [*chunks, np.zeros(0, np.int16)]))
    assert [d for h in heard for d in h.detections] == whole.detections
    assert len(whole.detections) > 0
    assert heard[-1].seconds == pytest.approx(len(speech) / 16000)
    assert np.allclose(heard[-1].posteriors, (whole.posteriors[-1].astype(float) + 128) / 256)
    assert heard[0].posteriors.tolist() == [0] * 6 or heard[0].posteriors.max() <= 1
    square = list(listen(model, NumpyEngine(model), [np.full(640, -32768, np.int16)]))
    assert (square[0].level_db, square[0].peak_db) == (0, 0)
