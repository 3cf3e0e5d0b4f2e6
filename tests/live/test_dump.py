"""Clips around detections, misses and false accepts: where the word is, their names, that training takes them."""

from __future__ import annotations

import numpy as np
import pytest

from kws import audio
from kws.config import DataConfig
from kws.datasets import clips
from kws.errors import KwsError
from kws.live.dump import Dump
from kws.live.record import require_name

RATE = 16000


def room(seconds):
    return np.random.default_rng(1).normal(0, 10, round(seconds * RATE))


def with_tone(at, seconds=6.0, length=0.4):
    x = room(seconds)
    t = np.arange(round(length * RATE)) / RATE
    x[round(at * RATE) :][: len(t)] += 8000 * np.sin(2 * np.pi * 440 * t)
    return audio.to_int16(x)


def feed(dump, pcm, detections=(), step=640):
    """Feed chunks; detections are (seconds, word)."""
    left = list(detections)
    for i in range(0, len(pcm), step):
        now = [word for at, word in left if at * RATE <= i]
        left = [(at, word) for at, word in left if at * RATE > i]
        dump.hear(pcm[i : i + step], now)


def middle(path):
    loud = np.flatnonzero(np.abs(audio.read(path).astype(int)) > 300)
    return (loud[0] + loud[-1]) / 2 / RATE


def test_a_detection_is_kept_with_the_word_in_its_middle(tmp_path):
    dump = Dump(tmp_path / "d", "anna", 1000)
    feed(dump, with_tone(2.0), [(2.6, "yes")])
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.wav")] == ["d/yes/anna_01.wav"]
    assert len(audio.read(tmp_path / "d/yes/anna_01.wav")) == RATE
    assert middle(tmp_path / "d/yes/anna_01.wav") == pytest.approx(0.5, abs=0.05)
    assert dump.saved == {"yes": 1}


def test_a_take_that_somebody_else_recorded_meanwhile_stays(tmp_path):
    dump = Dump(tmp_path, "anna", 1000)
    feed(dump, with_tone(2.0), [(2.6, "yes")])
    audio.write(tmp_path / "yes" / "anna_02.wav", np.ones(RATE, np.int16))
    feed(dump, with_tone(2.0), [(2.6, "yes")])
    assert sorted(p.name for p in (tmp_path / "yes").iterdir()) == ["anna_01.wav", "anna_02.wav", "anna_03.wav"]
    assert audio.read(tmp_path / "yes" / "anna_02.wav").max() == 1


@pytest.mark.parametrize("step", [160, 640, 1600])
def test_chunks_of_any_length(step, tmp_path):
    dump = Dump(tmp_path, "me", 1000)
    feed(dump, with_tone(2.0), [(2.6, "yes")], step)
    dump.finish()
    assert middle(tmp_path / "yes/me_01.wav") == pytest.approx(0.5, abs=0.05)


def test_at_the_beginning_and_at_the_end(tmp_path):
    dump = Dump(tmp_path, "me", 1000)
    feed(dump, with_tone(0.05, seconds=0.6), [(0.5, "yes")])
    assert not dump.saved
    assert [p.name for p in dump.finish()] == ["me_01.wav"]
    assert dump.finish() == []
    assert len(audio.read(tmp_path / "yes/me_01.wav")) == RATE


def test_where_no_word_stands_out_the_last_second_is_kept(tmp_path):
    dump = Dump(tmp_path, "me", 500)
    loud = audio.to_int16(np.random.default_rng(3).normal(0, 3000, 3 * RATE))
    feed(dump, loud, [(2.0, "yes")])
    assert len(audio.read(tmp_path / "yes/me_01.wav")) == RATE // 2


def test_a_miss(tmp_path):
    dump = Dump(tmp_path, "me", 1000)
    feed(dump, with_tone(2.0, seconds=4.0))
    assert dump.missed("no") == tmp_path / "no/me_01.wav"
    assert middle(tmp_path / "no/me_01.wav") == pytest.approx(0.5, abs=0.05)


def test_a_false_accept_is_moved(tmp_path):
    dump = Dump(tmp_path, "me", 1000)
    assert dump.false_accept() is None
    feed(dump, with_tone(2.0), [(2.6, "yes")])
    kept = (tmp_path / "yes/me_01.wav").read_bytes()
    assert dump.false_accept() == tmp_path / "not_yes/me_01.wav"
    assert (tmp_path / "not_yes/me_01.wav").read_bytes() == kept
    assert not (tmp_path / "yes/me_01.wav").exists()
    assert dump.saved == {"yes": 0, "not_yes": 1}
    assert dump.false_accept() is None
    # One that is still waiting for its end is the last one, too.
    feed(dump, with_tone(2.0, seconds=2.65), [(2.6, "yes")])
    assert dump.false_accept() == tmp_path / "not_yes/me_02.wav"


def test_a_false_accept_that_cannot_be_moved_stays(tmp_path):
    dump = Dump(tmp_path, "me", 1000)
    feed(dump, with_tone(2.0), [(2.6, "yes")])
    (tmp_path / "not_yes").touch()
    with pytest.raises(KwsError, match="cannot move"):
        dump.false_accept()
    assert (tmp_path / "yes/me_01.wav").exists()
    assert dump.saved == {"yes": 1}


def test_a_false_accept_that_somebody_took_away(tmp_path):
    dump = Dump(tmp_path, "me", 1000)
    feed(dump, with_tone(2.0), [(2.6, "yes")])
    (tmp_path / "yes/me_01.wav").unlink()
    assert dump.false_accept() is None


def test_a_phrase_is_no_unknown_word(tmp_path):
    """Its words would be taught as what is none of them."""
    dump = Dump(tmp_path, "me", 1000, ["lights on"])
    feed(dump, with_tone(4.0), [(4.6, "lights on")])
    assert len(audio.read(tmp_path / "phrases/lights on/me_01.wav")) == 4 * RATE
    assert dump.false_accept() == tmp_path / "phrases/not_lights on/me_01.wav"
    feed(dump, with_tone(4.0), [(4.6, "lights on")])
    assert dump.saved == {"phrases/lights on": 1, "phrases/not_lights on": 1}
    with pytest.raises(KwsError, match="no clips"):
        clips.index(tmp_path)


def test_training_takes_the_folder(tmp_path):
    dump = Dump(tmp_path, "me", 1000)
    feed(dump, with_tone(2.0), [(2.6, "yes")])
    dump.missed("no")
    feed(dump, with_tone(2.0), [(2.6, "no")])
    dump.false_accept()
    found = clips.index(tmp_path, DataConfig(words=("yes", "no"), split_by="take"))
    assert sorted((clip.word, clip.speaker) for clip in found) == [("no", "me"), ("not_no", "me"), ("yes", "me")]


def test_names(tmp_path):
    with pytest.raises(KwsError, match="name of a folder"):
        Dump(tmp_path, "me", 1000).missed("a/b")
    with pytest.raises(KwsError, match="name of a speaker"):
        require_name("../x", "speaker")


def test_near_misses_are_no_clips_to_train_with(tmp_path):
    dump = Dump(tmp_path, "anna", 1000)
    pcm = with_tone(2.0)
    dump.hear(pcm[: 3 * RATE], [], ["yes"])
    dump.hear(pcm[3 * RATE :], ["no"])
    dump.finish()
    near = tmp_path / "near_misses" / "yes" / "anna_01.wav"
    assert middle(near) == pytest.approx(0.5, abs=0.05)
    assert dump.saved == {"near_misses/yes": 1, "no": 1}
    assert {clip.word for clip in clips.index(tmp_path, DataConfig(words=("yes", "no"))) if clip.path} == {"no"}
    assert dump.false_accept() == tmp_path / "not_no" / "anna_01.wav"
    assert near.exists()
