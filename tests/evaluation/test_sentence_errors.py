"""Token errors of transcribed sentences: rates, intervals by recording, and which models have none."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from random_models import spotting_model, with_decision

from kws.datasets import transcripts
from kws.datasets.transcripts import Stretch
from kws.decisions import CtcLexiconConfig
from kws.evaluation.sentence_errors import SentenceErrors, sentence_errors
from kws.model.file import Model, ModelInfo, with_info


def test_rates_and_intervals_by_recording():
    """A speaker's sentences go together: two recordings of the same errors have a wider interval than twenty."""
    counts = ((10, 1, 1, 0), (10, 5, 3, 2)) * 20
    two = SentenceErrors(counts, (0, 1) * 20, {})
    many = SentenceErrors(counts, tuple(range(40)), {})
    assert two.rate == many.rate == pytest.approx(0.6)
    assert two.total == (400, 120, 80, 40)
    assert two.interval == pytest.approx((0.2, 1.0))
    low, high = many.interval
    assert 0.4 < low < 0.6 < high < 0.8
    assert two.as_dict()["recordings"] == 2
    assert two.as_dict()["insertions"] == 40


@pytest.fixture
def speech(tmp_path):
    table = [
        Stretch("validation/a.wav", 0, 1, "the yes"),
        Stretch("validation/a.wav", 1, 2, "see eyes"),
        Stretch("validation/a.wav", 2, 3, "yes", ("?",)),
        Stretch("train/b.wav", 0, 1, "see"),
    ]
    for name in {s.file for s in table}:
        (tmp_path / name).parent.mkdir()
        soundfile.write(tmp_path / name, 0.1 * np.random.default_rng(1).standard_normal(48_000), 16_000, "PCM_16")
    transcripts.write(tmp_path, table)
    return tmp_path
