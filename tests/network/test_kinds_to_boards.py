"""Every kind of convolutional network, from a file through `kws tune`, `export` and `build` to an emulated board."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import tones
from conftest import needs
from random_stacks import stack_model

from kws.boards.emulator import run_image
from kws.cli.main import main
from kws.decisions import DetectorConfig
from kws.evaluation.stream import operating_points
from kws.frontends import LogMelConfig
from kws.model.file import Model, ModelInfo
from kws.network import CnnConfig, CrnnConfig, DnnConfig, DsCnnConfig

pytest.importorskip("tf_keras", reason="building a network needs TensorFlow")
pytestmark = [pytest.mark.slow, needs("make", "cc", "arm-none-eabi-gcc", "qemu-system-arm")]

KINDS = {
    "crnn": (CrnnConfig(lstm_units=(20,), channels=8), LogMelConfig(rows=2)),
    "ds-cnn": (DsCnnConfig(channels=(16, 17, 20), rows=(5, 3), last_rows=6), LogMelConfig()),
    "cnn": (CnnConfig(window_rows=32, channels=(4, 6), units=(9, 8)), LogMelConfig(rows=4)),
    "dnn": (DnnConfig(window_rows=16, units=(12, 8)), LogMelConfig(rows=2)),
}


def write(name, path):
    """A model with random weights."""
    config, frontend = KINDS[name]
    info = ModelInfo(("_silence_", "_unknown_", *tones.MODEL_WORDS), frontend, DetectorConfig(3, 0.25, 5), {})
    path.write_bytes(stack_model(config, info).content)


@pytest.mark.parametrize("name", KINDS)
def test_from_a_file_to_boards(name, spoken, tmp_path, monkeypatch):
    monkeypatch.setattr(operating_points, "AVERAGES_MS", (60,))
    monkeypatch.setattr(operating_points, "COOLDOWNS_MS", (600,))
    path, tuned = tmp_path / "model.tflite", tmp_path / "tuned.tflite"
    write(name, path)
    options = ["--data", str(spoken), "--split", "all", "--minutes", "1", "--scene", "desk", "--jobs", "1"]
    assert main(["tune", str(path), *options, "--budget", "100000", "--anyway", "--out", str(tuned)]) == 0
    model = Model.load(tuned)
    assert model.require_info().provenance != Model.load(path).require_info().provenance
    assert main(["export", str(tuned), "--package", "plain", "--out", str(tmp_path / "plain")]) == 0
    made = subprocess.run(["make", "-C", tmp_path / "plain", "test"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    for board in ("mps2_an386", "mps3_an547"):
        options = ["--model", str(tuned), "--app", "selftest", "--out", str(tmp_path / board)]
        assert main(["build", board, *options]) == 0
        (image,) = (tmp_path / board).glob("*.elf")
        assert "0 differences: PASS" in run_image(image, np.zeros(0, np.int16), board=board)
    assert main(["build", "nrf52840", "--model", str(tuned), "--out", str(tmp_path / "nrf52840")]) == 0
