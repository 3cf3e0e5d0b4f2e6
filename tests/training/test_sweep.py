"""Sweeps: every combination once, the same wherever it runs, gone on with, and one table at the end."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tones

from kws import runs
from kws.cli import exit_codes
from kws.cli.main import main
from kws.errors import KwsError
from kws.training import side_by_side, sweep_report
from kws.training.history import Epoch, History
from kws.training.sweep import Result, points, sweep
from kws.training.train import train

pytest.importorskip("tf_keras", reason="training needs TensorFlow")

EXPERIMENT = tones.experiment(epochs=2)
GRID = {"network.lstm_units": [[6], [8]], "training.seed": [1, 2]}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "tones", speakers=20)


OTHERS = {"stream_accuracy": 0.5, "score": 0.5, "seconds": 1.0}


@pytest.fixture
def stand_in(monkeypatch):
    """In place of trainings: the seeds that were trained, each with the measures and weights of its point."""
    trained = []

    def train_at_once(experiment, data, run, progress=None, options=None):
        units, seed = experiment.network.lstm_units[0], experiment.training.seed
        trained.append((units, seed))
        assert options.cache.is_absolute()
        run.mkdir(parents=True)
        np.savez(run / runs.WEIGHTS, kernel=np.zeros((units, 3)))
        return History((Epoch(1, 0.02, 1.0, 0.5, 1.0, validation_accuracy=units / 100, **OTHERS),))

    monkeypatch.setattr(side_by_side, "train", train_at_once)
    monkeypatch.setattr(side_by_side, "prepare", lambda *_: None)
    return trained


@pytest.fixture(scope="module")
def swept(tmp_path_factory, data):
    out = tmp_path_factory.mktemp("sweep") / "out"
    return out, sweep(EXPERIMENT, GRID, [data], out, processes=1)


def test_points():
    found = points(EXPERIMENT, GRID)
    assert [(p.experiment.network.lstm_units, p.experiment.training.seed) for p in found] == [
        ((6,), 1),
        ((6,), 2),
        ((8,), 1),
        ((8,), 2),
    ]
    assert [p.name.rpartition("-")[0] for p in found[::3]] == ["lstm_units=6,seed=1", "lstm_units=8,seed=2"]
    # A point's name does not depend on the rest of the grid.
    assert points(EXPERIMENT, {**GRID, "training.seed": [2]})[0].name == found[1].name
    everything = dataclasses.replace(found[0].experiment, network=EXPERIMENT.network)
    assert everything == dataclasses.replace(EXPERIMENT, training=found[0].experiment.training)
    for grid, said in (
        ({"training.sede": [1]}, "seed"),
        ({"training.seed": ["x"]}, "seed"),
        ({"name": ["x"]}, "no setting"),
        ({"nothing.x": [1]}, "no setting"),
        ({"training.seed": [1, 2, 1]}, "twice"),
    ):
        with pytest.raises(KwsError, match=said):
            points(EXPERIMENT, grid)


def test_a_point_is_trained_once(stand_in, data, tmp_path):
    """What `test_what_is_done_is_not_done_again` shows with trainings."""
    results = sweep(EXPERIMENT, GRID, [data], tmp_path, processes=1)
    assert stand_in == [(6, 1), (6, 2), (8, 1), (8, 2)]
    assert [r.weights for r in results] == [18, 18, 24, 24]
    assert [r.measures["validation_accuracy"] for r in results] == [0.06, 0.06, 0.08, 0.08]
    assert [(r.epochs, r.best) for r in results] == [(1, 1)] * 4
    assert sweep(EXPERIMENT, GRID, [data], tmp_path, processes=1) == results
    more = {**GRID, "training.seed": [1, 2, 7]}
    assert sweep(EXPERIMENT, more, [data], tmp_path, processes=1)[:2] == results[:2]
    assert stand_in[4:] == [(6, 7), (8, 7)]
    lost = tmp_path / "results" / f"{results[1].name}.json"
    lost.write_text(lost.read_text().replace('"key": "', '"key": "x'))
    shutil.rmtree(tmp_path / "runs" / results[1].name)
    assert sweep(EXPERIMENT, GRID, [data], tmp_path, processes=1) == results
    assert stand_in[6:] == [(6, 2)]


@pytest.mark.slow
def test_each_training_is_that_of_kws_train(swept, data, tmp_path):
    out, results = swept
    assert [dict(r.settings)["training.seed"] for r in results] == [1, 2, 1, 2]
    assert [r.weights for r in results[::2]] == sorted({r.weights for r in results})
    point = points(EXPERIMENT, GRID)[3]
    history = train(point.experiment, data, tmp_path / "run")
    assert results[3].measures["validation_accuracy"] == history.best.validation_accuracy
    assert results[3].epochs == 2
    alone, one = ((folder / runs.WEIGHTS).read_bytes() for folder in (tmp_path / "run", out / "runs" / point.name))
    assert alone == one
    # Features were made once and are shared.
    assert not list((out / "runs").rglob("*-*.npz"))
    assert len(list((out / "cache").glob("training-*.npz"))) == 1


@pytest.mark.slow
def test_what_is_done_is_not_done_again(swept, data, monkeypatch):
    out, results = swept
    trained = []
    real = side_by_side.train
    monkeypatch.setattr(side_by_side, "train", lambda e, *a, **k: trained.append(e.training.seed) or real(e, *a, **k))
    assert sweep(EXPERIMENT, GRID, [data], out, processes=1) == results
    assert not trained
    more = {**GRID, "network.lstm_units": [[6]], "training.seed": [1, 2, 7]}
    assert sweep(EXPERIMENT, more, [data], out, processes=1)[:2] == results[:2]
    assert trained == [7]
    lost = out / "results" / f"{results[1].name}.json"
    lost.write_text(lost.read_text().replace('"key": "', '"key": "x'))
    assert sweep(EXPERIMENT, GRID, [data], out, processes=1) == results
    assert trained == [7, 2]


def result(units, seed, accuracy):
    settings = (("network.lstm_units", [units]), ("training.seed", seed))
    measures = {"validation_accuracy": accuracy, "score": accuracy}
    return Result(f"{units}{seed}", settings, measures, 1, 2, 100 * units)


def test_table_and_plot(tmp_path):
    found = sweep_report.groups([result(4, 1, 0.5), result(8, 1, 0.9), result(4, 2, 0.6), result(4, 3, 0.7)])
    assert [(g.settings, g.runs, g.weights) for g in found] == [
        ((("network.lstm_units", [4]),), 3, 400),
        ((("network.lstm_units", [8]),), 1, 800),
    ]
    spread = found[0].measures["score"]
    assert (spread.mean, spread.deviation) == (pytest.approx(0.6), pytest.approx(0.1))
    assert found[1].measures["score"].deviation is None
    lines = sweep_report.table(found).splitlines()
    assert lines[0].split("\t")[:4] == ["network.lstm_units", "runs", "weights", "validation accuracy, %"]
    assert lines[1].split("\t") == ["[4]", "3", "400", "60.00 ± 10.00", "60.00 ± 10.00"]
    assert lines[2].split("\t") == ["[8]", "1", "800", "90.00", "90.00"]
    for name in ("a.png", "b.png"):
        sweep_report.plot(found, tmp_path / name, "a $ name")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("first", [0, 1])
def test_a_measure_that_not_all_have(tmp_path, first):
    """Without negatives nobody knows what is missed."""
    results = [
        Result(f"{share}-{seed}", (("negatives.share", share),), {"score": 0.5, **more}, 1, 1, 400)
        for share, more in ((0.5, {"missed": 0.25}), (0.0, {}))
        for seed in (1, 2)
    ]
    found = sweep_report.groups(results[2 * first :] + results[: 2 * first])
    columns, body = sweep_report.rows(found)
    assert columns[-1] == "missed, %"
    assert {row[0]: row[-1] for row in body} == {"0.5": "25.00 ± 0.00", "0.0": "-"}
    sweep_report.plot(found, tmp_path / "a.png", "a name")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("grid", ["seed=1", "training.seed=", "training.seed=[1", "=1", ".=1", "training.seed"])
def test_grids_that_are_none(grid, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["sweep", "demo", "--data", "d", "--out", "o", "--grid", grid])
    assert stop.value.code == exit_codes.USAGE


@pytest.mark.slow
def test_the_verb_and_its_processes(swept, data, tmp_path, capsys):
    runs.write_config(EXPERIMENT, tmp_path)
    out = tmp_path / "out"
    line = ["sweep", str(tmp_path / runs.CONFIG), "--data", str(data), "--out", str(out), "--jobs", "2", "--json"]
    grid = ["--grid", "network.lstm_units=[[6],[8]]", "--grid", "training.seed=1,2"]
    assert main([*line, *grid]) == exit_codes.OK
    values = json.loads(capsys.readouterr().out)
    assert [g["settings"] for g in values["groups"]] == [{"network.lstm_units": [6]}, {"network.lstm_units": [8]}]
    assert [r["measures"] for r in values["runs"]] == [r.measures for r in swept[1]]
    for r in swept[1]:
        mine, theirs = (folder / "runs" / r.name / runs.WEIGHTS for folder in (out, swept[0]))
        assert mine.read_bytes() == theirs.read_bytes()
    assert {p.name for p in out.iterdir()} == {"runs", "results", "cache", "sweep.json", "sweep.tsv", "sweep.png"}
    assert main([*line, *grid, "--grid", "training.seed=3"]) == exit_codes.USAGE
