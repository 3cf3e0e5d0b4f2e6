"""The negatives that come with kws: counted as a device would, own words left out, every kind told apart."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tones
from random_models import spotting_model

from kws import audio, runs
from kws.cli import exit_codes
from kws.cli.main import main
from kws.datasets import transcripts
from kws.datasets.negatives import EVALUATION_PACK
from kws.datasets.transcripts import Stretch
from kws.decisions import DetectorConfig
from kws.engines import create, fastest
from kws.errors import KwsError
from kws.evaluation import negatives
from kws.evaluation.negatives import hear
from kws.evaluation.poisson import upper_limit

EVERYTHING = DetectorConfig(1, 0.001, 1)
NOTHING = DetectorConfig(64, 1.0, 50)


@pytest.fixture(scope="module")
def firing():
    """A model that fires on everything."""
    return spotting_model(1, units=(16,), detector=EVERYTHING)


@pytest.fixture(scope="module")
def heard(firing):
    return hear(firing)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three seconds of noise in which words are said, two of music."""
    monkeypatch.setattr(negatives, "fastest", lambda: "numpy")
    rng = np.random.default_rng(3)
    audio.write(tmp_path / "talk.wav", rng.integers(-9000, 9000, 48000).astype(np.int16))
    audio.write(tmp_path / "music.wav", rng.integers(-9000, 9000, 32000).astype(np.int16))
    rows = [
        Stretch("talk.wav", 0.1, 0.9, "yes, of course", (), "anna"),
        Stretch("talk.wav", 1.0, 1.9, "of what", (), "anna"),
        Stretch("talk.wav", 2.0, 2.9, "yesterday", (), "ben"),
        Stretch("music.wav", 0.0, 2.0, "", (), "a_march"),
    ]
    transcripts.write(tmp_path, rows)
    return tmp_path


def test_a_model_that_fires_on_everything(heard):
    found = heard.count()
    assert found.engine == fastest()
    assert [s.name for s in found.sources] == ["speech", "music", "noise"]
    for s in found.sources:
        assert s.false_accepts > s.seconds, "more than one a second"
        assert s.per_hour == pytest.approx(3600 * s.false_accepts / s.seconds)
        assert s.most_per_hour > s.per_hour
        assert sum(s.words.values()) == s.false_accepts
    assert found.speech.voices >= 20
    assert found.said == 0
    total = found.total
    assert total.false_accepts == sum(s.false_accepts for s in found.sources)
    assert total.seconds == pytest.approx(sum(audio.info(p).seconds for p in EVALUATION_PACK.glob("*.opus")), abs=1)
    values = json.loads(json.dumps(found.as_dict()))
    assert values["all"]["false_accepts_per_hour"] == total.per_hour
    assert values["sources"][0]["at_most_per_hour"] == found.speech.most_per_hour


def test_a_model_that_never_fires(heard):
    found = heard.count(NOTHING)
    for s in (*found.sources, found.total):
        assert (s.false_accepts, s.per_hour, s.words) == (0, 0, {})
        assert s.most_per_hour == pytest.approx(upper_limit(0) / s.hours)


def test_counts_what_a_device_reports(firing, heard):
    """The engine with its own detector, fed in pieces, reports as many."""
    reported = 0
    with create(fastest(), firing) as engine:
        for path in sorted(EVALUATION_PACK.glob("*.opus")):
            pcm = audio.read(path)
            engine.reset()
            for i in range(0, len(pcm), 16000):
                reported += len(engine.process(pcm[i : i + 16000]).detections)
    assert heard.count().total.false_accepts == reported


def test_own_words_are_left_out(folder):
    model = spotting_model(1, words=("yes", "no", "up", "down"), units=(16,), detector=EVERYTHING)
    found = hear(model, folder).count()
    speech, music = found.sources
    assert (speech.name, music.name) == ("speech", "music")
    assert found.said == pytest.approx(0.8)
    assert speech.seconds == pytest.approx(3 - 0.8)
    assert (speech.voices, music.voices, music.seconds) == (2, 1, 2.0)
    # What is left is heard without a trace of what was cut out.
    pcm = audio.read(folder / "talk.wav")
    rest = np.concatenate([pcm[:1600], pcm[14400:]])
    with create("numpy", model) as engine:
        assert speech.false_accepts == len(engine.process(rest).detections)


def test_all_speech_says_a_word(folder):
    model = spotting_model(1, words=("yes", "of", "yesterday", "no"), units=(16,))
    speech, music = hear(model, folder).count().sources
    assert (speech.seconds, speech.voices, speech.per_hour, speech.most_per_hour) == (0, 0, None, None)
    assert music.seconds == 2


def test_a_compiler_that_does_not_work(folder, firing, monkeypatch):
    def broken(name, model):
        if name == "c":
            raise KwsError("cc failed")
        return create(name, model)

    expected = hear(firing, folder).count()
    monkeypatch.setattr(negatives, "fastest", lambda: "c")
    monkeypatch.setattr(negatives, "create", broken)
    assert hear(firing, folder).count() == expected
    assert expected.engine == "numpy"


@pytest.mark.parametrize("folder", [EVALUATION_PACK, EVALUATION_PACK.parent], ids=["it", "around it"])
def test_train_refuses_it(folder, tmp_path, capsys):
    (tmp_path / "c.toml").write_text(runs.to_toml(tones.experiment()))
    options = ["train", tmp_path / "c.toml", "--data", folder, "--out", tmp_path / "run"]
    assert main([str(o) for o in options]) == exit_codes.BAD_INPUT
    assert "is for evaluation and is never trained on" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_evaluate_says_it(firing, spoken, tmp_path, capsys):
    path = tmp_path / "m.tflite"
    path.write_bytes(firing.content)
    report = tmp_path / "r.json"
    assert main(["evaluate", str(path), "--data", str(spoken), "--split", "all", "--json", str(report)]) == 0
    said = capsys.readouterr().out
    for part in ("speech", "music", "noise", "at most", "what these figures cannot tell", "4 speakers only", "3/T"):
        assert part in said
    values = json.loads(report.read_text(encoding="utf-8"))
    assert values["negatives"]["all"]["false_accepts"] > 400
    assert values["scope"]["speakers"] == 4
    assert any("no foreign speech" in limit for limit in values["limits"])


@pytest.mark.slow
def test_stream_test_says_it(firing, spoken, tmp_path, capsys):
    path = tmp_path / "m.tflite"
    path.write_bytes(firing.content)
    options = ["stream-test", str(path), "--data", str(spoken), "--split", "all", "--minutes", "1", "--jobs", "1"]
    assert main(options) == 0
    said = capsys.readouterr().out
    assert "what these figures cannot tell" in said
    assert "all speakers: " in said
    assert main([*options, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["negatives"]["all"]["false_accepts"] > 400
    assert values["limits"]
