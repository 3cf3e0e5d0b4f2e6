"""Accuracy figures on answers that are known."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tones
from random_models import spotting_model
from scipy import stats

from kws.config import DataConfig
from kws.datasets.clips import Clip, Example
from kws.errors import KwsError
from kws.evaluation import plots
from kws.evaluation.clip import accuracy, conditions, scoring
from kws.evaluation.clip.accuracy import ClipOptions, Reference, evaluate_clips
from kws.evaluation.clip.scoring import Accuracy, Rate
from kws.network import LstmNetwork
from kws.network.lstm_layer import FloatLstm

SPOKEN = {"yes": (400, 400), "no": (2000, 2000), "up": (400, 3000)}


def network(model, seed=0):
    """A float network of the shape of a model with one LSTM, with weights of its own."""
    rng = np.random.default_rng(seed)
    units = model.network.layers[0].output_size
    lstm = FloatLstm(
        *(rng.normal(0, 0.3, shape).astype(np.float32) for shape in ((40, 4 * units), (units, 4 * units), 4 * units))
    )
    dense = rng.normal(0, 2, (units, model.network.output_size)).astype(np.float32)
    return LstmNetwork((lstm,), dense, np.zeros(model.network.output_size, np.float32))


def test_scores():
    true = np.array([0, 0, 1, 1, 1, 3], np.int32)
    guess = np.array([0, 1, 1, 1, 0, 0])
    result = Accuracy("c", scoring.confusion(true, guess, 4))
    assert (result.rate.correct, result.rate.total, result.accuracy) == (3, 6, 0.5)
    assert result.confusion.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert result.recall()[:2].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert result.precision()[:2].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert np.isnan(result.recall()[2])
    assert np.isnan(result.precision()[2])


@pytest.mark.parametrize(("correct", "total"), [(0, 7), (7, 7), (93, 100), (3058, 3270)])
def test_interval_is_wilsons(correct, total):
    expected = stats.binomtest(correct, total).proportion_ci(method="wilson")
    assert Rate(correct, total).interval == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_intervals_allow_for_speakers():
    """Speakers whose clips are all right or all wrong are worth one clip each."""
    right = np.repeat(np.arange(200) % 10 > 0, 20)
    speakers = np.repeat(np.arange(200), 20).tolist()
    effect = scoring.design_effect(right, speakers)
    assert effect == pytest.approx(20, rel=0.01)
    wide, narrow = Rate(3600, 4000, effect).interval, Rate(180, 200).interval
    assert wide == pytest.approx(narrow, abs=1e-3)
    mixed = np.random.default_rng(1).permutation(right)
    assert scoring.design_effect(mixed, speakers) == pytest.approx(1, abs=0.3)
    assert scoring.design_effect(right, range(4000)) == pytest.approx(1, abs=1e-3)
    assert scoring.design_effect(right, ["one"] * 4000) == 1
    assert scoring.design_effect(np.ones(4, bool), range(4)) == 1


def test_the_interval_holds_what_it_says():
    """Of studies with speakers of unequal difficulty, about 95 % have the true share in their interval."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        sizes = rng.integers(2, 30, 60)
        ease = rng.beta(9, 1, 60)
        right = np.concatenate([rng.random(n) < p for n, p in zip(sizes, ease, strict=True)])
        who = np.repeat(np.arange(60), sizes)
        low, high = Rate(int(right.sum()), len(right), scoring.design_effect(right, who.tolist())).interval
        held += low <= 0.9 <= high
    assert 0.91 <= held / 400 <= 0.98


def example(word, speaker, label, tmp_path):
    return Example(label, Clip(tmp_path / f"{speaker}.wav", word, speaker, "validation"))


def test_worst_words_and_speakers(tmp_path):
    """Speaker 0 is always misheard; so is the word that only counts as unknown."""
    examples, guess = [], []
    for speaker in range(20):
        for word, label in (("yes", 2), ("no", 3), ("dog", 1)):
            examples += [example(word, f"s{speaker:02}", label, tmp_path)] * 2
            guess += [0 if speaker == 0 else 3 if word == "dog" else label] * 2
    examples += [Example(0, None), example("yes", "rare", 2, tmp_path)]
    guess += [0, 0]
    labels = ("_silence_", "_unknown_", "yes", "no")
    words = scoring.by_word(examples, np.array(guess), labels)
    assert [w.name for w in words] == ["dog", "yes", "no", "_silence_"]
    assert words[0].rate == Rate(0, 40)
    assert list(words[0].heard.items()) == [("no", 38), ("_silence_", 2)]
    speakers = scoring.by_speaker(examples, np.array(guess), labels)
    assert len(speakers.groups) == 20  # not the one with a single clip
    assert [s.name for s in speakers.worst] == ["s00", "s01"]
    assert speakers.worst_decile == pytest.approx((0 + 4 / 6) / 2)
    assert 0 < speakers.by_chance < 38 * 4 / 240 * 2
    counts = np.array([[g.rate.correct, g.rate.total - g.rate.correct] for g in speakers.groups])
    assert speakers.dispersion == pytest.approx(stats.chi2_contingency(counts).statistic / 19)


def test_chance_alone_makes_a_worst_decile(tmp_path):
    """With speakers that are equally easy, what is found is about what chance foretells."""
    rng = np.random.default_rng(3)
    examples = [example("yes", f"s{i % 200}", 1, tmp_path) for i in range(2000)]
    guess = (rng.random(2000) < 0.9).astype(np.int64)
    speakers = scoring.by_speaker(examples, guess, ("_unknown_", "yes"))
    assert speakers.worst_decile == pytest.approx(speakers.by_chance, abs=0.04)
    assert speakers.by_chance < 0.8
    assert speakers.dispersion == pytest.approx(1, abs=0.5)


def test_nobody_with_enough_clips(tmp_path):
    assert scoring.by_speaker([example("yes", "anna", 0, tmp_path)], np.array([0]), ("yes",)) is None


def test_labels_are_the_words(tmp_path):
    """Each clip counts under its folder's label, others as unknown, in every engine alike."""
    root = tones.write(tmp_path / "d", speakers=3, words=SPOKEN)
    model = spotting_model(1, units=(16,))
    report = evaluate_clips(model, root, ClipOptions("all", ("c", "numpy")))
    c, reference = report.results
    assert np.array_equal(c.confusion, reference.confusion)
    assert c.carried == reference.carried
    assert c.confusion.sum(axis=1).tolist() == [0, 3, 3, 3, 3, 0]
    assert {w.name for w in report.words} == {"yes", "no", "up", "other"}
    assert not report.synthetic
    (root / "synthetic.json").write_text("{}")
    assert evaluate_clips(model, root, ClipOptions("all", ("numpy",), carried=False)).synthetic


def test_a_right_network_is_scored_right(tmp_path):
    """A float network that always says one word, by construction, gets all of its clips right."""
    root = tones.write(tmp_path / "d", speakers=4, words={**SPOKEN, "down": (400, 400)})
    model = spotting_model(1, units=(16,))

    class Constant(LstmNetwork):
        def run(self, features, state=None):
            return np.tile(np.eye(6, dtype=np.float32)[3], (*features.shape[:2], 1))

        def initial_state(self, n):
            return []

    constant = object.__new__(Constant)
    report = evaluate_clips(model, root, ClipOptions("all", ("numpy",)), Reference(constant))
    floats = report.results[-1]
    assert floats.engine == "float"
    assert floats.confusion[:, 3].sum() == floats.rate.total
    assert floats.recall()[3] == 1.0
    assert floats.carried == floats.rate
    values = report.as_dict()["results"]["numpy"]
    assert values["agreement_with_float"] == report.results[0].agreement
    agreeing = report.results[0].confusion[:, 3].sum() / floats.rate.total
    assert report.results[0].agreement == pytest.approx(agreeing)


def test_posterior_error_is_that_of_the_posteriors(tmp_path):
    root = tones.write(tmp_path / "d", speakers=2, words=SPOKEN)
    model = spotting_model(1, units=(16,))
    reference = network(model)
    report = evaluate_clips(model, root, ClipOptions("all", ("numpy",), carried=False), Reference(reference))
    data = model.info.data
    chosen = accuracy.choose(root, data, "all", 1)
    runner = accuracy.ClipRunner(model, ("numpy",), reference, tuple(chosen), data, (), np.zeros((0, 0), np.int16), 1)
    features = accuracy._features(model, runner, len(chosen))
    ours = model.network.run(features, model.network.initial_state(len(features))).outputs[-1]
    error = np.abs((ours.reshape(*features.shape[:2], -1).astype(float) + 128) / 256 - reference.run(features))
    assert report.results[0].posterior_error == pytest.approx((error.mean(), error.max()), rel=1e-4)


@pytest.mark.slow
def test_report_does_not_depend_on_processes(tmp_path, monkeypatch):
    root = tones.write(tmp_path / "d", speakers=12, words=SPOKEN)
    model = spotting_model(1, units=(16,))
    monkeypatch.setattr(accuracy, "_BLOCK", 10)
    options = ClipOptions("all", conditions=conditions.SNRS + conditions.GAINS)
    one, two = (
        evaluate_clips(model, root, dataclasses.replace(options, processes=n), Reference(network(model)))
        for n in (1, 2)
    )
    assert json.dumps(one.as_dict()) == json.dumps(two.as_dict())
    assert [c.kind for c in one.conditions] == ["snr"] * 4 + ["gain"] * 6
    assert one.conditions[conditions.Condition("gain", 0.0)] == one.results[0].rate


def test_every_engine_missing(tmp_path, monkeypatch):
    root = tones.write(tmp_path / "d", speakers=2, words=SPOKEN)
    model = spotting_model(1, units=(16,))
    real = accuracy.create

    def no_c(name, model):
        if name == "c":
            raise KwsError("no compiler here")
        return real(name, model)

    monkeypatch.setattr(accuracy, "create", no_c)
    report = evaluate_clips(model, root, ClipOptions("all", ("c", "numpy"), skip_missing=True))
    assert [r.engine for r in report.results] == ["numpy"]
    assert report.engines_missing == {"c": "no compiler here"}
    with pytest.raises(KwsError, match="no compiler"):
        evaluate_clips(model, root, ClipOptions("all", ("c", "numpy")))
    with pytest.raises(KwsError, match=r"none of the engines.*no compiler"):
        evaluate_clips(model, root, ClipOptions("all", ("c",), skip_missing=True))


def test_settings_travel_in_the_model():
    model = spotting_model(1)
    assert model.info.data.clip_ms == DataConfig().clip_ms
    settings = {"data": {"words": ["other"], "clip_ms": 700.0, "silence_percent": 5.0}}
    model.info.provenance["settings"] = settings
    data = model.info.data
    assert (data.words, data.clip_ms, data.silence_percent) == (("yes", "no", "up", "down"), 700.0, 5.0)


def test_unknown_split(tmp_path):
    with pytest.raises(KwsError, match="no split 'half'"):
        accuracy.choose(tmp_path, DataConfig(), "half", 1)


def test_plot(tmp_path):
    counts = scoring.confusion(np.array([0, 1, 2], np.int32), np.array([0, 1, 1]), 3)
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        figure = plots.figure(3, 3)
        plots.confusion(figure.subplots(), counts, ("a", "b", "größe"))
        plots.save(figure, tmp_path / f"x{suffix}")
        assert (tmp_path / f"x{suffix}").read_bytes().startswith(magic)
