"""``kws models``, and what a missing model is answered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kws import shipped
from kws.cli.main import main
from kws.live.mic_check import table_of
from kws.model.file import Model

ROOT = Path(__file__).resolve().parents[2]


def test_list(capsys):
    assert main(["models", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["models"]
    assert list(told) == list(shipped.models())
    assert told["yes-no"]["words"] == ["yes", "no"]
    assert told["always-on/yes-no"]["bytes"] == (ROOT / "models/always-on/yes-no.tflite").stat().st_size
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{text}" for name in told)


@pytest.mark.parametrize("name", ["yes-no", "yes-no.tflite", "always-on/yes-no"])
def test_copy(name, tmp_path, capsys):
    source = shipped.models()[name.removesuffix(".tflite")]
    assert main(["models", "--copy", name, str(tmp_path / "new")]) == 0
    copied = tmp_path / "new/yes-no.tflite"
    assert str(copied) in capsys.readouterr().out
    assert Model.load(copied).id == Model.load(source).id
    # The card came along: what noise costs is known of the copy, too.
    assert table_of(copied) == table_of(source) is not None
    copied.write_bytes(b"tuned")
    assert main(["models", "--copy", name, str(tmp_path / "new")]) == 3
    assert copied.read_bytes() == b"tuned"


def test_models_that_share_a_card_go_into_one_folder(tmp_path, capsys):
    assert main(["models", "--copy", "always-on/yes-no", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["models", "--copy", "always-on/commands12", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"model": str(tmp_path / "commands12.tflite"), "card": str(tmp_path / "README.md")}
    (tmp_path / "commands12.tflite").unlink()
    (tmp_path / "README.md").write_text("mine")
    assert main(["models", "--copy", "always-on/commands12", str(tmp_path)]) == 3
    assert (tmp_path / "README.md").read_text() == "mine"
    assert not (tmp_path / "commands12.tflite").exists()


def test_wrong_names(capsys):
    assert main(["models", "--copy", "yes-on"]) == 2
    assert "did you mean 'yes-no'?" in capsys.readouterr().err
    assert main(["models", "--copy", "yes-no", "a", "b"]) == 2


@pytest.mark.parametrize("name", ["commands12", "commands12.tflite", "models/commands12.tflite"])
def test_a_model_that_is_not_here_but_comes_with_kws(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["gate", name]) == 3
    assert "`kws models --copy commands12` copies the one that comes with kws" in capsys.readouterr().err
    assert main(["gate", "mine.tflite"]) == 3
    assert "kws models" not in capsys.readouterr().err
