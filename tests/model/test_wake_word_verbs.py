"""microWakeWord's models in the other verbs: measured, tuned, heard live, and on every board."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from conftest import needs
from wake_words import FOLDER, WORDS, speech

from kws.boards import BOARDS
from kws.boards.emulator import run_image
from kws.cli.main import main
from kws.codegen.esphome import export_esphome
from kws.datasets import voices
from kws.engines.numpy_engine import NumpyEngine
from kws.evaluation.stream import operating_points
from kws.model.file import Model

ALEXA = FOLDER / "alexa.tflite"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """The word and two others in eight synthetic voices, a folder each."""
    folder = tmp_path_factory.mktemp("recordings")
    engine, rng = voices.make("espeak"), np.random.default_rng(1)
    for word in ("Alexa", "right", "cat"):
        (folder / word).mkdir()
        for voice in engine.voice_names(8):
            said = engine.speak(word, voice, rng)
            soundfile.write(folder / word / f"{voice.replace('/', '-')}_0.wav", said * 0.6 / np.abs(said).max(), 16000)
    return folder


@pytest.mark.slow
@needs("cc", "make")
def test_measured_tuned_and_packed(recordings, tmp_path, monkeypatch, capsys):
    """The cut-off that is written for ESPHome is the one that `kws tune` chose on these recordings."""
    monkeypatch.setattr(operating_points, "AVERAGES_MS", (60, 120))
    monkeypatch.setattr(operating_points, "COOLDOWNS_MS", (600,))
    options = ["--data", str(recordings), "--split", "all", "--minutes", "1", "--scene", "desk", "--jobs", "1"]
    report, tuned = tmp_path / "report.json", tmp_path / "mine.tflite"
    assert main(["stream-test", str(ALEXA), *options, "--json", str(report)]) == 0
    assert "Alexa" in report.read_text()
    assert main(["tune", str(ALEXA), *options, "--budget", "60", "--anyway", "--out", str(tuned)]) == 0
    model = Model.load(tuned)
    assert model.info.decision != Model.load(ALEXA).info.decision
    capsys.readouterr()
    assert main(["stream-test", str(tuned), *options, "--json", str(report)]) == 0
    package = export_esphome(model, tmp_path / "package")
    written = json.loads(package.files[1].read_text())["micro"]
    assert written["sliding_window_size"] == model.info.decision.window
    again = Model.load(package.files[0])
    assert again.info.decision.parameters().limit == model.info.decision.parameters().limit


@pytest.mark.parametrize("name", ["alexa", "okay_nabu"])
def test_heard_live(name, tmp_path, capsys):
    """`kws listen`, chunk by chunk, brings the detections of the whole."""
    model, pcm = Model.load(FOLDER / f"{name}.tflite"), speech(WORDS[name])[:80000]
    soundfile.write(tmp_path / "said.wav", pcm, 16000)
    expected = NumpyEngine(model).process(pcm).detections
    options = ["--engine", "numpy", "--input", str(tmp_path / "said.wav"), "--json"]
    assert main(["listen", str(FOLDER / f"{name}.tflite"), *options]) == 0
    heard = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [h["word"] for h in heard] == [WORDS[name]] * len(expected)
    assert expected


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("name", ["hey_mycroft", "okay_nabu"])
def test_builds_for_every_board(name, tmp_path):
    """Of the most RAM, and of the most layers; the emulated ones compute what the harness computes."""
    for board, about in BOARDS.items():
        app = "selftest" if about.emulator else "spotter"
        options = ["--app", app, "--model", str(FOLDER / f"{name}.tflite"), "--out", str(tmp_path / board)]
        assert main(["build", board, *options]) == 0
        if about.emulator:
            (image,) = (tmp_path / board).glob("*.elf")
            assert "0 differences: PASS" in run_image(image, np.zeros(0, np.int16), board=board)
