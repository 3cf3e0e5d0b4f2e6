"""Recording takes: words are found, centred and numbered; what cannot be used is asked for again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kws import audio, microphone
from kws.cli import exit_codes
from kws.cli import main as cli
from kws.errors import KwsError
from kws.live.condition import SILENT
from kws.live.record import Listening, Refused, Saved, find_word, next_take, record

RATE = 16000
TAKE = round(2.7 * RATE)


def spoken(start: float, seconds: float = 0.4, peak: float = 8000, total: float = 2.0, gap: float = 0.0):
    """A tone of a stated length in a quiet room; with a gap, two halves around it."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 10, round(total * RATE))
    t = np.arange(round(seconds / 2 * RATE)) / RATE
    for begin in (start, start + seconds / 2 + gap):
        place = round(begin * RATE)
        x[place : place + len(t)] += peak * np.sin(2 * np.pi * 440 * t)
    return audio.to_int16(x)


def middle_of(clip):
    loud = np.flatnonzero(np.abs(clip.astype(int)) > 300)
    return (loud[0] + loud[-1]) / 2 / RATE


@pytest.mark.parametrize("start", [0.1, 0.5, 1.2, 1.5])
def test_the_word_is_in_the_middle(start):
    cut = find_word(spoken(start), RATE)
    assert cut.fault == ""
    assert len(cut.pcm) == RATE
    # At the very end of the stretch there is no room left to centre it in.
    expected = 0.5 if 0.3 <= start <= 1.3 else (start + 0.2 - (0 if start < 1 else 1.0))
    assert middle_of(cut.pcm) == pytest.approx(expected, abs=0.03)
    assert cut.level_db == pytest.approx(20 * np.log10(8000 / np.sqrt(2) / 32768), abs=0.3)
    assert cut.room_db == pytest.approx(20 * np.log10(10 / 32768), abs=2)


def test_a_stop_in_a_word_does_not_end_it():
    cut = find_word(spoken(0.6, 0.4, gap=0.12), RATE)
    assert middle_of(cut.pcm) == pytest.approx(0.5, abs=0.03)
    two_words = find_word(spoken(0.7, 0.4, gap=0.6, total=2.4), RATE).pcm
    assert middle_of(two_words) == pytest.approx(0.5, abs=0.03)
    assert np.mean(np.abs(two_words.astype(int)) > 300) < 0.21  # one of the two


@pytest.mark.parametrize(
    ("heard", "fault"),
    [
        (np.zeros(2 * RATE, np.int16), "nothing was heard"),
        (spoken(0.5, peak=30), "nothing was heard"),
        (audio.to_int16(np.random.default_rng(0).normal(0, 3000, 2 * RATE)), "nothing was heard"),
        (spoken(0.5, peak=60000), "too loud"),
        (spoken(0.3, 1.3), "longer than 1 s"),
        (spoken(0.0), "cut off"),
        (spoken(1.6), "cut off"),
    ],
)
def test_what_cannot_be_used(heard, fault):
    assert fault in find_word(heard, RATE).fault


def chunks_of(*stretches):
    """Each stretch as a take: after the pause, followed by what fills the last of the microphone's chunks."""
    length = -(-TAKE // 640) * 640
    sound = [np.pad(s, (length - len(s) - (length - TAKE), length - TAKE)) for s in stretches]
    return [x[i : i + 640] for x in sound for i in range(0, len(x), 640)]


def test_takes_are_numbered_and_refused_ones_repeated(tmp_path):
    audio.write(tmp_path / "lights" / "me_07.wav", spoken(0.5))
    audio.write(tmp_path / "lights" / "anna_20.wav", spoken(0.5))
    silent = np.zeros(2 * RATE, np.int16)
    moments = list(record(chunks_of(spoken(0.5), silent, spoken(0.9)), "lights", tmp_path, 2))
    kept = [m for m in moments if isinstance(m, Saved)]
    assert [m.path.name for m in kept] == ["me_08.wav", "me_09.wav"]
    assert [m.take for m in moments if isinstance(m, Refused)] == [9]
    for m in kept:
        assert len(audio.read(m.path)) == RATE
        assert middle_of(audio.read(m.path)) == pytest.approx(0.5, abs=0.05)
    listening = [m for m in moments if isinstance(m, Listening)]
    assert {m.ready for m in listening} == {False, True}
    assert not listening[0].ready
    assert max(m.level_db for m in listening) > -20
    assert next_take(tmp_path / "lights", "me") == 10
    assert next_take(tmp_path / "nothing", "me") == 1


def test_a_take_that_somebody_else_recorded_meanwhile_stays(tmp_path):
    kept = []
    for moment in record(chunks_of(*[spoken(0.5)] * 3), "lights", tmp_path, 3):
        if isinstance(moment, Saved):
            kept.append(moment.path.name)
            if len(kept) == 1:
                audio.write(tmp_path / "lights" / "me_02.wav", np.ones(RATE, np.int16))
    assert kept == ["me_01.wav", "me_03.wav", "me_04.wav"]
    assert audio.read(tmp_path / "lights" / "me_02.wav").max() == 1


def test_it_gives_up_on_a_dead_microphone(tmp_path):
    silent = np.zeros(2 * RATE, np.int16)
    with pytest.raises(KwsError, match=r"5 takes in a row .* nothing was heard"):
        list(record(chunks_of(*[silent] * 9), "lights", tmp_path, 2))
    assert not list(tmp_path.iterdir())


def test_the_sound_ends(tmp_path):
    with pytest.raises(KwsError, match="ended after 1 of 3 takes"):
        list(record(chunks_of(spoken(0.5)), "lights", tmp_path, 3))
    assert (tmp_path / "lights" / "me_01.wav").exists()


@pytest.mark.parametrize(("word", "speaker"), [("../x", "me"), ("_silence_", "me"), ("x", ""), ("x", "a/b")])
def test_bad_names(word, speaker, tmp_path):
    with pytest.raises(KwsError, match="cannot be the name of a"):
        list(record([], word, tmp_path, 1, speaker))


class FakeMicrophone:
    overflows = 0
    name = "Fake"
    sample_rate = RATE

    def __init__(self, chunks):
        self._chunks = iter(chunks)
        self.forgotten = 0

    def __enter__(self):
        return self

    def __iter__(self):
        return self._chunks

    def forget(self):
        self.forgotten += 1

    def __exit__(self, *_):
        pass


def test_the_command(tmp_path, monkeypatch, capsys):
    chunks = chunks_of(spoken(0.5), spoken(0.5, peak=60000), spoken(0.8))
    opened = []
    monkeypatch.setattr(microphone, "microphone", lambda *a: opened.append(a) or FakeMicrophone(chunks))
    out = tmp_path / "mine"
    assert cli.main(["record", "lights", "--out", str(out), "--takes", "2", "--device", "3", "--speaker", "jo"]) == 0
    captured = capsys.readouterr()
    assert opened == [(3, 640)]
    assert "2 takes recorded, 1 refused" in captured.out
    assert "take 2 again: too loud" in captured.err
    assert sorted(p.name for p in (out / "lights").iterdir()) == ["jo_01.wav", "jo_02.wav"]


def test_where_nothing_can_be_written_nobody_has_to_speak(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(microphone, "microphone", lambda *_: pytest.fail("it was opened"))
    (tmp_path / "mine").touch()
    for out, word in ((tmp_path / "mine", "lights"), ("/proc/kws", "lights"), (tmp_path, "a/b")):
        assert cli.main(["record", word, "--out", str(out)]) == exit_codes.BAD_INPUT
    said = capsys.readouterr().err
    assert "mine is not a folder" in said
    assert "cannot write into /proc/kws/lights" in said
    assert "say 'lights'" not in said


def test_what_was_kept_is_told_whatever_ends_it(tmp_path, monkeypatch, capsys):
    def unplugged():
        yield from chunks_of(spoken(0.5))
        raise KwsError("the microphone stopped delivering audio")

    monkeypatch.setattr(microphone, "microphone", lambda *_: FakeMicrophone(unplugged()))
    out = tmp_path / "my takes"
    assert cli.main(["record", "lights", "--out", str(out), "--json"]) == exit_codes.BAD_INPUT
    said = capsys.readouterr()
    assert json.loads(said.out) == {"saved": [str(out / "lights/me_01.wav")], "refused": 0, "lost_blocks": 0}
    assert "stopped delivering" in said.err
    assert cli.main(["record", "lights", "--out", str(out)]) == exit_codes.BAD_INPUT
    said = capsys.readouterr()
    assert "1 takes recorded" in said.out
    assert f"kws data takes '{out}' --config" in said.err


@pytest.mark.parametrize(("rate", "told"), [(8000, 1), (16000, 0), (48000, 0)])
def test_a_microphone_without_an_upper_half_is_told(rate, told, tmp_path, monkeypatch, capsys):
    fake = FakeMicrophone(chunks_of(spoken(0.5)))
    fake.sample_rate = rate
    monkeypatch.setattr(microphone, "microphone", lambda *_: fake)
    assert cli.main(["record", "lights", "--out", str(tmp_path), "--takes", "1"]) == 0
    assert capsys.readouterr().err.count("kws: note: Fake: its rate is 8000 Hz") == told


def test_a_muted_microphone_is_told_and_takes_are_counted(tmp_path, monkeypatch, capsys):
    """With --continuous nothing would ever be said of it."""
    chunks = chunks_of(
        np.zeros(2 * RATE, np.int16), np.zeros(2 * RATE, np.int16), spoken(0.5), spoken(0.5), spoken(0.5)
    )
    monkeypatch.setattr(microphone, "microphone", lambda *_: FakeMicrophone(chunks))
    assert cli.main(["record", "lights", "--out", str(tmp_path), "--takes", "2", "--continuous"]) == 0
    said = capsys.readouterr().err
    assert SILENT in " ".join(said.split())
    assert "1 of 2  " in said
    assert "2 of 2  " in said


def test_takes_are_played_on_request(tmp_path, monkeypatch):
    """What the microphone heard of the loudspeaker is no part of the next take."""
    heard = FakeMicrophone(chunks_of(spoken(0.5), np.zeros(2 * RATE, np.int16), spoken(0.8)))
    played = []
    monkeypatch.setattr(microphone, "microphone", lambda *_: heard)
    monkeypatch.setattr(microphone, "play", played.append)
    assert cli.main(["record", "lights", "--out", str(tmp_path), "--takes", "2", "--replay"]) == 0
    kept = [audio.read(tmp_path / "lights" / f"me_{i:02}.wav") for i in (1, 2)]
    assert len(played) == heard.forgotten == 2
    for mine, theirs in zip(played, kept, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_take_with_a_lost_block_is_asked_for_again(tmp_path):
    counts = iter([0, 1, 1, 1])
    moments = list(record(chunks_of(spoken(0.8), spoken(0.8)), "lights", tmp_path, 1, lost=lambda: next(counts)))
    (refused,) = [m for m in moments if isinstance(m, Refused)]
    assert refused.cut.fault.startswith("1 blocks of samples were lost")
    assert len([m for m in moments if isinstance(m, Saved)]) == 1
