"""Labels that teachers doubt: found by agreement alone, left out of training, never out of validation."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tones

from kws import runs
from kws.cli import exit_codes
from kws.cli.main import main
from kws.datasets import clips
from kws.datasets.splits import TRAINING, VALIDATION, key
from kws.errors import KwsError, UsageError
from kws.network import TeacherConfig
from kws.training import labels, sources
from kws.training.labels import doubts, read
from kws.training.train import TrainOptions, train

EXPERIMENT = dataclasses.replace(tones.experiment(), network=TeacherConfig(channels=(4, 4)))
WORDS = EXPERIMENT.data.words


@pytest.fixture
def data(tmp_path):
    return tones.write(tmp_path / "tones", speakers=20)


def teacher_run(folder, number, experiment=EXPERIMENT):
    runs.write_config(experiment, folder)
    (folder / runs.WEIGHTS).write_bytes(bytes([number]))
    return folder


@pytest.fixture
def teachers(tmp_path, monkeypatch, data):
    """Two teachers that know every clip of ``data`` by its features, and what each is told to say instead."""
    said: list[dict[int, str]] = [{}, {}]
    experiment = EXPERIMENT

    class Stub:
        def __init__(self, number):
            self.number = number

        def posteriors(self, features, progress):
            listed = clips.index(data, experiment.data)
            assert len(features) == len(listed)
            progress(len(features), len(features))
            names = experiment.data.labels
            out = np.full((len(features), len(names)), 0.1, np.float32)
            for i, clip in enumerate(listed):
                label = said[self.number].get(i, clip.word if clip.word in names else "_unknown_")
                out[i, names.index(label)] = 0.5 + 0.1 * self.number
            return out

    monkeypatch.setattr(labels.Teacher, "load", lambda run: (Stub(int(run.name)), experiment))
    return [teacher_run(tmp_path / str(i), i) for i in range(2)], said


def place(data, word, split, number=0):
    listed = clips.index(data, EXPERIMENT.data)
    return [i for i, c in enumerate(listed) if (c.word, c.split) == (word, split)][number]


def test_only_what_all_hear_alike_is_doubted(teachers, data):
    found, said = teachers
    assert doubts(data, found) == []
    one, two, three, other = (
        place(data, "low", TRAINING),
        place(data, "low", TRAINING, 1),
        place(data, "high", VALIDATION),
        place(data, "other", TRAINING),
    )
    said[0] |= {one: "rise", two: "rise", three: "fall", other: "low"}
    said[1] |= {one: "rise", two: "fall", three: "fall", other: "low"}
    stages = []
    listed = doubts(data, found, lambda *x: stages.append(x))
    told = [(d.label, d.heard, d.clip.split, d.is_trained_on) for d in listed]
    assert sorted(told[:2]) == [("_unknown_", "low", TRAINING, True), ("low", "rise", TRAINING, True)]
    assert told[2:] == [("high", "fall", VALIDATION, False)]
    assert [d.probability for d in listed] == pytest.approx([0.55] * 3)
    assert {stage for stage, *_ in stages} == {f"{what} {i}" for what in ("features for", "asking") for i in (0, 1)}


def test_teachers_must_be_two(teachers, data):
    found, _ = teachers
    with pytest.raises(UsageError, match="again"):
        doubts(data, found[:1])
    shutil.copy(found[0] / runs.WEIGHTS, found[1] / runs.WEIGHTS)
    with pytest.raises(UsageError, match="same network"):
        doubts(data, found)


def test_every_teacher_is_read_before_the_first_hears_clips(teachers, data, monkeypatch):
    found, _ = teachers
    load = labels.Teacher.load

    def last_is_none(run):
        if run == found[-1]:
            raise KwsError("not the run of a teacher")
        return load(run)

    monkeypatch.setattr(labels.Teacher, "load", last_is_none)
    monkeypatch.setattr(labels.feature_maker, "features", lambda *_: pytest.fail("clips were heard"))
    with pytest.raises(KwsError, match="not the run"):
        doubts(data, found)


def test_the_list_is_left_out_of_training_alone(teachers, data, tmp_path, capsys):
    found, said = teachers
    wrong = {place(data, "low", TRAINING): "rise", place(data, "high", VALIDATION): "fall"}
    said[0] |= wrong
    said[1] |= wrong
    out = tmp_path / "doubts.tsv"
    line = ["data", "check", str(data), *(x for run in found for x in ("--teacher", str(run)))]
    assert main([*line, "--out", str(out), "--json"]) == exit_codes.OK
    values = json.loads(capsys.readouterr().out)
    assert [(d["label"], d["heard_as"]) for d in values["doubtful_labels"]] == [("low", "rise"), ("high", "fall")]
    assert main([*line, "--out", str(out)]) == exit_codes.OK
    assert "2 clips are heard otherwise" in capsys.readouterr().out
    names = read(out)
    assert names == {d["clip"] for d in values["doubtful_labels"]}
    without, everything = (sources.find(tones.experiment(), [data], leave_out=n) for n in (names, ()))
    assert (without.left_out, everything.left_out) == (1, 0)

    def named(found, split):
        return {key(e.clip.path) for e in found.clips[split].examples if e.clip is not None}

    assert not named(without, TRAINING) & names
    assert named(everything, TRAINING) - named(without, TRAINING) <= names | {
        n for n in named(everything, TRAINING) if n.startswith("other/")
    }
    assert named(without, VALIDATION) == named(everything, VALIDATION)
    assert named(without, VALIDATION) & names
    assert main(["data", "check", str(data), "--out", str(out)]) == exit_codes.USAGE
    assert main([*line[:5], "--json"]) == exit_codes.USAGE


def test_lists_of_ones_own(tmp_path, data):
    path = tmp_path / "list.txt"
    path.write_text("low/s01_nohash_0.wav\nhigh\\s02_nohash_0\n\n")
    assert read(path) == {"low/s01_nohash_0", "high/s02_nohash_0"}
    path.write_text("nothing here\n")
    with pytest.raises(KwsError, match="names no clip"):
        read(path)
    with pytest.raises(KwsError, match="cannot read"):
        read(tmp_path / "gone")
    with pytest.raises(KwsError, match="it is a device"):
        read(Path("/dev/zero"))
    with pytest.raises(KwsError, match="another folder"):
        sources.find(tones.experiment(), [data], leave_out={"low/nobody"})
    # Nothing was doubted: the list has its heading alone.
    labels.write([], path)
    assert read(path) == frozenset()


def test_a_clip_whose_name_has_dots_is_left_out(tmp_path, data):
    path = next(c.path for c in clips.index(data, EXPERIMENT.data) if (c.word, c.split) == ("low", TRAINING))
    dotted = path.rename(path.with_name(f"{path.stem}.at.10.30.wav"))
    clip = next(c for c in clips.index(data, EXPERIMENT.data) if c.path == dotted)
    out = tmp_path / "doubts.tsv"
    labels.write([labels.Doubt(clip, "low", "high", 0.9)], out)
    assert read(out) == {key(dotted)}
    assert sources.find(tones.experiment(), [data], leave_out=read(out)).left_out == 1


@pytest.mark.slow
def test_teachers_find_mislabelled_clips(tmp_path):
    pytest.importorskip("tf_keras", reason="training needs TensorFlow")
    words = {word: tones.WORDS[word] for word in ("low", "high")}
    data = tones.write(tmp_path / "tones", words=words, speakers=40)
    swapped = []
    for speaker in (3, 11, 17):
        low, high = (data / word / f"s{speaker:02}_nohash_0.wav" for word in ("low", "high"))
        sound = low.read_bytes()
        low.write_bytes(high.read_bytes())
        high.write_bytes(sound)
        swapped += [key(low), key(high)]
    settings = tones.experiment(epochs=40, patience=40, carry_state=0.0, learning_rate=0.01, batch_size=12)
    settings = dataclasses.replace(
        settings, data=dataclasses.replace(settings.data, words=tuple(words), unknown_percent=50)
    )
    made = []
    for seed in (1, 2):
        experiment = dataclasses.replace(
            settings,
            network=TeacherConfig(channels=(8, 16)),
            training=dataclasses.replace(settings.training, seed=seed),
        )
        train(experiment, data, tmp_path / f"teacher{seed}", options=TrainOptions(cache=tmp_path / "cache"))
        made.append(tmp_path / f"teacher{seed}")
    found = {d.name for d in doubts(data, made)}
    # A teacher learns some wrong labels by heart, so not every one is found.
    wrong, right = len(found & set(swapped)) / len(swapped), len(found - set(swapped)) / (120 - len(swapped))
    assert wrong > max(0.3, 3 * right)
