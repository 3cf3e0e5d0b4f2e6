"""Thresholds that miss their budget where they were not chosen are not written unasked."""

from __future__ import annotations

import dataclasses
import json

import pytest

from kws.cli.main import main
from kws.decisions import DetectorConfig
from kws.evaluation.negatives import Negatives, Source
from kws.evaluation.stream import operating_points, tuning
from kws.evaluation.stream.score import Rates
from kws.evaluation.stream.tuned import Tuning
from kws.model.file import Model


def rates(false: int, hours: float = 10.0) -> Rates:
    return Rates(hours, 100, 10, (false, 0, 0, 0), 100.0, 200.0)


def negatives(false: int) -> Negatives:
    return Negatives("c", (Source("speech", 360.0, 29, false, {"yes": false} if false else {}),), 0.0)


KEPT = Tuning(
    DetectorConfig(),
    DetectorConfig(),
    1.0,
    10.0,
    1,
    rates(50),
    rates(10),
    rates(20),
    True,
    rates(20),
    negatives(9),
    negatives(0),
    False,
)


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({}, {}),
        ({"held_out": None}, {}),
        ({"held_out": rates(21)}, {"other speakers": 2.1}),
        ({"held_out": rates(21), "other_speakers": False}, {"other takes": 2.1}),
        ({"fresh": rates(21)}, {"fresh stream": 2.1}),
        ({"negatives": negatives(1)}, {}),
        ({"negatives": negatives(2)}, {"negatives": 20.0}),
        ({"negatives": negatives(2), "budget": 10.0}, {}),
        ({"negatives": negatives(3), "budget": 10.0}, {"negatives": 30.0}),
        ({"fresh": rates(1, 0.1)}, {}),
        ({"held_out": rates(30), "negatives": negatives(4)}, {"other speakers": 3.0, "negatives": 40.0}),
    ],
)
def test_missed(changes, missed):
    result = dataclasses.replace(KEPT, **changes)
    assert result.missed() == pytest.approx(missed)
    values = json.loads(json.dumps(result.as_dict()))
    assert values["budget_missed"] == pytest.approx(missed)
    provenance = result.provenance()
    assert provenance["negatives"] == {"minutes": 6.0, "false_accepts": result.negatives.total.false_accepts}
    assert provenance.get("budget_missed", {}) == pytest.approx(missed)


class Heard:
    """So many false accepts on the negatives."""

    def __init__(self, false: int) -> None:
        self.false = false

    def count(self, detector: DetectorConfig | None = None) -> Negatives:
        return negatives(self.false if detector is not None else 2 * self.false)


@pytest.fixture
def command(spoken, tiny_file, monkeypatch):
    monkeypatch.setattr(operating_points, "AVERAGES_MS", (60,))
    monkeypatch.setattr(operating_points, "COOLDOWNS_MS", (600,))
    options = ["tune", tiny_file, "--data", spoken, "--split", "all", "--minutes", 2, "--budget", 100]
    options += ["--jobs", 1, "--scene", "desk"]
    return [str(o) for o in options]


def test_refused(command, tiny_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tuning, "hear", lambda model: Heard(60))
    before = tiny_file.read_bytes()
    for more in ([], ["--json"], ["--out", str(tmp_path / "new.tflite")]):
        assert main([*command, *more]) == 1
        said = capsys.readouterr()
        assert "is not written" in said.err
        assert "more than 2 times the budget of 100" in said.err
        assert "negatives 600.0" in said.err
        for what_to_do in ("record more takes", "more negatives", "larger --budget", "--anyway"):
            assert what_to_do in said.err
        if more == ["--json"]:
            values = json.loads(said.out)
            assert values["written"] is False
            assert values["budget_missed"]["negatives"] == 600
            assert values["limits"]
        else:
            assert "before, it was 1200.0 false accepts per hour" in said.out
            assert any(line.split()[::7] == ["negatives", "600.0"] for line in said.out.splitlines())
            assert "what these figures cannot tell" in said.out
    assert tiny_file.read_bytes() == before
    assert not (tmp_path / "new.tflite").exists()


def test_written_anyway(command, tiny_file, monkeypatch, capsys):
    monkeypatch.setattr(tuning, "hear", lambda model: Heard(60))
    assert main([*command, "--anyway", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["written"] is True
    model = Model.load(tiny_file)
    assert model.id == values["id"]
    tuned = model.require_info().provenance["tuned"]
    assert tuned["negatives"] == {"minutes": 6.0, "false_accepts": 60}
    assert tuned["budget_missed"]["negatives"] == 600


def test_written_within_the_budget(command, tiny_file, monkeypatch):
    monkeypatch.setattr(tuning, "hear", lambda model: Heard(0))
    before = tiny_file.read_bytes()
    assert main(command) == 0
    assert tiny_file.read_bytes() != before
    assert Model.load(tiny_file).require_info().provenance["tuned"]["negatives"]["false_accepts"] == 0
