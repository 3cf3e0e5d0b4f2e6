"""Takes that cut themselves: one for each word, in its middle, however the stream is cut into chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import audio
from kws.errors import KwsError
from kws.live.record import Refused, Saved
from kws.live.takes import TakeCutter, record_continuously

RATE = 16000
WORD_SECONDS = 0.4


def said(times, seconds, level=8000, word=WORD_SECONDS):
    """Noise of a room, and a loud burst at each time."""
    rng = np.random.default_rng(1)
    pcm = rng.normal(0, 20, round(seconds * RATE))
    for time in times:
        start, length = round(time * RATE), round(word * RATE)
        pcm[start : start + length] += level * np.sin(np.arange(length) * 0.3) * np.hanning(length)
    return audio.to_int16(pcm)


def cuts_of(pcm, pieces):
    cutter = TakeCutter()
    found = [cut for piece in pieces(pcm) for cut in cutter.hear(piece)]
    return [*found, *cutter.finish()]


def chunks(size):
    return lambda pcm: [pcm[i : i + size] for i in range(0, len(pcm), size)]


def test_twenty_words_in_a_row_are_twenty_takes():
    times = [1 + 1.4 * i for i in range(20)]
    found = cuts_of(said(times, 30), chunks(640))
    assert [cut.fault for cut in found] == [""] * 20
    for cut in found:
        assert len(cut.pcm) == RATE
        energy = np.cumsum(cut.pcm.astype(np.float64) ** 2)
        middle = np.searchsorted(energy, energy[-1] / 2)
        assert abs(middle - RATE / 2) < 0.06 * RATE


PCM = said([1.0, 2.3, 3.9], 5.5)
WHOLE = cuts_of(PCM, chunks(640))


@settings(max_examples=15)
@given(st.lists(st.integers(0, len(PCM)), max_size=30))
def test_how_the_stream_is_cut_makes_no_difference(places):
    found = cuts_of(PCM, lambda pcm: np.split(pcm, sorted(places)))
    assert len(found) == len(WHOLE) == 3
    for mine, other in zip(found, WHOLE, strict=True):
        np.testing.assert_array_equal(mine.pcm, other.pcm)


def test_quiet_is_no_take_and_a_click_is_none():
    pcm = said([], 4)
    pcm[30000:30100] = 20000
    assert cuts_of(pcm, chunks(640)) == []


def test_a_word_at_the_end_is_finished():
    assert len(cuts_of(said([1.5], 2.0), chunks(640))) == 1


@pytest.mark.parametrize(("level", "word", "fault"), [(60000, 0.4, "too loud"), (8000, 1.6, "longer than")])
def test_what_is_no_good_take_says_why(level, word, fault):
    (cut,) = cuts_of(said([1.5], 5, level, word), chunks(640))
    assert fault in cut.fault


def test_memory_is_bounded_and_speech_that_goes_on_gives_no_good_take():
    cutter = TakeCutter()
    found = [cut for chunk in chunks(640)(said([1], 30, word=28)) for cut in cutter.hear(chunk)]
    assert all(cut.fault for cut in found)
    assert len(cutter._kept) <= 7 * RATE


def test_takes_become_files_until_there_are_enough(tmp_path):
    pcm = said([1, 2.4, 3.8], 6)
    moments = list(record_continuously(chunks(640)(pcm), "yes", tmp_path, 2, "anna"))
    saved = [m.path.name for m in moments if isinstance(m, Saved)]
    assert saved == ["anna_01.wav", "anna_02.wav"]
    assert len(audio.read(tmp_path / "yes" / "anna_02.wav")) == RATE
    with pytest.raises(KwsError, match="after 3 of 5"):
        list(record_continuously(chunks(640)(pcm), "yes", tmp_path, 5, "anna"))
    assert (tmp_path / "yes" / "anna_05.wav").exists()
    with pytest.raises(KwsError, match="the sound ended"):
        list(record_continuously(chunks(640)(said([1], 3, 60000)), "yes", tmp_path, 1, "anna"))
    assert not (tmp_path / "yes" / "anna_06.wav").exists()


@pytest.mark.parametrize("end", [KeyboardInterrupt, KwsError])
@pytest.mark.parametrize(("seconds", "names"), [(3.2, ["me_01.wav", "me_02.wav"]), (2.65, ["me_01.wav"])])
def test_a_word_said_before_the_stop_is_kept_and_half_a_word_is_not(tmp_path, seconds, names, end):
    def until_stopped():
        yield from chunks(640)(said([1, 2.4], 6)[: round(seconds * RATE)])
        raise end

    with pytest.raises(end):
        list(record_continuously(until_stopped(), "yes", tmp_path, 9))
    assert sorted(path.name for path in (tmp_path / "yes").iterdir()) == names
    moments = record_continuously(until_stopped(), "no", tmp_path, len(names))
    saved = [m for m in moments if isinstance(m, Saved)]
    assert len(saved) == len(names), "enough before the stop is no stop"
    assert all(not m.cut.fault and len(m.cut.pcm) == RATE for m in saved)


def test_a_take_that_somebody_else_recorded_meanwhile_stays(tmp_path):
    moments = record_continuously(chunks(640)(said([1, 2.4, 3.8], 6)), "yes", tmp_path, 3, "anna")
    kept = []
    for moment in moments:
        if isinstance(moment, Saved):
            kept.append(moment.path.name)
            audio.write(tmp_path / "yes" / "anna_02.wav", np.ones(RATE, np.int16))
    assert kept == ["anna_01.wav", "anna_03.wav", "anna_04.wav"]


def test_a_take_that_is_refused_is_told(tmp_path):
    moments = record_continuously(chunks(640)(said([1, 2.4], 5, 60000)), "yes", tmp_path, 1)
    assert isinstance(next(m for m in moments if isinstance(m, Refused | Saved)), Refused)
