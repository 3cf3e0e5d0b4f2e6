"""A source that is left out is trained on by nobody and listened to as a whole; the counts are pooled."""

from __future__ import annotations

from pathlib import Path

import equal_misses
import numpy as np
import one_source_out
import pytest

from kws import audio
from kws.config import DataConfig
from kws.datasets import roles

ROOT = Path(__file__).parents[2]
DATA = DataConfig(words=("yes", "no"))


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "speech"
    rng = np.random.default_rng(1)
    for name in ("train/a_1", "train/b_1", "validation/a_2", "validation/b_2", "train/c_1"):
        path = root / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, rng.integers(-900, 900, 160_000).astype(np.int16))
    rows = ["file\tstart_s\tend_s\ttext\tcommand_words\tvoice", "train/a_1.wav\t1\t4\toh yes\t\t"]
    rows += ["train/b_1.wav\t0\t2\tx\t?\t", "train/c_1.wav\t0\t9\thello\t\tkokoro"]
    (root / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    return root


def test_left_out(folder, tmp_path):
    others, left_out = one_source_out.leave_out("a", [folder], DATA, tmp_path / "out")
    training = {(r.source, r.path.name): r for r in roles.speech(others, DATA)}
    assert {key: r.split for key, r in training.items()} == {
        ("b", "0_b_1.wav"): "training",
        ("b", "0_b_2.wav"): "validation",
        ("c", "0_c_1.wav"): "training",
    }
    assert training["b", "0_b_1.wav"].doubtful == ((0, 2),)
    heard = {r.path.name: r for r in roles.speech(left_out, DATA)}
    assert {name: r.split for name, r in heard.items()} == dict.fromkeys(("0_a_1.wav", "0_a_2.wav"), "validation")
    assert heard["0_a_1.wav"].said == ((1, 4),)
    assert heard["0_a_2.wav"].said == ()
    assert one_source_out.minutes(list(heard.values())) == pytest.approx(17 / 60)
    assert one_source_out.leave_out("a", [folder], DATA, tmp_path / "out") == (others, left_out)
    people = one_source_out.spoken_by_people(folder, DATA)
    assert {r.source for r in people} == {"a", "b"}
    # Synthetic voices are for training alone, wherever they are linked to.
    _, synthetic = one_source_out.leave_out("c", [folder], DATA, tmp_path / "out")
    assert {r.split for r in roles.speech(synthetic, DATA)} == {"training"}


def test_pooled():
    found = {"a": one_source_out.Heard(2.0, (3, 1)), "b": one_source_out.Heard(1.0, (0, 0))}
    pooled = one_source_out.pool(found)
    assert pooled == {**found, "all": one_source_out.Heard(3.0, (3, 1))}
    text = one_source_out.table(pooled, (200.0, 500.0))
    assert "| left out | hours | 200 ms | 500 ms |" in text
    # Nothing in an hour allows three.
    assert "| b | 1.00 | 0: 0.0 (at most 3.0) | 0: 0.0 (at most 3.0) |" in text


def test_heard(folder, tmp_path, monkeypatch):
    """Only the speech counts: the noise is there for the words."""
    model = ROOT / "models" / "commands12-tiny.tflite"
    rows = [equal_misses.Row(None, {"speech": n, "noise": 9}, {}) for n in (4, 2)]
    given = {}

    def measure(model, data, folders, averages, missed):
        given.update(folders=folders, averages=averages, missed=missed)
        return {"speech": 0.5, "noise": 2.0}, rows

    monkeypatch.setattr(equal_misses, "measure", measure)
    heard = one_source_out.hear(model, tmp_path, roles.Folders(speech=(folder,)), (200.0, 500.0), 0.2)
    assert heard == one_source_out.Heard(0.5, (4, 2))
    assert given == {"folders": roles.Folders(speech=(folder,)), "averages": (200.0, 500.0), "missed": 0.2}
