"""microWakeWord's models with their manifests: from PCM to detections, the same on every engine, and as elsewhere."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from conftest import needs
from random_models import bare_model, wake_model
from wake_words import FOLDER, WORDS, detections, peer, speech

from kws import engines
from kws.cli.main import main
from kws.decisions import SlidingMeanConfig
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.frontends import MicroFrontendConfig
from kws.model.file import Model
from kws.model.manifest import Manifest
from kws.tflite import build
from kws.verify.compare import EngineReport, compare


def load(name):
    return Model.load(FOLDER / f"{name}.tflite")


def test_what_the_manifests_say():
    info = load("okay_nabu").info
    assert info.labels == ("Okay Nabu",)
    assert info.frontend == MicroFrontendConfig(10, 3)
    assert info.decision == SlidingMeanConfig(0.85, 5, 67)
    assert [load(name).info.decision.cutoff for name in WORDS] == [0.9, 0.97, 0.95, 0.85]


@needs("cc", "make")
def test_every_engine_hears_the_same(tmp_path):
    """Features, every layer's output, states and detections, from the very same PCM."""
    model, pcm = load("alexa"), speech("Alexa")[:80000]
    expected = NumpyEngine(model).process(pcm)
    assert expected.detections
    for name in ("tflm", "c"):
        report = EngineReport(name, True)
        with engines.create(name, model) as engine:
            engine.reset()
            compare(model, "alexa", expected, engine.process(pcm), report)
        assert report.first is None, str(report.first)


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("name", WORDS)
def test_an_emulated_core_hears_the_same(name):
    model, pcm = load(name), speech(WORDS[name])[:48000]
    expected = NumpyEngine(model).process(pcm)
    report = EngineReport("qemu", True)
    with engines.create("qemu", model) as engine:
        engine.reset()
        compare(model, name, expected, engine.process(pcm), report)
    assert report.first is None, str(report.first)


@pytest.mark.parametrize("name", ["alexa", "okay_nabu"])
def test_what_pymicro_wakeword_detects(name):
    """Its kernels are desktop TFLite's and round otherwise, so a call may be one off; the words are the same."""
    model = load(name)
    heard = 0
    for word in (WORDS[name], WORDS["hey_jarvis"]):
        ours = [d.frame for d in NumpyEngine(model).process(speech(word)).detections]
        theirs = detections(peer(FOLDER / f"{name}.json", speech(word)), model.info.decision.cooldown_frames)
        assert len(ours) == len(theirs)
        assert all(abs(a - b) <= 1 for a, b in zip(ours, theirs, strict=True))
        heard += len(ours)
    assert heard >= 3


def test_any_chunking():
    model, pcm = load("hey_jarvis"), speech("Alexa")[:40000]
    engine = NumpyEngine(model)
    expected = engine.process(pcm)
    engine.reset()
    pieces = np.split(pcm, np.sort(np.random.default_rng(2).integers(0, len(pcm), 30)))
    posteriors = np.concatenate([engine.process(piece).posteriors for piece in pieces])
    assert np.array_equal(posteriors, expected.posteriors)


@needs("cc", "make")
def test_commands(tmp_path, capsys):
    import soundfile

    soundfile.write(tmp_path / "said.wav", speech("Alexa"), 16000)
    assert main(["spot", str(FOLDER / "alexa.tflite"), str(tmp_path / "said.wav"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "Alexa" in json.dumps(found)
    assert main(["export", str(FOLDER / "alexa.tflite"), "--name", "alexa", "--out", str(tmp_path / "x")]) == 0
    assert "#define ALEXA_LABEL" not in (tmp_path / "x/alexa_model.h").read_text()
    assert "ALEXA_LABEL_ALEXA = 0" in (tmp_path / "x/alexa_model.h").read_text()


def manifest(folder, **changes):
    """alexa with a manifest that is changed; None leaves a key out."""
    values = json.loads((FOLDER / "alexa.json").read_text())
    for key, value in changes.items():
        section = values["micro"] if key in values["micro"] or key.startswith("sliding") else values
        section.pop(key, None)
        if value is not None:
            section[key] = value
    shutil.copy(FOLDER / "alexa.tflite", folder / "alexa.tflite")
    (folder / "alexa.json").write_text(json.dumps(values))
    return folder / "alexa.tflite"


def test_manifests_of_version_1(tmp_path):
    path = manifest(
        tmp_path, version=1, feature_step_size=None, sliding_window_size=None, sliding_window_average_size=7
    )
    info = Model.load(path).info
    assert (info.frontend.step_ms, info.decision.window) == (20, 7)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 3}, "version 3 is not one of 1, 2"),
        ({"sliding_window_size": None}, "its manifest is damaged: KeyError"),
        ({"probability_cutoff": "high"}, "its manifest is damaged: ValueError"),
        ({"probability_cutoff": 1.5}, r"detector.cutoff must be 0 to 1, not 1\.5"),
        ({"micro": 3}, 'a section "micro"'),
        ({"feature_step_size": 40}, r"frontend.step_ms must be 1 to 30, not 40"),
    ],
)
def test_manifests_that_are_refused(tmp_path, changes, says):
    with pytest.raises(KwsError, match=says) as found:
        Model.load(manifest(tmp_path, **changes))
    assert "alexa.json" in str(found.value)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, {"author", "website", "trained_languages"}),
        ({"website": "", "author": ""}, {"trained_languages"}),
        ({"website": "http://[", "trained_languages": "en"}, {"author"}),
        ({"website": None, "author": 3, "trained_languages": [1]}, set()),
    ],
)
def test_who_made_it(tmp_path, changes, kept):
    """What is said for people is kept where it is what it should be, and is never a reason to refuse."""
    assert Model.load(manifest(tmp_path, **changes)).info.provenance["manifest"].keys() == kept


def test_other_json_files_are_none_of_ours(tmp_path):
    path = manifest(tmp_path, type="coco")
    assert Model.load(path).info is None
    (tmp_path / "alexa.json").write_text("[1, 2")
    assert Model.load(path).info is None
    with pytest.raises(KwsError, match=r"needs its \.json beside it"):
        Model.load(path).require_info()
    with pytest.raises(KwsError, match="is no manifest of a wake word"):
        Manifest.load(tmp_path / "alexa.json")


def test_a_model_of_kws_has_its_own(tmp_path):
    """Its metadata is not a manifest's to change; and a network of another shape takes no manifest."""
    path = manifest(tmp_path)
    path.write_bytes(wake_model().content)
    assert Model.load(path).info == wake_model().info
    path.write_bytes(build(bare_model(1, units=(4,), inputs=24).graph))
    with pytest.raises(KwsError, match=r"reads \[1, rows, 40\], but this one reads \[1, 1, 24\]"):
        Model.load(path)
