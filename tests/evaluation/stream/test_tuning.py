"""Tuned detectors keep to their budget, and no threshold common to all words would do better."""

from __future__ import annotations

import json

import pytest
from random_models import spotting_model

from kws.cli.main import main
from kws.config import DetectorConfig
from kws.errors import KwsError
from kws.evaluation.stream import operating_points, tuning
from kws.evaluation.stream.run import Runner, StreamOptions, evaluate_stream, score
from kws.evaluation.stream.spec import StreamSettings, halves, specify
from kws.evaluation.stream.tuned import enough_minutes
from kws.model.file import Model, with_detector


@pytest.fixture(scope="module")
def model():
    return spotting_model(1, units=(16,))


@pytest.fixture
def small_grid(monkeypatch):
    monkeypatch.setattr(operating_points, "AVERAGES_MS", (60, 160))
    monkeypatch.setattr(operating_points, "COOLDOWNS_MS", (200, 600))


@pytest.mark.slow
def test_keeps_to_its_budget(spoken, model, small_grid):
    spec = specify(spoken, model.info.data, StreamSettings(minutes=10, split="all"))
    budget = 600.0
    result = tuning.tune(model, spec, spoken, budget, StreamOptions(processes=1))
    assert result.hours == pytest.approx(1 / 6)
    assert result.tuned.false_accepts <= budget * result.hours < result.old.false_accepts
    assert not result.scarce
    assert result.tuned.misses < result.tuned.said
    assert len(result.detector.word_thresholds) == 4
    assert result.held_out.said == result.tuned.said
    assert result.fresh.said > 0
    assert tuning.tune(model, spec, spoken, budget, StreamOptions(processes=2)) == result
    json.dumps(result.as_dict())
    # The stored settings do the same in a stream test of their own.
    tuned = Model.from_bytes(with_detector(model, result.detector, result.provenance()))
    assert tuned.require_info().provenance["tuned"]["budget"] == result.budget
    hits = false = 0
    for half in halves(spec):
        own = evaluate_stream(tuned, half, spoken, StreamOptions(processes=1)).own()
        hits, false = hits + own.said - own.misses, false + own.false_accepts
    assert (hits, false) == (result.tuned.said - result.tuned.misses, result.tuned.false_accepts)
    averages, cooldowns = operating_points.settings(model.info.frontend)
    assert (averages, cooldowns) == ((3, 8), (10, 30))
    common = min(
        (
            stream_rates(model, spoken, spec, DetectorConfig(a, t, c))
            for a in averages
            for c in cooldowns
            for t in operating_points.thresholds()[::3]
        ),
        key=lambda r: (r[1] > budget * result.hours, r[0]),
    )
    assert result.tuned.misses <= common[0]


_known: dict[int, tuple] = {}


def stream_rates(model, spoken, spec, detector):
    """Misses and false accepts of one detector on the tuning streams, the posteriors computed once."""
    if 0 not in _known:
        runner = Runner(model, "c", spoken)
        _known[0] = tuple(runner.run(half, p) for half in halves(spec) for p in range(half.pieces))
        runner.close()
    misses = false = 0
    for rows, truth in _known[0]:
        tally = score(model.info, rows, truth, [detector], 12000, 3)
        misses += int(tally.said.sum() - tally.hits.sum())
        false += int(tally.false.sum())
    return misses, false


def test_refused(spoken, model, small_grid):
    spec = specify(spoken, model.info.data, StreamSettings(minutes=1, split="all"))
    with pytest.raises(KwsError, match="more than 0"):
        tuning.tune(model, spec, spoken, 0)


def test_enough():
    assert enough_minutes(1) == 600
    assert enough_minutes(100) == 60
    assert enough_minutes(1e-9) == 6000


@pytest.mark.slow
def test_command(spoken, tiny_file, tmp_path, small_grid, capsys):
    before = tiny_file.read_bytes()
    options = ["tune", tiny_file, "--data", spoken, "--split", "all", "--minutes", 2, "--budget", 100]
    options += ["--jobs", 1, "--scene", "desk"]
    assert main([str(o) for o in [*options, "--out", tmp_path / "t.tflite"]]) == 0
    said = capsys.readouterr()
    assert "chance decided" in said.err
    assert "other speakers" in said.out
    assert tiny_file.read_bytes() == before
    out = Model.load(tmp_path / "t.tflite")
    assert len(out.info.detector.word_thresholds) == 4
    assert main([str(o) for o in [*options, "--json"]]) == 0
    values = json.loads(capsys.readouterr().out)
    assert tiny_file.read_bytes() == (tmp_path / "t.tflite").read_bytes()
    assert values["id"] == out.id
    assert values["detector"]["word_thresholds"] == list(out.info.detector.word_thresholds)
