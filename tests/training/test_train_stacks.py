"""Networks of convolutions from training to a file that every engine, and other people's runtime, hears alike with."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tones
from conftest import needs

from kws import engines, runs
from kws.cli.main import main
from kws.codegen.esphome import export_esphome
from kws.config import DataConfig
from kws.decisions import SlidingMeanConfig
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.frontends import LogMelConfig, MicroFrontendConfig
from kws.model.file import Model, with_decision
from kws.network import CrnnConfig, DsCnnConfig, LstmConfig
from kws.quantize import noise
from kws.quantize.convert import convert
from kws.training.start import ModelStart
from kws.training.train import train
from kws.verify.compare import EngineReport, compare
from kws.verify.inputs import random_signal

pytest.importorskip("tf_keras", reason="training needs TensorFlow")
pytestmark = pytest.mark.slow

CRNN = dataclasses.replace(
    tones.experiment(epochs=16),
    frontend=LogMelConfig(rows=2),
    network=CrnnConfig(lstm_units=(16,), channels=6),
)
WAKE = dataclasses.replace(
    tones.experiment(epochs=24),
    data=DataConfig(words=("rise",), clip_ms=500, validation_percent=25, testing_percent=5, unknown_percent=100),
    frontend=MicroFrontendConfig(rows=3),
    detector=SlidingMeanConfig(cutoff=0.5),
    network=DsCnnConfig(channels=(16, 16, 16), rows=(5, 7), last_rows=5, average=False, probability=True),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "tones")


@pytest.fixture(scope="module")
def crnn(tmp_path_factory, data):
    run = tmp_path_factory.mktemp("crnn") / "run"
    return run, train(CRNN, data, run), convert(run).model


@pytest.fixture(scope="module")
def wake(tmp_path_factory, data):
    run = tmp_path_factory.mktemp("wake") / "run"
    train(WAKE, data, run)
    return run, convert(run).model


def said(data, word="rise"):
    """All takes of a word, with silence between."""
    import soundfile

    rest = np.zeros(16000, np.int16)
    parts = [rest]
    for path in sorted((data / word).glob("*.wav")):
        parts += [soundfile.read(path, dtype="int16")[0], rest, rest]
    return np.concatenate(parts)


def test_a_crnn_learns_and_is_a_whole_model(crnn):
    run, history, model = crnn
    assert history.best.validation_accuracy > 0.85
    assert model.info.labels == CRNN.data.labels
    assert model.network.input_size == 80
    found = noise.of_run(run, model)
    assert found.posteriors_db > 20
    assert {t.name for t in found.tensors} >= {"conv_0/weights", "conv_0/output", "lstm_0/cell", "dense_0/output"}


@needs("cc", "make")
@pytest.mark.parametrize("name", ["tflm", "c"])
def test_every_engine_hears_the_same(name, crnn, wake, data):
    for model in (crnn[2], wake[1]):
        for pcm in (said(data)[:40000], random_signal(np.random.default_rng(3), 20000)[1]):
            expected = NumpyEngine(model).process(pcm)
            report = EngineReport(name, True)
            with engines.create(name, model) as engine:
                engine.reset()
                compare(model, "a signal", expected, engine.process(pcm), report)
            assert report.first is None, str(report.first)


def test_training_goes_on_from_the_int8_model(crnn):
    run, _, model = crnn
    start = ModelStart.load(run / runs.MODEL)
    network = start.network_for(CRNN)
    x = np.load(run / runs.CALIBRATION)[:8]
    assert np.abs(network.run(x) - runs.load_network(run).run(x)).max() < 0.1
    other = dataclasses.replace(CRNN, network=CrnnConfig(lstm_units=(17,), channels=6))
    with pytest.raises(KwsError, match=r"lstm_units = \[16\]"):
        start.network_for(other)
    with pytest.raises(KwsError, match='no network of the kind "lstm"'):
        start.network_for(dataclasses.replace(CRNN, frontend=LogMelConfig(), network=LstmConfig()))
    assert model.info.provenance["settings"]["network"]["kind"] == "crnn"


@needs("cc", "make")
def test_compare(crnn, data, tmp_path, capsys):
    run, _, model = crnn
    plot, report = tmp_path / "plot.png", tmp_path / "report.json"
    common = ["compare", str(run), str(run), "--data", str(data), "--no-boards", "--jobs", "1"]
    assert main([*common, "--minutes", "2", "--budget", "600", "--plot", str(plot), "--json", str(report)]) == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    table = capsys.readouterr().out
    assert "crnn" in table
    assert "each run, on the same clips and stream" in table
    first, second = json.loads(report.read_text())["runs"]
    assert first == second
    assert first["accuracy"] > 0.85
    assert abs(first["accuracy"] - first["accuracy_float"]) < 0.06
    assert first["weight_bytes"] == model.network.weight_bytes
    assert first["macs_per_second"] == model.network.macs * 25
    # Three rows of 40 bands, h of 8 and c of 16 bits.
    assert first["state_bytes"] == 3 * 40 + 16 + 32
    assert 0 <= first["missed"] <= 1


def test_a_wake_word_hears_its_word(wake, data):
    _, model = wake
    assert model.info.labels == ("rise",)
    assert model.network.output_size == 1
    words = len(list((data / "rise").glob("*.wav")))
    assert len(NumpyEngine(model).process(said(data)).detections) > 0.6 * words
    assert len(NumpyEngine(model).process(said(data, "low")).detections) < 0.3 * words


def test_clips_of_a_wake_word_have_no_labels(wake, data, capsys):
    assert main(["evaluate", str(wake[0]), "--data", str(data)]) == 3
    assert "kws stream-test" in capsys.readouterr().err


def test_esphome_takes_the_wake_word(wake, data, tmp_path):
    """The unmodified pymicro-wakeword loads the package and detects what kws does."""
    pytest.importorskip("pymicro_wakeword", reason="the peer is the dev extra")
    pytest.importorskip("tflite_micro", reason="the arena is measured by the tflm extra")
    from wake_words import detections, peer

    _, model = wake
    with pytest.raises(KwsError, match="was never tuned"):
        export_esphome(model, tmp_path)
    tuned = Model.from_bytes(with_decision(model, model.info.decision, {"budget": 1}), "a wake word")
    package = export_esphome(tuned, tmp_path)
    pcm = said(data)
    decision = model.info.decision
    ours = [d.frame for d in NumpyEngine(tuned).process(pcm).detections]
    theirs = detections(peer(package.files[1], pcm), decision.cooldown_frames)
    assert len(ours) == len(theirs) > 5
    assert all(abs(a - b) <= 1 for a, b in zip(ours, theirs, strict=True))
    again = Model.load(package.files[0])
    assert [d.frame for d in NumpyEngine(again).process(pcm).detections] == ours
