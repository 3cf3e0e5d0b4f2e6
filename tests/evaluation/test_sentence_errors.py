"""Token errors of transcribed sentences: rates, intervals by recording, and which models have none."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from random_models import spotting_model

from kws.config import Experiment
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


def model(letters: str, tokens: str = "characters") -> Model:
    """Random weights that name letters, and a decision that spells "yes" with them."""
    plain = spotting_model(1, words=tuple(letters), units=(16,))
    data = {**Experiment().as_dict()["data"], "tokens": tokens, "words": ["yes"]}
    info = ModelInfo(
        plain.info.labels,
        plain.info.frontend,
        CtcLexiconConfig(words=("yes y e s",)) if tokens != "words" else plain.info.decision,
        {"settings": {"data": data}},
    )
    return Model.from_bytes(with_info(plain.graph, info))


def test_sentences_of_validation_recordings_that_the_labels_can_spell(speech):
    told = []
    found = sentence_errors(model("ehsty"), [speech], engine="numpy", progress=lambda *p: told.append(p))
    assert [c[0] for c in found.counts] == [len("theyes"), len("seeeyes")]
    assert all(replaced + deleted <= said for said, replaced, deleted, _ in found.counts)
    assert found.rate > 0.3, "weights are random"
    assert found.recordings == (0, 0)
    assert found.left_out == {"not transcribed": 1}
    assert told == [(1, 2), (2, 2)]
    fewer = sentence_errors(model("esy"), [speech], engine="numpy")
    assert [c[0] for c in fewer.counts] == [len("seeeyes")]
    assert fewer.left_out == {"not transcribed": 1, "with tokens that the model does not name": 1}
    # Each is heard from a reset: what was heard before does not matter.
    assert found == sentence_errors(model("ehsty"), [speech], engine="numpy")


def test_a_model_of_words_spells_nothing(speech):
    assert sentence_errors(model("ehsty", "words"), [speech], engine="numpy") is None


def test_no_sentence_to_judge_by(speech):
    (speech / transcripts.NAME).unlink()
    assert sentence_errors(model("ehsty"), [speech], engine="numpy") is None
