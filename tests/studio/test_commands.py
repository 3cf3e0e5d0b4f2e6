"""What a button runs, and what a network will take before it is trained."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import mostly_slow, needs
from serial.tools import list_ports

from kws import audio, config, shipped
from kws.cli import main as cli
from kws.model.file import Model
from kws.project import CONFIG, MICROPHONE, Project
from kws.studio import commands, size, state
from kws.studio.jobs import Jobs


@pytest.fixture
def root(tmp_path, monkeypatch):
    Project(tmp_path / "lamp", ("lights", "music"), MICROPHONE, None).write()
    audio.write(tmp_path / "lamp/recordings/lights/me_01.wav", np.full(16000, 9, np.int16))
    monkeypatch.chdir(tmp_path / "lamp")
    return tmp_path / "lamp"


@pytest.mark.parametrize("name", shipped.starts())
def test_a_training_takes_the_network_of_any_model_that_is_offered(name, root):
    train, *_ = commands.make(root, {"kind": "train", "run": "a", "start": f"shipped:{name}"}).commands
    assert train[train.index("--from") + 1] == str(shipped.models()[name])
    assert "--same-network" in train
    assert cli._parse(train).handler
    train, *_ = commands.make(root, {"kind": "train", "run": "a", "start": None}).commands
    assert not {"--from", "--same-network"} & set(train)


def test_a_check_of_the_microphone_says_what_the_noise_costs(root, capsys):
    """Half a second of a tone every second, 14 dB over the room: the card's row for noise says the price."""
    rng, time = np.random.default_rng(1), np.arange(10 * 16000) / 16000
    heard = 3000 * np.sin(2 * np.pi * 440 * time) * (time % 1 < 0.5) + rng.normal(0, 420, len(time))
    audio.write(root / commands.MIC_CHECK, audio.to_int16(heard))
    (check,) = commands.make(root, {"kind": "mic-check"}).commands
    assert cli.main(check) == 1
    assert "its card (commands12.md) says 9" in capsys.readouterr().out


def test_sizes_before_a_training(root):
    experiment = config.load(root / CONFIG)
    found = size.estimates(experiment, shipped.starts())
    assert set(found) == {"", *shipped.starts()}
    # As large as the models but for the last layer: eight labels less, a weight of each of its inputs and a bias.
    network = Model.load(shipped.models()["commands12"]).network
    assert found["commands12"]["weights"] == network.weight_bytes - 8 * (80 + 4)
    assert found[""]["ram"] == found["commands12"]["ram"]
    assert found[""]["weights"] == pytest.approx(found["commands12"]["weights"], rel=0.01)
    assert found[""]["instructions"] == found["commands12"]["instructions"]
    # docs/networks.md: a convolution in front makes every second frame do.
    assert found["commands12-crnn"]["instructions"] < 0.65 * found["commands12"]["instructions"]
    assert found["commands12-tiny"]["weights"] < 0.35 * found["commands12"]["weights"]


@needs("make", "arm-none-eabi-gcc")
@pytest.mark.parametrize("board", mostly_slow(["nrf52840", "rp2040"]))
@pytest.mark.parametrize("name", ["commands12-crnn"])
def test_the_size_of_a_network_is_that_of_its_image(name, board, root, capsys):
    """Planned by the export's own code: an estimate by states alone left out a convolution's scratch and code."""
    path = shipped.models()[name]
    told = size.estimates(config.load(root / CONFIG), {name: path})[name]
    assert cli.main(["build", board, "--model", str(path), "--json"]) == 0
    image = json.loads(capsys.readouterr().out)
    assert told["ram"][board] == pytest.approx(image["ram"], abs=220)
    # The experiment has fewer labels than the model, which was built as it is.
    network = Model.load(path).network
    flash = network.weight_bytes + told["code"] + size.BOARDS[board]["program"]
    assert flash == pytest.approx(image["flash"], abs=220)


def test_a_network_that_cannot_be_counted(root):
    text = (root / CONFIG).read_text(encoding="utf-8")
    (root / CONFIG).write_text(text.replace("lstm_units = [80, 80]", 'kind = "gru"'), encoding="utf-8")
    assert size.estimates(config.load(root / CONFIG), {}) == {"": None}


def test_serial_ports_are_offered(root, monkeypatch):
    plugged = [SimpleNamespace(device="/dev/ttyACM0", description="J-Link", vid=0x1366)]
    plugged += [SimpleNamespace(device="/dev/ttyS0", description="n/a", vid=None)]
    monkeypatch.setattr(list_ports, "comports", lambda: plugged)
    monkeypatch.setattr(state, "_LOOK_SECONDS", 1e-9)
    assert state.state(root, Jobs(root))["ports"] == [("/dev/ttyACM0", "J-Link")]
    plugged.clear()
    assert state.state(root, Jobs(root))["ports"] == []
