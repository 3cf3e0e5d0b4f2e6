"""``kws import``: what it says of files that run and of files that do not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from random_layers import graph

from kws.cli.main import main

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


def test_what_is_no_model(tmp_path, capsys):
    path = tmp_path / "text.tflite"
    path.write_text("hello, hello")
    assert main(["import", str(path)]) == 3
    assert "is not a .tflite file" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "gone.tflite")]) == 3
