"""The shipped models: each has a card that tells of this very file, and runs alike on all engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import mostly_slow, needs

from kws import audio
from kws.datasets import synthetic
from kws.evaluation.negatives import hear
from kws.model.file import Model
from kws.verify.compare import verify

FOLDER = Path(__file__).resolve().parents[1] / "models"
ALWAYS_ON = [path for name in ("ensembles", "always-on") for path in sorted((FOLDER / name).glob("*.tflite"))]
SEQUENCES = FOLDER / "sequences/ctc-commands.tflite"
MODELS = sorted(FOLDER.glob("*.tflite"))
# What a shipped model may weigh, in bytes.
LIMITS = {
    "commands12": 100 * 1024,
    "commands12-crnn": 104 * 1024,
    "commands12-large": 208 * 1024,
    "commands12-tiny": 32 * 1024,
    "commands12-tiny-crnn": 41 * 1024,
    "yes-no": 16 * 1024,
}

each_model = pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)


def test_all_models_are_there():
    assert {p.stem for p in MODELS} == set(LIMITS)


@each_model
def test_card(path):
    model = Model.load(path)
    card = path.with_suffix(".md").read_text()
    assert model.id in card
    assert f"{len(model.content):,} bytes" in card
    assert len(model.content) <= LIMITS[path.stem]
    assert all(label in card for label in model.info.labels)
    assert "/" not in model.info.provenance["data"]["name"]


@pytest.mark.parametrize("path", mostly_slow(MODELS[::-1]), ids=lambda p: p.stem)
def test_it_hears_and_engines_agree(path, speech, tmp_path):
    audio.write(tmp_path / "speech.wav", speech)
    report = verify(Model.load(path), ["tflm", "c", "tflite"], random=2, files=[tmp_path / "speech.wav"])
    assert report.ok
    assert report.detections > 0


@pytest.mark.parametrize("path", mostly_slow(ALWAYS_ON[::-1]), ids=lambda p: p.stem)
def test_models_that_have_heard_the_world(path, speech, tmp_path):
    """Their card tells of these files; they fire hardly in the minutes of negatives that come with kws."""
    model = Model.load(path)
    card = (path.parent / "README.md").read_text(encoding="utf-8")
    assert model.id in card
    assert f"{len(model.content):,}" in card
    assert all(label.strip("_") in card for label in model.info.labels)
    assert hear(model).count().total.false_accepts <= 2
    audio.write(tmp_path / "speech.wav", speech)
    assert verify(model, ["tflm", "c"], random=2, files=[tmp_path / "speech.wav"]).ok


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
@each_model
def test_the_board_agrees(path, speech, tmp_path):
    audio.write(tmp_path / "speech.wav", speech)
    report = verify(Model.load(path), ["tflm", "c", "qemu"], random=2, files=[tmp_path / "speech.wav"])
    assert report.ok
    assert report.detections > 0


@pytest.mark.parametrize("engines", mostly_slow([["tflm", "c"], ["qemu"]]), ids=",".join)
def test_the_model_of_sequences(engines, speech, tmp_path):
    """Its card tells of this very file; its words in order are what every engine says, times included."""
    model = Model.load(SEQUENCES)
    card = (SEQUENCES.parent / "README.md").read_text(encoding="utf-8")
    assert model.id in card
    assert f"{len(model.content):,} bytes" in card
    assert len(model.content) <= 100 * 1024
    assert all(label in card for label in model.info.labels)
    audio.write(tmp_path / "speech.wav", speech)
    report = verify(model, engines, random=2, files=[tmp_path / "speech.wav"])
    assert report.ok
    assert report.detections > 0


@pytest.mark.parametrize("name", ["teacher12", "teacher12-clean"])
def test_the_teacher_is_one(name):
    """It loads, is small, and knows clips of synthetic speech from silence."""
    pytest.importorskip("tensorflow", reason="a teacher needs TensorFlow")
    from kws.training.distillation import Teacher, provenance

    run = FOLDER / name
    assert sum(path.stat().st_size for path in run.iterdir()) < 600_000
    teacher, settings = Teacher.load(run)
    assert {*provenance(run)} >= {"weights", "epoch", "validation_accuracy"}
    rng = np.random.default_rng(1)
    clips = [np.round(rng.normal(0, 3, 16000)).astype(np.int16)]
    for voice in synthetic.voices(3).values():
        said = synthetic.utter("yes", voice, rng)
        clips.append(np.pad(audio.to_int16(9000 * said), (4000, 16000))[:16000])
    features = settings.frontend.twin(len(clips)).process(np.stack(clips))
    heard = [settings.data.labels[i] for i in teacher.posteriors(features).argmax(axis=1)]
    assert heard[0] == "_silence_"
    assert heard.count("yes") >= 2, heard
