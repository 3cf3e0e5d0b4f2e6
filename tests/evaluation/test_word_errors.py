"""Word errors: alignments, intervals, and what is reported of sequences."""

from __future__ import annotations

import json

import pytest
from random_models import spotting_model

from kws.cli.main import main
from kws.evaluation.word_errors import WordErrors, alignment, word_errors


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a b c", "a b c", (0, 0, 0)),
        ("a b c", "", (0, 3, 0)),
        ("", "a b", (0, 0, 2)),
        ("a b c", "a c", (0, 1, 0)),
        ("a b c", "a x c", (1, 0, 0)),
        ("a b c", "a b b c", (0, 0, 1)),
        ("a b c d", "b c d e", (0, 1, 1)),
    ],
)
def test_the_fewest_errors(said, heard, errors):
    assert alignment(said.split(), heard.split()) == errors


def test_rates_and_intervals():
    e = WordErrors(2, ((2, 0, 0, 0),) * 30 + ((2, 1, 0, 1),) * 10)
    assert (e.rate, e.right) == (0.25, 0.75)
    low, high = e.interval
    assert 0.1 < low < 0.25 < high < 0.42
    assert e.as_dict()["substitutions"] == e.as_dict()["insertions"] == 10


@pytest.mark.slow
def test_sequences_of_every_length(spoken, tmp_path, capsys):
    model = spotting_model(1, units=(16,))
    found = word_errors(model, spoken, 2, engine="numpy")
    assert [e.length for e in found] == [1, 2, 3, 4, 5, 0]
    assert [len(e.counts) for e in found] == [2, 2, 2, 2, 2, 10]
    assert found == word_errors(model, spoken, 2, engine="numpy")
    path = tmp_path / "m.tflite"
    path.write_bytes(model.content)
    options = ["--data", str(spoken), "--engine", "numpy", "--sequences", "2"]
    assert main(["evaluate", str(path), *options, "--json"]) == 0
    assert [e["length"] for e in json.loads(capsys.readouterr().out)["sequences"]] == [1, 2, 3, 4, 5, 0]
