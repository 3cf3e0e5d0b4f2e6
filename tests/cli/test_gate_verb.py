"""``kws gate``: shows, sets and removes the voice gate of a model."""

from __future__ import annotations

import json
import re

import pytest
from random_models import bare_model, spotting_model

from kws.cli.exit_codes import BAD_INPUT, OK, USAGE
from kws.cli.main import main
from kws.codegen.export import export
from kws.model.file import Model
from kws.voice_gate import VoiceGateConfig, added_ram


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "model.tflite"
    file.write_bytes(spotting_model(1, units=(4,)).content)
    return file


def test_on_shown_changed_and_off(path, capsys):
    before = path.read_bytes()
    assert main(["gate", str(path)]) == OK
    assert "hears every frame" in capsys.readouterr().out
    assert path.read_bytes() == before
    assert main(["gate", str(path), "--on"]) == OK
    assert Model.load(path).info.gate == VoiceGateConfig(on=True)
    assert main(["gate", str(path), "--margin", "9", "--hold-ms", "800"]) == OK
    capsys.readouterr()
    assert main(["gate", str(path), "--json"]) == OK
    shown = json.loads(capsys.readouterr().out)["gate"]
    assert (shown["on"], shown["margin"], shown["hold_ms"]) == (True, 9, 800)
    assert shown["ram_bytes"] == added_ram(VoiceGateConfig(on=True), Model.load(path).info.frontend) == 1088
    assert main(["gate", str(path), "--off"]) == OK
    assert path.read_bytes() == before


def test_another_file_and_what_it_costs(path, tmp_path, capsys):
    out = tmp_path / "gated.tflite"
    before = path.read_bytes()
    assert main(["gate", str(path), "--on", "--out", str(out)]) == OK
    assert path.read_bytes() == before
    for file, name in ((path, "plain"), (out, "gated")):
        export(Model.load(file), tmp_path / name)
    headers = [(tmp_path / name / "kws_model.h").read_text() for name in ("plain", "gated")]
    found = [re.search(r"KWS_MODEL_GATE_BYTES (.*)", text)[1] for text in headers]
    assert found == ["0u", "KWS_VOICE_GATE_BYTES(KWS_MODEL_BANDS, KWS_MODEL_GATE_PLACES)"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--off", "--margin", "3"], USAGE, "--off"),
        (["--out", "elsewhere.tflite"], USAGE, "--out"),
        (["--on", "--calls", "1"], BAD_INPUT, "gate.calls"),
        (["--on", "--hold-ms", "100", "--settle-ms", "90"], BAD_INPUT, "history_ms"),
    ],
)
def test_what_is_refused(path, options, code, message, capsys):
    assert main(["gate", str(path), *options]) == code
    assert message in capsys.readouterr().err


def test_a_bare_network_has_none(tmp_path, capsys):
    file = tmp_path / "bare.tflite"
    file.write_bytes(bare_model(1).content)
    assert main(["gate", str(file), "--on"]) == BAD_INPUT
    assert "bare network" in capsys.readouterr().err
