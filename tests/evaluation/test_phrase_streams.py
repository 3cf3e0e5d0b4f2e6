"""Streams of phrases: what is said where, what counts as found, and thresholds within a budget."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from random_models import spotting_model

from kws.cli.main import main
from kws.decisions import GrammarConfig, Phrase
from kws.errors import KwsError
from kws.evaluation import phrase_tuning
from kws.evaluation.phrase_tuning import tune_phrases
from kws.evaluation.phrases import PhraseBench
from kws.evaluation.sequences import SequenceSettings, Voices, render
from kws.evaluation.stream.run import StreamOptions
from kws.evaluation.stream.score import Truth
from kws.evaluation.stream.spec import StreamSettings, specify
from kws.model.file import Model, with_decision

NUMPY = StreamOptions("numpy", processes=1)


@pytest.fixture(scope="module")
def model():
    plain = spotting_model(1, units=(16,))
    a, b = plain.info.words[:2]
    phrases = (Phrase((a, b), 90), Phrase((b, a, b), 60, "three"))
    return Model.from_bytes(
        with_decision(plain, GrammarConfig(**dataclasses.asdict(plain.info.detector), phrases=phrases)), "a model"
    )


@pytest.fixture(scope="module")
def bench(model, spoken):
    spec = specify(spoken, model.info.data, StreamSettings(minutes=2, split="all"))
    return PhraseBench(model, spec, spoken, NUMPY, said=40)


def test_sequences_are_where_they_are_said_to_be(spoken, model):
    words = model.info.words
    voices = Voices.of_split(spoken, model.info.data, "all")
    assert set(words) <= set(voices.words)
    sequences = [list(words[:2]), [], [words[1]]] * 3
    settings = SequenceSettings(gap_ms=(100, 200), snr_db=(30.0,))
    pcm, said = render(voices, sequences, (1, 2), settings)
    assert [s.words for s in said] == [tuple(s) for s in sequences if s]
    again, _ = render(voices, sequences, (1, 2), settings)
    assert np.array_equal(pcm, again)
    power = np.convolve(pcm.astype(float) ** 2, np.ones(160) / 160, "same")
    for one in said:
        for start, end in zip(one.starts, one.ends, strict=True):
            assert start < end
            assert power[start:end].max() > 20 * np.median(power)
        for end, start in zip(one.ends, one.starts[1:], strict=False):
            assert 1600 <= start - end <= 3200 + 4 * 960
    with pytest.raises(KwsError, match="no clips of nobody"):
        render(voices, [["nobody"]], (1,), settings)


@pytest.mark.slow
def test_a_phrase_that_is_said_by_chance_is_no_false_accept(bench, model):
    a, b = 0, 1
    truth = Truth(
        160_000,
        *(np.array(x, np.int64) for x in ([1000, 20_000, 60_000], [9000, 30_000, 70_000], [a, b, b], [0, 0, 0])),
        ("", "", ""),
        np.array([160_000], np.int64),
        np.array([0], np.int64),
    )
    phrase = model.info.decision.phrases[0]
    assert bench._by_chance(truth, phrase, 28_000)
    assert not bench._by_chance(truth, phrase, 5000), "the second word is not said yet"
    assert not bench._by_chance(truth, phrase, 69_000), "too long after the first"


@pytest.mark.slow
def test_thresholds_keep_to_the_budget(bench, model, monkeypatch):
    monkeypatch.setattr(phrase_tuning, "THRESHOLDS", (0.02, 0.2, 0.6, 1.0))
    result = tune_phrases(bench, 60.0)
    for rates, phrase in zip(result.tuned, result.grammar.phrases, strict=True):
        assert len(phrase.thresholds) == len(phrase.words)
        assert len(set(phrase.thresholds[1:])) == 1
        assert rates.false_accepts <= 60 * rates.hours
        assert rates.said >= 40
    assert bench.count(result.grammar) == list(result.tuned)
    # What one half finds and what the other does are what both do.
    halves = [bench.rates(result.grammar, 0, (half,)) for half in range(bench.halves)]
    assert sum(h.found for h in halves) == result.tuned[0].found
    assert len(result.held_out) == (2 if bench.halves == 2 else 0)
    least = dataclasses.replace(result.grammar.phrases[0], thresholds=(0.001, 0.001))
    lowest = dataclasses.replace(result.grammar, phrases=(least,))
    assert bench.rates(lowest, 0).hours == pytest.approx(result.tuned[0].hours)
    with pytest.raises(KwsError, match="must be more than 0"):
        tune_phrases(bench, 0.0)


@pytest.mark.slow
def test_the_verbs(spoken, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(phrase_tuning, "THRESHOLDS", (0.2, 0.9))
    path = tmp_path / "m.tflite"
    path.write_bytes(model.content)
    common = ["--data", str(spoken), "--minutes", "1", "--split", "all", "--engine", "numpy", "--jobs", "1", "--json"]
    assert main(["tune", str(path), "--phrases", "--budget", "10000", *common]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [r["name"] for r in values["tuned"]] == [p.title for p in model.info.decision.phrases]
    tuned = Model.load(path).info
    assert isinstance(tuned.decision, GrammarConfig)
    assert all(p.thresholds for p in tuned.decision.phrases)
    assert "phrases" in tuned.provenance["tuned"]
    assert main(["stream-test", str(path), *common]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [r["said"] > 0 for r in values["phrases"]] == [True, True]


def test_the_room_is_for_words_alone(spoken, model, tmp_path, capsys):
    path = tmp_path / "m.tflite"
    path.write_bytes(model.content)
    line = ["tune", str(path), "--phrases", "--budget", "1", "--data", str(spoken), "--noise", str(tmp_path)]
    assert main(line) == 2
    assert "--phrases" in capsys.readouterr().err
    assert path.read_bytes() == model.content
