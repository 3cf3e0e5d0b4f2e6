"""Mining: what fires is found exactly where a whole-file run finds it, told apart, and ready to train with."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
import soundfile

from kws import audio
from kws.cli import exit_codes
from kws.cli.main import main
from kws.config import DataConfig
from kws.datasets import clips, negatives, roles, transcripts
from kws.datasets.other_speech import write_opus
from kws.datasets.transcripts import Stretch
from kws.engines import create
from kws.errors import KwsError
from kws.mining import folder, hearing
from kws.mining.folder import COLUMNS, Mining, Row, mine, unlike
from kws.mining.hearing import Cut, Hearing

RATE = 16000
HEARING = Hearing(engine="numpy", threshold=0.5, before=1.5, after=0.5)
MINING = Mining(HEARING, split="all", processes=1)


def chirps(seconds, seed):
    """What makes the random model fire now and then, int16 [samples]."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE) / RATE
    parts = []
    for _ in range(seconds):
        first, last = rng.uniform(200, 3000, 2)
        wave = np.sin(2 * np.pi * (first * t + (last - first) / 2 * t**2)) * np.hanning(RATE)
        parts.append(rng.uniform(0.05, 0.5) * wave)
    return audio.to_int16(32767 * np.concatenate(parts))


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Recordings in folders, without transcripts; 61 s in five files; not to be changed."""
    root = tmp_path_factory.mktemp("talk") / "talk"
    for i, seconds in enumerate((20, 20, 15, 3, 3)):
        audio.write(root / f"part{i % 2}" / f"s{i}_1.wav", chirps(seconds, i))
    return root


def detections(model, path, threshold=0.5):
    """Seconds, label and score of all that fires in a file, heard in one piece."""
    info = model.require_info()
    with create("numpy", model) as engine:
        rows = engine.process(audio.read(path)).posteriors
    detector = dataclasses.replace(info.detector, word_thresholds=(threshold,) * len(info.words))
    found = detector.twin(info.labels).process(rows)
    return [(info.seconds(d.frame), info.labels[d.label], info.score(d.score)) for d in found]


def tree(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def table(out):
    with (out / folder.TABLE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert tuple(rows[0]) == COLUMNS
    return rows


@pytest.fixture(scope="module")
def mined(tmp_path_factory, talk, tiny_model):
    out = tmp_path_factory.mktemp("mined") / "out"
    return out, mine(tiny_model, [talk], out, MINING)


def test_every_detection_with_its_sound(mined, talk, tiny_model, monkeypatch, tmp_path):
    out, found = mined
    expected = {}
    for path in talk.rglob("*.wav"):
        for at, label, score in detections(tiny_model, path):
            expected[f"talk/{path.relative_to(talk)}", round(at, 2)] = (path, at, label, round(score, 3))
    assert len(expected) > 10
    assert found.fired == {hearing.FALSE: len(expected)}
    assert found.hours == found.usable_hours == pytest.approx(61 / 3600)
    assert found.per_hour == pytest.approx(len(expected) / (61 / 3600))
    rows = table(out)
    assert len(rows) == len(found.rows) == len(expected) - found.dropped
    assert [r["score"] for r in rows] == sorted((r["score"] for r in rows), reverse=True)
    for row in rows:
        path, at, label, score = expected[row["source"], float(row["at_s"])]
        assert (row["heard_as"], float(row["score"])) == (label, score)
        whole = audio.read(path)
        first, last = max(round((at - 1.5) * RATE), 0), min(round((at + 0.5) * RATE), len(whole))
        np.testing.assert_array_equal(audio.read(out / row["file"]), whole[first:last])
    # Where blocks end does not matter.
    monkeypatch.setattr(hearing, "_BLOCK", 7900)
    mine(tiny_model, [talk], tmp_path / "again", MINING)
    assert tree(tmp_path / "again") == tree(out)


@pytest.mark.slow
def test_processes_do_not_matter(mined, talk, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_JOB_FILES", 1)
    done = []
    two = dataclasses.replace(MINING, processes=2)
    mine(tiny_model, [talk], tmp_path / "two", two, lambda *x: done.append(x))
    assert tree(tmp_path / "two") == tree(mined[0])
    assert done == [(i, 5) for i in range(1, 6)]


@pytest.mark.slow
def test_interrupted_mining_goes_on(mined, talk, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_JOB_FILES", 1)
    heard = []
    listen = hearing.Listener.__call__
    monkeypatch.setattr(hearing.Listener, "__call__", lambda self, job: heard.append(job) or listen(self, job))

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mine(tiny_model, [talk], tmp_path / "out", MINING, stop)
    assert not (tmp_path / "out").exists()
    mine(tiny_model, [talk], tmp_path / "out", MINING)
    assert heard == [(i,) for i in range(5)]
    assert tree(tmp_path / "out") == tree(mined[0])
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    # With other settings nothing of the begun work is used.
    with pytest.raises(KeyboardInterrupt):
        mine(tiny_model, [talk], tmp_path / "b", MINING, stop)
    del heard[:]
    mine(tiny_model, [talk], tmp_path / "b", dataclasses.replace(MINING, hearing=Hearing("numpy", 0.6)))
    assert len(heard) == 5


def test_two_at_once(mined, talk, tiny_model, tmp_path):
    refused = []

    def again(done, total):
        with pytest.raises(KwsError, match="another kws is making"):
            mine(tiny_model, [talk], tmp_path / "out", dataclasses.replace(MINING, most=1))
        refused.append(done)

    mine(tiny_model, [talk], tmp_path / "out", MINING, again)
    assert refused
    assert tree(tmp_path / "out") == tree(mined[0])


def test_training_takes_what_was_mined(mined, talk, tiny_model, tmp_path):
    data = tiny_model.require_info().data
    out, found = mined
    listed = roles.speech(out / folder.NEGATIVES, data)
    assert {f"negatives/{r.name}" for r in listed} == {row.file for row in found.rows}
    assert {r.split for r in listed} == {"training"}
    assert {s.file for s in transcripts.read(out / folder.NEGATIVES)} == {r.name for r in listed}
    unknown = mine(tiny_model, [talk], tmp_path / "u", dataclasses.replace(MINING, form="unknown", most=7))
    assert len(unknown.rows) == 7
    assert [row.file.rpartition("/")[2] for row in unknown.rows] == [
        row.file.rpartition("/")[2] for row in found.rows[:7]
    ]
    taken = clips.collect([tmp_path / "u" / folder.NEGATIVES], data)
    assert {(c.word, c.split) for c in taken} == {("_unknown_", "training")}
    assert {c.speaker for c in taken} <= {f"s{i}" for i in range(5)}
    assert len(taken) == 7
    longest = max(len(audio.read(c.path)) for c in taken)
    assert longest == data.clip_samples


def test_what_is_to_be_checked_is_not_trained_on(mined):
    """Given as a whole, the folder would teach words that are really said as something else."""
    out, _ = mined
    with pytest.raises(KwsError, match=r"give .*negatives"):
        roles.speech(out, DataConfig())
    with pytest.raises(KwsError, match=r"give .*negatives"):
        clips.index(out)


@pytest.mark.slow
def test_copies_are_dropped(tiny_model, tmp_path):
    original = chirps(20, 1)
    audio.write(tmp_path / "d" / "a_1.wav", original)
    alone = mine(tiny_model, [tmp_path / "d"], tmp_path / "alone", MINING)
    assert len(alone.rows) > 2
    write_opus(tmp_path / "d" / "b_1.opus", (original * 0.6).astype(np.int16))
    soundfile.write(tmp_path / "d" / "c_1.flac", original, RATE)
    found = mine(tiny_model, [tmp_path / "d"], tmp_path / "out", MINING)
    assert found.fired[hearing.FALSE] >= 2 * alone.fired[hearing.FALSE]
    # The random model may fire a little elsewhere in the softer copy.
    assert len(found.rows) <= len(alone.rows) + 2
    assert found.dropped >= alone.fired[hearing.FALSE]
    assert sum(row.copies for row in found.rows) == found.dropped
    files = {f"{place}/{p.name}" for place in ("negatives/train",) for p in (tmp_path / "out" / place).iterdir()}
    assert files == {row.file for row in found.rows}


def cut(label="yes", kind=hearing.FALSE, at=0.0, **values):
    shape = np.zeros(8, np.float32)
    shape[[0, 1]] = np.cos(at), np.sin(at)
    return Cut("a/b", label, 0.5, at, 0.0, kind, "", "", shape, np.zeros(1, np.int16), **values)


def test_alike_are_only_the_same_word_and_kind():
    rows = [Row(str(i), c, 1.0) for i, c in enumerate([cut(at=a) for a in np.linspace(0, 3, 40)])]
    kept = unlike(rows)
    assert kept[0].cut.at == 0
    # Each is at least so far from all before it, and what was dropped is near one that was kept.
    assert np.diff([row.cut.at for row in kept]).min() > np.arccos(folder.ALIKE) - 1e-3
    assert sum(1 + row.copies for row in kept) == 40
    other = [Row("x", cut(label="no"), 1.0), Row("y", cut(kind=hearing.SAID), 1.0), Row("z", cut(), 1.0)]
    assert [row.copies for row in unlike([rows[0], *other])] == [1, 0, 0]


def test_what_is_really_said_is_told_apart(tiny_model, tmp_path, capsys):
    root = tmp_path / "d"
    audio.write(root / "a.wav", chirps(60, 1))
    fired = detections(tiny_model, root / "a.wav")
    labels = {label for _, label, _ in fired}
    assert labels == {"yes"}
    said, other, doubtful = (at for at, _, _ in fired[3:9:2])
    rows = [
        Stretch("a.wav", said - 0.4, said + 0.1, "Yes, he said"),
        Stretch("a.wav", other - 0.4, other + 0.1, "go down there"),
        Stretch("a.wav", doubtful - 0.4, doubtful + 0.1, "", ("?",)),
        Stretch("a.wav", fired[0][0] - 0.1, fired[0][0] + 0.1, "yesterday", (), "some-voice"),
    ]
    transcripts.write(root, rows)
    found = mine(
        tiny_model, [root], tmp_path / "out", dataclasses.replace(MINING, hearing=Hearing("numpy", 0.5, 1, 0.2))
    )
    kinds = {row.cut.at: row.cut.kind for row in found.rows}
    assert kinds[said] == hearing.SAID
    assert kinds[other] == hearing.OTHER
    assert kinds[doubtful] == hearing.DOUBTFUL
    assert kinds[fired[0][0]] == hearing.FALSE
    for row in found.rows:
        assert row.file.startswith("negatives/" if row.cut.kind == hearing.FALSE else "to-check/")
    assert found.usable_hours == pytest.approx(found.hours - 1.5 / 3600, abs=1e-6)
    assert {s.text for s in transcripts.read(tmp_path / "out" / "negatives")} >= {"yesterday"}
    assert all(not r.said for r in roles.speech(tmp_path / "out" / "negatives", DataConfig(words=("yes", "down"))))


def test_takes_of_the_words_are_no_false_accepts(tiny_model, tmp_path):
    root = tmp_path / "words"
    for word in ("yes", "bed"):
        audio.write(root / word / "a_01.wav", chirps(30, 1))
    found = mine(tiny_model, [root], tmp_path / "out", dataclasses.replace(MINING, split="all"))
    kinds = {row.cut.source.split("/")[1]: row.cut.kind for row in found.rows if row.cut.label == "yes"}
    assert kinds == {"yes": hearing.SAID, "bed": hearing.FALSE}
    assert found.usable_hours == pytest.approx(30 / 3600)


def test_the_verb_and_its_page(talk, tiny_file, tmp_path, capsys):
    out = tmp_path / "out"
    line = ["mine", str(tiny_file), "--data", str(talk), "--split", "all", "--threshold", "0.5", "--jobs", "1"]
    assert main([*line, "--engine", "numpy", "--out", str(out), "--json"]) == exit_codes.OK
    values = json.loads(capsys.readouterr().out)
    kept = table(out)
    assert values["kept"][hearing.FALSE] == len(kept)
    assert values["false_accepts_per_hour"] < values["at_most_per_hour"]
    page = (out / folder.PAGE).read_text(encoding="utf-8")
    assert all(f'src="{row["file"]}"' in page for row in kept)
    assert f"at most {values['at_most_per_hour']:.1f} (95 %)" in page
    assert main([*line, "--engine", "numpy", "--out", str(tmp_path / "text")]) == exit_codes.OK
    assert "no transcripts" in capsys.readouterr().out
    assert main([*line, "--out", str(out)]) == exit_codes.BAD_INPUT
    assert "already exists" in capsys.readouterr().err


def test_what_judges_is_not_mined(talk, tiny_model, tmp_path):
    with pytest.raises(KwsError, match="for evaluation"):
        mine(tiny_model, [negatives.EVALUATION_PACK], tmp_path / "out", MINING)
    audio.write(tmp_path / "d" / "validation" / "a.wav", chirps(2, 1))
    with pytest.raises(KwsError, match="--split"):
        mine(tiny_model, [tmp_path / "d"], tmp_path / "out", Mining(HEARING))
    audio.write(tmp_path / "d" / "train" / "b.wav", chirps(30, 1))
    found = mine(tiny_model, [tmp_path / "d"], tmp_path / "out", Mining(HEARING, processes=1))
    assert {row.cut.source for row in found.rows} == {"d/train/b.wav"}
