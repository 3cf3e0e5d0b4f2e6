"""What runs a model where no C compiler is: NumPy, unasked, as help says."""

from __future__ import annotations

import json

import pytest
import tones
from test_registry import help_of

from kws import engines
from kws.cli.main import main


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch):
    monkeypatch.setattr(engines, "missing_tools", lambda programs: dict.fromkeys(programs, "apt install it"))


@pytest.fixture
def data(tmp_path):
    tones.write(tmp_path / "data", speakers=2, words=dict.fromkeys(("yes", "no", "up", "down"), (400, 400)))
    return tmp_path / "data"


def test_spot(tiny_file, data, capsys):
    recording = next(data.glob("yes/*.wav"))
    assert main(["spot", str(tiny_file), str(recording), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "numpy"


@pytest.mark.slow
def test_evaluate(tiny_file, data, capsys):
    assert main(["evaluate", str(tiny_file), "--data", str(data), "--split", "all", "--json"]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert list(report["results"]) == ["numpy"]
    # A model that no training lies beside is not told to be trained.
    assert report["float_missing"].endswith("does not lie in the folder of its training, which has the float network")


@pytest.mark.slow
def test_stream_test(tiny_file, data, capsys):
    stream = ["--scene", "desk", "--minutes", "0.5", "--split", "all", "--jobs", "1"]
    assert main(["stream-test", str(tiny_file), "--data", str(data), *stream]) == 0
    assert "on engine numpy" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("verb", ["spot", "evaluate", "stream-test", "tune", "mine", "listen", "why", "serve"])
def test_help_says_so(verb, capsys):
    assert "(default: c where a compiler and make are, else numpy)" in " ".join(help_of(verb, capsys=capsys).split())
