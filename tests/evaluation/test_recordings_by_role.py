"""Long recordings and probes: what is said, doubtful or trained on does not count; every false accept does."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
import tones
from random_models import spotting_model

import kws.audio
from kws.cli.main import main
from kws.config import SAMPLE_RATE, DataConfig, DetectorConfig
from kws.datasets.roles import Folders
from kws.engines import create
from kws.evaluation import limits, long, probes
from kws.evaluation.stream import room_list
from kws.evaluation.stream.room import MUSIC, NOISE, SPEECH
from kws.model.file import Model, with_detector

S = SAMPLE_RATE
DATA = DataConfig(words=tuple(tones.MODEL_WORDS))


@pytest.fixture(scope="module")
def model():
    """One that reports many words, whatever it hears."""
    keen = spotting_model(1, units=(16,))
    return Model.from_bytes(with_detector(keen, DetectorConfig(3, 0.3, 5), {}))


def talk(rng, seconds):
    """Chirps between pauses, int16 [samples]."""
    t = np.arange(S // 4) / S
    parts = []
    for _ in range(2 * seconds):
        low, high = rng.uniform(200, 3500, 2)
        parts += [9000 * np.sin(2 * np.pi * (low * t + 2 * (high - low) * t**2)), rng.normal(0, 20, S // 4)]
    return kws.audio.to_int16(np.concatenate(parts))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("roles")
    rng = np.random.default_rng(1)
    for name in ("validation/corpus_1", "validation/corpus_2", "validation/other_1", "train/corpus_3"):
        (root / "speech" / name).parent.mkdir(parents=True, exist_ok=True)
        kws.audio.write(root / "speech" / f"{name}.wav", talk(rng, 12))
    rows = ["file\tstart_s\tend_s\ttext\tcommand_words", "validation/corpus_1.wav\t2\t8\toh no\tno"]
    (root / "speech" / "transcripts.tsv").write_text("\n".join([*rows, "validation/corpus_2.wav\t0\t5\tx\t?"]) + "\n")
    for name in ("validation/music/band", "validation/rain"):
        (root / "noise" / name).parent.mkdir(parents=True, exist_ok=True)
        kws.audio.write(root / "noise" / f"{name}.wav", talk(rng, 20))
    return Folders((root / "speech",), (root / "noise",))


def test_counts_are_those_of_the_detector(model, folders):
    recordings = room_list.recordings(folders, DATA, "validation")
    done = []
    report = long.listen(model, recordings, "numpy", 1, lambda *d: done.append(d))
    assert done[-1] == (5, 5)
    hours = {r.name: r.hours * 3600 for r in report.by_source()}
    assert hours == pytest.approx({SPEECH: 6 + 7 + 12, MUSIC: 20, NOISE: 20})
    words = Counter()
    with create("numpy", model) as engine:
        for path, start in (("corpus_1", None), ("corpus_2", 5 * S), ("other_1", 0)):
            pcm = kws.audio.read(folders.speech[0] / "validation" / f"{path}.wav")
            pcm = np.concatenate([pcm[: 2 * S], pcm[8 * S :]]) if start is None else pcm[start:]
            engine.reset()
            words.update(model.info.labels[d.label] for d in engine.process(pcm).detections)
    speech = report.by_source()[0]
    assert words.total() > 3
    assert speech.words == words
    assert speech.recordings == 3
    assert sum(r.false_accepts for r in report.by_collection()) == sum(r.false_accepts for r in report.by_source())
    assert {r.name for r in report.by_collection()} >= {"speech: corpus", "speech: other"}
    assert long.listen(model, recordings, "c", 1) == dataclasses.replace(report, engine="c")
    json.dumps(report.as_dict())


def test_collections_that_were_trained_on_are_named(model, folders):
    recordings = room_list.recordings(folders, DATA, "validation")
    heard = {"data": {"collections": ["corpus", "elsewhere"]}}
    info = dataclasses.replace(model.info, provenance=heard)
    assert long.familiar(info, recordings) == ("corpus",)
    assert long.familiar(model.info, recordings) == ()
    both = {"members": [{"data": {}}, {"data": {"collections": ["other"]}}, heard]}
    assert long.familiar(dataclasses.replace(info, provenance=both), recordings) == ("corpus", "other")
    for damaged in ({"data": []}, {"data": {"collections": 3}}, {"members": [4]}, {"members": 4}):
        assert long.familiar(dataclasses.replace(model.info, provenance=damaged), recordings) == ()
    assert "corpus" in limits.of_familiar(("corpus",))[0]
    assert "here 3.0" in limits.of_speech(1.0, 5)
    assert "are not measured" in limits.of_speech(0.0, 5)


def test_beeps_are_as_they_are_said_to_be():
    x = probes.beep(1000, 0.1, -6).astype(np.float64)
    first = S // 2
    assert np.abs(x).max() == pytest.approx(32767 * 10 ** (-6 / 20), rel=0.01)
    inside = np.zeros(len(x), bool)
    inside[first : first + S // 10] = True
    assert np.sqrt(np.mean(x[~inside] ** 2)) < 15
    spectrum = np.abs(np.fft.rfft(x[first : first + S // 10]))
    assert np.argmax(spectrum) * 10 == 1000
    assert len(probes.BEEP_HZ) * len(probes.BEEP_SECONDS) * len(probes.BEEP_DBFS) == 288


def test_probes(model, spoken):
    response = np.zeros(400, np.float32)
    response[0] = 1.0
    found = {p.name: p for p in probes.run(model, spoken, "all", "c", [response])}
    assert [p.total for p in found.values()] == [288, 8, 4, 16]
    assert found["beeps"].heard <= sum(found["beeps"].words.values())
    for p in found.values():
        assert 0 <= p.heard <= p.total
        assert p.as_dict()["share"] == p.share
    # A response that is one sample changes nothing.
    dry = found["words in rooms, heard right"]
    seen = [label for _, label in labelled(model, spoken)]
    said = [clip.word for clip, _ in labelled(model, spoken)]
    assert dry.heard == sum(a == b for a, b in zip(seen, said, strict=True))


def labelled(model, spoken):
    clips = [c for c in probes.clip_lists.index(spoken, model.info.data) if c.word in model.info.words]
    with create("c", model) as engine:
        return list(probes._labelled(engine, model.info, clips, lambda x: x))


def test_a_folder_that_will_not_do_is_told_before_the_clips(model, spoken, tmp_path, capsys, monkeypatch):
    path = tmp_path / "m.tflite"
    path.write_bytes(model.content)
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("kws.cli.verbs.evaluate.evaluate_clips", lambda *_: pytest.fail("clips were evaluated"))
    assert main(["evaluate", str(path), "--data", str(spoken), "--speech", str(tmp_path / "empty")]) == 3
    assert "no recordings in" in capsys.readouterr().err


@pytest.mark.slow
def test_command_line(model, spoken, folders, tmp_path, capsys):
    path = tmp_path / "m.tflite"
    path.write_bytes(model.content)
    given = ["--speech", str(folders.speech[0]), "--noise", str(folders.noise[0])]
    report = tmp_path / "r.json"
    base = ["evaluate", str(path), "--data", str(spoken), "--split", "all"]
    assert main([*base, *given, "--json", str(report)]) == 0
    said = capsys.readouterr().out
    assert "false accepts on long recordings" in said
    assert "words played backwards" in said
    assert "0.4 minutes of different speech, of 3 recordings" in said
    values = json.loads(report.read_text())
    assert [s["name"] for s in values["recordings"]["sources"]] == [SPEECH, MUSIC, NOISE]
    assert [p["name"] for p in values["probes"]] == ["beeps", "words played backwards", "other words"]
