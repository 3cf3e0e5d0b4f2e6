"""Whether a microphone is fit: each fault by its name, and what noise costs by the model's card."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_microphone import FakePortAudio
from test_why import RATE, WAYS, both, filtered, mono, spoken, tone

from kws import shipped
from kws.cli import exit_codes
from kws.cli import main as cli
from kws.live import mic_check
from kws.live.mic_check import check, table_of

ROOT = Path(__file__).resolve().parents[2]
CARD = ROOT / "models/commands12.tflite"


def kinds(recording, **more):
    return [f.kind for f in check(recording, **more).faults]


def test_a_good_one():
    found = check(mono(spoken()))
    assert found.faults == ()
    assert found.speech
    assert found.as_dict()["fit"]
    assert found.cost == ""
    assert check(both(spoken(), spoken())).faults == ()


@pytest.mark.parametrize(
    ("recording", "kind"),
    [
        (WAYS["zeros"], "silent"),
        (WAYS["opposite channels"], "channels cancel"),
        (WAYS["a dead channel"], "dead channel"),
        (WAYS["lost blocks"], "holes"),
        (WAYS["clipped"], "clipped"),
        (WAYS["an offset"], "offset"),
        (WAYS["mains hum"], "hum"),
        (WAYS["a source of 8 kHz"], "empty upper half"),
        (WAYS["muffled"], "muffled"),
        ((None, lambda yes, rng: mono(yes() + rng.normal(0, 0.04, len(yes())))), "noise"),
        (WAYS["nobody speaks"], "no speech"),
        ((None, lambda yes, _: mono(0.01 * yes())), "too soft"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_faults(recording, kind):
    assert kinds(recording[1](spoken, np.random.default_rng(3)))[0] == kind


def test_a_clock_that_differs():
    assert kinds(mono(spoken()), measured_rate=16010) == []
    assert kinds(mono(spoken()), measured_rate=14700) == ["wrong rate"]


def test_the_noise_floor_by_band():
    noise = filtered(np.random.default_rng(1).normal(0, 0.05, 3 * RATE), 1000, 2000)
    bands = check(mono(noise)).sound.room_band_db
    assert int(np.argmax(bands)) == 3
    assert bands[3] == pytest.approx(20 * np.log10(np.std(noise)), abs=2)
    assert max(bands[:2] + bands[5:]) < bands[3] - 20


def test_what_it_costs():
    table = table_of(CARD)
    assert table.snr_db == (20, 10, 5, 0)
    assert table.accuracy == (94.1, 91.7, 87.7, 78.5)
    assert table.clean == 95.95
    assert table.at(10) == 91.7
    assert table.at(15) == pytest.approx(92.9)
    assert (table.at(50), table.at(-50)) == (94.1, 78.5)
    noisy = check(mono(spoken() + np.random.default_rng(1).normal(0, 0.025, len(spoken()))), table)
    assert "accuracy" in noisy.cost
    assert "points less" in noisy.cost
    assert "costs nothing" in check(mono(spoken()), table).cost
    assert check(mono(0 * spoken()), table).cost == ""
    assert table_of(ROOT / "models/none.tflite") is None


@pytest.mark.parametrize("name", shipped.models())
def test_every_model_that_comes_with_kws_says_what_noise_costs(name):
    table = table_of(shipped.models()[name])
    assert table.snr_db == (20, 10, 5, 0)
    assert list(table.accuracy) == sorted(table.accuracy, reverse=True)
    # Rows of two models would differ by more, or in the other direction.
    assert 0 < table.clean - table.accuracy[0] < 4


def test_what_a_run_says(tmp_path):
    (tmp_path / "evaluation.json").write_text(
        json.dumps(
            {"conditions": [{"kind": "snr", "db": 0, "accuracy": 0.5}, {"kind": "snr", "db": 10, "accuracy": 0.9}]}
        )
    )
    table = table_of(tmp_path)
    assert (table.snr_db, table.accuracy) == ((10, 0), (90, 50))
    for text in ("[", "{}", '{"conditions": 3}', '{"conditions": []}'):
        (tmp_path / "evaluation.json").write_text(text)
        assert table_of(tmp_path) is None


def test_the_command_on_a_file(tmp_path, capsys):
    soundfile.write(tmp_path / "good.wav", spoken(), RATE)
    soundfile.write(tmp_path / "bad.wav", spoken() + tone(spoken(), 50, 0.3), RATE)
    assert cli.main(["mic-check", "--input", str(tmp_path / "good.wav"), "--model", str(CARD)]) == 0
    page = capsys.readouterr().out
    assert "good.wav: fit" in page
    for part in ("card", "noise floor", "4000 to 7600 Hz", "offset", "upper half"):
        assert part in page
    assert cli.main(["mic-check", "--input", str(tmp_path / "bad.wav"), "--json"]) == exit_codes.DIFFERENT
    said = capsys.readouterr()
    assert json.loads(said.out)["faults"][0]["kind"] == "hum"
    assert "hum" in said.err
    shutil.copy(CARD, tmp_path / "m.tflite")
    arguments = ["mic-check", "--input", str(tmp_path / "good.wav"), "--model", str(tmp_path / "m.tflite")]
    assert cli.main(arguments) == exit_codes.BAD_INPUT


def test_the_command_on_a_microphone(monkeypatch, capsys):
    """Every channel is heard, at the device's own rate; the clock is the test's."""
    x = np.tile(spoken(), 3)
    stereo = np.stack([x, -x], 1)
    fake = FakePortAudio((16000,), np.rint(32000 * stereo).astype(np.int16), opens=(1, 2))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    now = iter(np.arange(100_000) * 0.04)
    monkeypatch.setattr(mic_check, "time", type("Clock", (), {"monotonic": staticmethod(lambda: float(next(now)))}))
    assert cli.main(["mic-check", "--seconds", "5", "--json"]) == exit_codes.DIFFERENT
    value = json.loads(capsys.readouterr().out)
    assert [f["kind"] for f in value["faults"]] == ["channels cancel"]
    assert value["measured_rate"] == pytest.approx(16000, rel=0.01)
    assert value["sound"]["channels"] == 2
    assert value["sound"]["seconds"] == pytest.approx(5, abs=0.05)
    assert value["microphone"] == "Fake"
    assert fake.closed


def test_what_says_nothing_of_noise(tmp_path, capsys):
    assert cli.main(["mic-check", "--model", str(tmp_path / "none.tflite")]) == exit_codes.BAD_INPUT
    assert "there is no model" in capsys.readouterr().err
    shutil.copy(CARD, tmp_path / "m.tflite")
    assert cli.main(["mic-check", "--model", str(tmp_path / "m.tflite")]) == exit_codes.BAD_INPUT
    assert "kws evaluate RUN --data DIR --snr" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--device", "--serial"])
def test_a_recording_has_no_microphone(option, tmp_path, capsys):
    soundfile.write(tmp_path / "good.wav", spoken(), RATE)
    arguments = ["mic-check", "--input", str(tmp_path / "good.wav"), option, "3"]
    assert cli.main(arguments) == exit_codes.USAGE
    assert option in capsys.readouterr().err
