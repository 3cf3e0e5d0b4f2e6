"""``kws import``: what it says of files that run and of files that do not."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from random_layers import graph
from wake_words import FOLDER

from kws.cli.main import main
from kws.model.inspection import inspect
from kws.tflite import build

FILES = Path(__file__).parents[1] / "model/foreign"


def test_a_network_that_runs(tmp_path, capsys):
    path = tmp_path / "graph.tflite"
    drawn = graph(5)
    path.write_bytes(drawn.model.content)
    assert main(["import", str(path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"a bare network that runs: {len(drawn.model.network.layers)} layers" in text
    assert "input 'input' int8" in text
    assert "`kws verify" in text
    assert main(["import", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # Its subgraphs are counted too.
    counts = Counter(op.name for each in (drawn.model.graph, *drawn.model.graph.subgraphs) for op in each.operators)
    assert {u["operator"]: u["count"] for u in found["operators"]} == counts
    assert found["runs"]
    assert all(u["runs"] for u in found["operators"])


@pytest.mark.parametrize(
    ("name", "said"),
    [("keras3_lstm_float", "LSTM as a loop"), ("gru_float", "GRU as a loop"), ("lstm_small_range", "cell scale")],
)
def test_a_network_that_does_not(name, said, capsys):
    """The reason is the very one that other verbs give."""
    path = FILES / f"{name}.tflite"
    assert main(["import", str(path)]) == 3
    output = capsys.readouterr()
    assert "kws cannot run it" in output.out
    assert said in output.err
    assert main(["verify", str(path)]) == 3
    assert capsys.readouterr().err == output.err
    assert main(["import", str(path), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert not found["runs"]
    assert said in found["refusal"]


def test_advice_is_given_for_an_operator(capsys):
    assert main(["import", str(FILES / "keras3_lstm_float.tflite"), "--json"]) == 3
    used = {u["operator"]: u for u in json.loads(capsys.readouterr().out)["operators"]}
    assert "loop" in used["WHILE"]["advice"]
    assert used["ADD"] == {"operator": "ADD", "count": 6, "runs": True, "advice": ""}
    assert used["LESS"]["advice"] == "goes with the loop or branch that it is in"


@pytest.mark.parametrize("name", ["keras3_lstm_float", "gru_float"])
def test_every_operator_that_does_not_run_has_advice(name):
    used = inspect(FILES / f"{name}.tflite").operators
    assert [u.name for u in used if not u.advice] == [u.name for u in used if u.runs]


def test_an_operator_that_nothing_is_known_of(tmp_path):
    changed = graph(5).model.graph
    operators = [replace(changed.operators[0], name="RANGE"), *changed.operators[1:]]
    (tmp_path / "x.tflite").write_bytes(build(replace(changed, operators=operators)))
    used = {u.name: u for u in inspect(tmp_path / "x.tflite").operators}
    assert used["RANGE"].advice.startswith("leave it out")


def test_a_wake_word_with_its_manifest(tmp_path, capsys):
    """It is as whole here as in every other verb; alone it is a bare network, and a damaged manifest is told."""
    for suffix in (".tflite", ".json"):
        shutil.copy(FOLDER / f"okay_nabu{suffix}", tmp_path)
    path = tmp_path / "okay_nabu.tflite"
    assert main(["import", str(path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "the wake word 'Okay Nabu' of okay_nabu.json that runs: 34 layers" in text
    assert "`kws spot" in text
    assert main(["import", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["bare_network"], found["manifest"]) == (False, "okay_nabu.json")
    (tmp_path / "okay_nabu.json").write_text('{"type": "micro", "micro": {}}')
    assert main(["import", str(path)]) == 3
    assert "okay_nabu.json: its manifest is damaged" in capsys.readouterr().err
    (tmp_path / "okay_nabu.json").unlink()
    assert main(["import", str(path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "a bare network that runs: 34 layers" in text
    assert "needs its .json beside it" in text


def test_what_is_no_model(tmp_path, capsys):
    path = tmp_path / "text.tflite"
    path.write_text("hello, hello")
    assert main(["import", str(path)]) == 3
    assert "is not a .tflite file" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "gone.tflite")]) == 3
