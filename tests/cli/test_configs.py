"""``kws configs``, and a training by the name of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kws import config, configs
from kws.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def test_list(capsys):
    assert main(["configs"]) == 0
    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines()[:-1]] == configs.names()
    assert configs.names() == sorted(path.stem for path in (ROOT / "configs").glob("*.toml"))
    assert main(["configs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["configs"]
    assert list(told) == configs.names()
    assert all(what.endswith(".") and len(what) > 20 for what in told.values())


@pytest.mark.parametrize("name", ["demo", "demo.toml"])
def test_copy(name, tmp_path, capsys, monkeypatch):
    assert main(["configs", "--copy", name, str(tmp_path / "new")]) == 0
    target = tmp_path / "new" / "demo.toml"
    assert str(target) in capsys.readouterr().out
    assert target.read_bytes() == (ROOT / "configs" / "demo.toml").read_bytes()
    target.write_text("mine")
    assert main(["configs", "--copy", name, str(tmp_path / "new")]) == 3
    assert target.read_text() == "mine"
    monkeypatch.chdir(tmp_path)
    assert main(["configs", "--copy", name]) == 0
    assert config.load(tmp_path / "demo.toml").name == "demo"


def test_wrong_names(capsys):
    assert main(["configs", "--copy", "dmo"]) == 2
    assert "did you mean 'demo'?" in capsys.readouterr().err
    assert main(["configs", "--copy", "demo", "a", "b"]) == 2


def test_train_by_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    common = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "run")]
    assert main(["train", "demo", *common]) == 3
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert main(["train", "dmo", *common]) == 2
    assert main(["train", "dmo.toml", *common]) == 3
    (tmp_path / "demo").write_text("nonsense")
    assert main(["train", "demo", *common]) == 3
    assert "not valid TOML" in capsys.readouterr().err
