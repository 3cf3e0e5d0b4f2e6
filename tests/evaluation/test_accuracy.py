"""Accuracy figures on answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
import tones
from random_models import spotting_model

from kws.config import DataConfig
from kws.errors import KwsError
from kws.evaluation import accuracy
from kws.evaluation.plots import confusion
from kws.quantize.float_reference import FloatNetwork


def test_scores():
    true = np.array([0, 0, 1, 1, 1, 3], np.int32)
    guess = np.array([0, 1, 1, 1, 0, 0])
    result = accuracy._score("c", true, guess, 4, np.array([0, 1, 1, 1, 1, 0]))
    assert (result.correct, result.total) == (3, 6)
    assert result.accuracy == 0.5
    assert result.confusion.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert result.agreement == pytest.approx(5 / 6)
    assert result.recall()[:2].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert np.isnan(result.recall()[2])
    assert np.isnan(result.precision()[2])


def test_labels_are_the_words(tmp_path):
    """Each clip counts under its folder's label, others as unknown, in every engine alike."""
    spoken = {"yes": (400, 400), "no": (2000, 2000), "up": (400, 3000)}
    root = tones.write(tmp_path / "d", speakers=3, words=spoken)
    model = spotting_model(1, units=(16,))
    report = accuracy.evaluate(model, root, split="all", engines=["c", "numpy"])
    c, reference = report.results
    assert np.array_equal(c.confusion, reference.confusion)
    assert c.confusion.sum(axis=1).tolist() == [0, 3, 3, 3, 3, 0]
    assert not report.synthetic
    (root / "synthetic.json").write_text("{}")
    assert accuracy.evaluate(model, root, split="all", engines=["numpy"]).synthetic


def test_a_right_network_is_scored_right(tmp_path):
    """A float network that hears a tone's band, by construction, gets all of its clips right."""
    spoken = {"yes": (400, 400), "no": (3000, 3000), "up": (400, 400), "down": (400, 400)}
    root = tones.write(tmp_path / "d", speakers=4, words=spoken)
    model = spotting_model(1, units=(16,))

    class Constant(FloatNetwork):
        def run(self, features, state=None):
            return np.tile(np.eye(6, dtype=np.float32)[3], (*features.shape[:2], 1))

    constant = object.__new__(Constant)
    report = accuracy.evaluate(model, root, split="all", engines=["numpy"], reference=constant)
    floats = report.results[-1]
    assert floats.engine == "float"
    assert floats.confusion[:, 3].sum() == floats.total
    assert floats.recall()[3] == 1.0
    assert report.as_dict()["results"]["numpy"]["agreement_with_float"] == report.results[0].agreement


def test_settings_travel_in_the_model():
    model = spotting_model(1)
    assert accuracy.data_config(model.info).clip_ms == DataConfig().clip_ms
    settings = {"data": {"words": ["other"], "clip_ms": 700.0, "silence_percent": 5.0}}
    model.info.provenance["settings"] = settings
    data = accuracy.data_config(model.info)
    assert (data.words, data.clip_ms, data.silence_percent) == (("yes", "no", "up", "down"), 700.0, 5.0)


def test_unknown_split(tmp_path):
    with pytest.raises(KwsError, match="no split 'half'"):
        accuracy.choose(tmp_path, DataConfig(), "half", 1)


def test_plot(tmp_path):
    result = accuracy._score("c", np.array([0, 1, 2], np.int32), np.array([0, 1, 1]), 3, None)
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        confusion(result, ("a", "b", "größe"), "title", tmp_path / f"x{suffix}")
        assert (tmp_path / f"x{suffix}").read_bytes().startswith(magic)
