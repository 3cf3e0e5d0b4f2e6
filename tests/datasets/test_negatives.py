from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kws import audio
from kws.config import Experiment
from kws.datasets import negatives, sentences, transcripts
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError
from kws.training import sources

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
PACKS = [negatives.TRAINING_PACK, negatives.EVALUATION_PACK]


def size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*"))


def test_sizes() -> None:
    assert size(negatives.TRAINING_PACK) < 5_000_000
    assert size(negatives.EVALUATION_PACK) < 1_000_000


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_a_pack_is_whole(pack: Path) -> None:
    rows = transcripts.read(pack)
    files = sorted(pack.glob("*.opus"))
    assert sorted({row.file for row in rows}) == [p.name for p in files]
    for path in files:
        info = audio.info(path)
        assert (info.sample_rate, info.channels) == (16000, 1)
        here = [row for row in rows if row.file == path.name]
        assert here[0].start >= 0
        assert here[-1].end <= info.seconds + 0.05
        assert all(a.end <= b.start for a, b in pairwise(here))
    about = (pack / next(n for n in ("README.md", "README.txt") if (pack / n).exists())).read_text(encoding="utf-8")
    assert "licence" in about
    assert "Apache 2.0" in about if pack == negatives.TRAINING_PACK else "CC BY 4.0" in about


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_no_command_is_said(pack: Path) -> None:
    rows = transcripts.read(pack)
    assert all(row.commands == () for row in rows)
    texts = [row.text for row in rows]
    assert sentences.without(texts, COMMANDS) == texts
    assert negatives.stretches(pack, COMMANDS) == rows


def test_the_pack_for_training() -> None:
    rows = transcripts.read(negatives.TRAINING_PACK)
    seconds = sum(audio.info(p).seconds for p in negatives.TRAINING_PACK.glob("*.opus"))
    assert 30 * 60 < seconds < 50 * 60
    assert len({row.voice for row in rows}) >= 100
    said = {t for row in rows for t in sentences.tokens(row.text)}
    assert {"that's", "just", "is", "this", "know", "now", "over", "all", "of"} <= said


def test_the_set_for_evaluation() -> None:
    rows = transcripts.read(negatives.EVALUATION_PACK)
    speech = [row for row in rows if row.text]
    assert len({row.voice for row in speech}) >= 20
    assert {"music.opus", "noise.opus"} <= {row.file for row in rows}
    assert sum(row.end - row.start for row in speech) > 4 * 60
    names = {row.voice for row in rows}
    assert not names & {row.voice for row in transcripts.read(negatives.TRAINING_PACK)}


def test_every_stretch_can_be_heard() -> None:
    heard = list(negatives.cuts(negatives.EVALUATION_PACK, negatives.stretches(negatives.EVALUATION_PACK, ["happy"])))
    assert len(heard) == len(transcripts.read(negatives.EVALUATION_PACK))
    for row, pcm in heard:
        assert pcm.dtype == np.int16
        assert abs(len(pcm) / 16000 - (row.end - row.start)) < 0.03
        assert np.abs(pcm).max() > 100, row


def test_words_that_are_said_are_left_out(tmp_path: Path) -> None:
    audio.write(tmp_path / "a.wav", np.arange(32000, dtype=np.int16))
    rows = [
        Stretch("a.wav", 0, 0.5, "Hey chatterbox, sing."),
        Stretch("a.wav", 0.5, 1, "He sang."),
        Stretch("a.wav", 1, 2, "", ("Sing",)),
    ]
    transcripts.write(tmp_path, rows)
    assert negatives.stretches(tmp_path, ["hey chatterbox"]) == rows[1:]
    assert negatives.stretches(tmp_path, ["sing"]) == rows[1:2]
    ((row, pcm),) = negatives.cuts(tmp_path, rows[1:2])
    assert row == rows[1]
    np.testing.assert_array_equal(pcm, np.arange(8000, 16000))
    with pytest.raises(KwsError, match="no sound at 9 s"):
        list(negatives.cuts(tmp_path, [Stretch("a.wav", 9, 10, "x")]))


def test_nothing_trains_on_the_set_for_evaluation(tmp_path: Path) -> None:
    words = tmp_path / "data" / "yes"
    words.mkdir(parents=True)
    negatives.refuse_to_train([tmp_path / "data"])
    negatives.refuse_to_train([negatives.TRAINING_PACK])
    for folder in (negatives.EVALUATION_PACK, negatives.EVALUATION_PACK.parent):
        with pytest.raises(KwsError, match="never trained on"):
            negatives.refuse_to_train([words.parent, folder])
        with pytest.raises(KwsError, match="never trained on"):
            sources.recipes(Experiment(), [folder])
    copy = tmp_path / "copy"
    negatives.mark_evaluation(copy)
    (copy / "yes").mkdir()
    for folder in (copy, copy / "yes", tmp_path):
        with pytest.raises(KwsError, match=f"{folder.name} is for evaluation"):
            negatives.refuse_to_train([folder])
