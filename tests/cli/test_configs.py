"""``kws configs``, and a training by the name of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kws import config, configs, shipped
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


@pytest.mark.parametrize("name", configs.names())
def test_a_copy_needs_nothing_else(name, tmp_path):
    assert main(["configs", "--copy", name, str(tmp_path)]) == 0
    copied = tmp_path / f"{name}.toml"
    assert config.load(copied) == config.load(configs.find(name))
    # What it stands on may be there already, but not changed: who changed it wants it kept.
    bases = [path for path in tmp_path.iterdir() if path != copied]
    copied.unlink()
    assert main(["configs", "--copy", name, str(tmp_path)]) == 0
    if bases:
        copied.unlink()
        bases[0].write_text("mine")
        assert main(["configs", "--copy", name, str(tmp_path)]) == 3
        assert bases[0].read_text() == "mine"
        assert not copied.exists()


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


@pytest.mark.parametrize("verb", ["check", "takes"])
def test_data_by_name(verb, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = ["--from", str(shipped.models()[shipped.START])] if verb == "takes" else []

    def told(name, code):
        assert main(["data", verb, str(tmp_path / "none"), "--config", name, *start]) == code
        return " ".join(capsys.readouterr().err.split())

    assert "there is no folder" in told("own-words", 3)
    assert "did you mean 'own-words'?" in told("own-word", 2)
    assert "cannot read the configuration" in told("own-words.toml", 3)
