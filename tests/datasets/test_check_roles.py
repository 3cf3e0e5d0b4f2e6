"""What is wrong with folders of other speech, noise and rooms is found, and what there is is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kws import audio
from kws.cli.main import main
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import check_roles
from kws.datasets.roles import Folders

S = SAMPLE_RATE
DATA = DataConfig(words=("yes", "no"))
TABLE = "file\tstart_s\tend_s\ttext\tcommand_words\n"


def written(path, seconds=2.0, loud=3000, seed=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    audio.write(path, audio.to_int16(rng.normal(0, loud, round(seconds * S))))


@pytest.fixture
def good(tmp_path):
    written(tmp_path / "speech/train/corpus_1.wav", 36, seed=1)
    written(tmp_path / "speech/validation/corpus_2.wav", 18, seed=2)
    rows = (
        "train/corpus_1.wav\t0\t9\toh yes\tyes\ntrain/corpus_1.wav\t9\t18\tx\t?\nvalidation/corpus_2.wav\t0\t17\thi\t\n"
    )
    (tmp_path / "speech/transcripts.tsv").write_text(TABLE + rows)
    written(tmp_path / "noise/validation/rain.wav", seed=3)
    written(tmp_path / "rooms/hall.wav", 0.5, seed=4)
    return Folders((tmp_path / "speech",), (tmp_path / "noise",), (tmp_path / "rooms",))


def kinds(findings):
    return sorted(f.kind for f in findings)


def test_nothing_wrong(good):
    done = []
    found = check_roles.check(good, DATA, lambda *d: done.append(d))
    assert (found.errors, found.warnings) == ((), ())
    assert done[-1] == (4, 4)
    amounts = {(a.role, a.source, a.split): a for a in found.amounts}
    assert set(amounts) == {
        ("speech", "corpus", "training"),
        ("speech", "corpus", "validation"),
        ("noise", "rain", "validation"),
        ("rooms", "hall", "training"),
    }
    training = amounts["speech", "corpus", "training"]
    assert (training.hours, training.said, training.doubtful) == pytest.approx((0.01, 0.0025, 0.0025))
    assert found.sample_rates == {16000: 4}


def test_every_fault(good, tmp_path):
    speech, noise, rooms = good.speech[0], good.noise[0], good.rooms[0]
    with (speech / "transcripts.tsv").open("a") as table:
        table.write("train/gone.wav\t0\t1\thi\t\nvalidation/corpus_2.wav\t17\t30\thi\t\n")
    (speech / "train/broken_1.wav").write_bytes(b"nothing")
    written(speech / "train/copy_1.wav", 18, seed=2)
    written(speech / "train/quiet_1.wav", 1, loud=1)
    audio.write(rooms / "dead.wav", np.zeros(S, np.int16))
    written(rooms / "long.wav", 4)
    loud = np.clip(np.random.default_rng(5).normal(0, 40000, S), -32768, 32767).astype(np.int16)
    audio.write(noise / "validation/loud.wav", np.repeat(loud, 6))
    found = check_roles.check(good, DATA)
    assert kinds(found.errors) == [
        "missing recording",
        "recording in two splits",
        "silent room",
        "transcript too long",
        "unreadable",
    ]
    assert kinds(found.warnings) == ["clipped", "long response", "silent"]
    written(tmp_path / "more/train/a_1.wav", 2, seed=9)
    more = check_roles.check(Folders((tmp_path / "more",)), DATA)
    assert kinds(more.warnings) == ["no transcripts", "no validation"]


def test_command_line(good, spoken, capsys):
    given = ["--speech", str(good.speech[0]), "--noise", str(good.noise[0]), "--rooms", str(good.rooms[0])]
    main(["data", "check", str(spoken), *given, "--json"])
    values = json.loads(capsys.readouterr().out)
    assert [a["source"] for a in values["roles"]] == ["corpus", "corpus", "rain", "hall"]
    audio.write(good.rooms[0] / "dead.wav", np.zeros(S, np.int16))
    assert main(["data", "check", str(spoken), *given]) == 1
    said = capsys.readouterr().out
    assert "silent room: dead.wav is silent" in said
    assert "what else is heard" in said
