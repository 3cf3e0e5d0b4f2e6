from __future__ import annotations

import ctypes.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_voices import Tones

from kws import audio
from kws.datasets import check, clips, espeak, near_words, synthetic
from kws.datasets.splits import SPLITS, split_of
from kws.datasets.voices import espeak_ng
from kws.datasets.voices.base import Delivery
from kws.errors import KwsError
from kws.types import Floats

pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "set"
    return synthetic.make(["yes", "no"], out, voice_count=16, takes_per_voice=2)


def test_speech_is_a_function_of_its_arguments() -> None:
    first = espeak.say("yes", "en-us+f3", 60, 40, 150, 7)
    espeak.say("something else entirely", "en-gb-scotland+m2")
    np.testing.assert_array_equal(espeak.say("yes", "en-us+f3", 60, 40, 150, 7), first)
    for other in (("no", "en-us+f3"), ("yes", "en-us+f2"), ("yes", "en+f3"), ("yes", "en-us+f3", 20)):
        got = espeak.say(*other)
        assert len(got) != len(first) or not np.array_equal(got, first)


def test_rate_and_pitch_are_heard() -> None:
    slow, fast = (espeak.say("seven", "en-us+m1", rate=r) for r in (110, 220))
    assert len(slow) > 1.5 * len(fast)
    assert 0.15 < len(fast) / 16000 < len(slow) / 16000 < 1

    def period(x: np.ndarray) -> int:
        # Smoothed, so that the formants do not look like the pitch.
        middle = np.convolve(x, np.ones(40), "same")[len(x) // 2 - 1500 : len(x) // 2 + 1500]
        return int(np.argmax(np.correlate(middle, middle, "full")[len(middle) - 1 + 60 :][:340])) + 60

    low, high = (espeak.say("ah", "en-us+m1", pitch=p, pitch_range=0) for p in (10, 90))
    assert period(low) > 1.3 * period(high)


def test_silence_is_trimmed() -> None:
    x = np.abs(espeak.say("stop", "en-us+m1"))
    assert x[0] > 0.004 * x.max()
    assert x[-1] > 0.004 * x.max()


def test_every_voice_speaks_and_sounds_different() -> None:
    every = synthetic.voices(len(espeak_ng.VARIANTS))
    sounds = {espeak.say("seven", voice).tobytes() for voice in every.values()}
    assert len(sounds) == len(every) == len(espeak_ng.VARIANTS)
    assert len({v.partition("+")[2] for v in every.values()}) == len(every)
    assert len(synthetic.voices(8 * len(espeak_ng.VARIANTS))) == 8 * len(espeak_ng.VARIANTS)
    assert {split_of(s) for s in synthetic.voices()} == set(SPLITS)


@pytest.mark.parametrize("voice", ["xx-nowhere", "en-us+nosuch"])
def test_unknown_voice(voice: str) -> None:
    with pytest.raises(KwsError, match="no voice"):
        espeak.say("yes", voice)
    with pytest.raises(KwsError, match="number of voices"):
        synthetic.voices(0)
    with pytest.raises(KwsError, match="makes no sound"):
        espeak.say(" ", "en-us")


def test_phonemes_and_distance() -> None:
    assert espeak.phonemes(["right", "write", "cheese"]) == [("r", "aI", "t")] * 2 + [("tS", "i", "z")]
    assert near_words.phoneme_distance("abc", "abc") == 0
    assert near_words.phoneme_distance(("p", "I", "t"), ("b", "I", "t")) == pytest.approx(0.5 / 3)
    assert near_words.phoneme_distance(("p", "I", "t"), ("s", "I", "t")) == pytest.approx(1 / 3)
    assert near_words.phoneme_distance(("t",), ("s", "t")) == 0.5
    assert near_words.phoneme_distance((), ("s", "t")) == 1


def test_near_misses_are_near() -> None:
    near = near_words.near_misses(["right", "no", "up"], nearest=8, spread=0)
    assert {"light", "ride", "goat", "cup"} & set(near)
    # Homophones and the words themselves would teach the opposite of what is said.
    assert not {"right", "write", "know", "no", "up"} & set(near)
    more = near_words.near_misses(["right", "no", "up"], nearest=8, spread=5)
    assert set(near) < set(more)
    assert len(more) == len(near) + 5
    assert more == near_words.near_misses(["right", "no", "up"], nearest=8, spread=5)


def test_make_is_a_clean_data_set(made: Path) -> None:
    report = check.check(made)
    assert report.errors == ()
    assert {f.kind for f in report.warnings} <= {"clipped"}
    assert report.words["yes"] == report.words["no"] == 32
    assert len(report.words) > 15
    assert report.seconds == (1.0, 1.0, 1.0)
    assert report.sample_rates == {16000: sum(report.words.values())}
    assert report.speakers["training"] > 5
    assert report.speakers["validation"] > 0
    noises = clips.background(made)
    assert [p.stem for p in noises] == ["babble", "brown", "hum", "pink", "white"]
    assert all(audio.info(p).seconds == 20 for p in noises)


def test_make_says_what_it_is(made: Path) -> None:
    assert (made / "README.txt").read_text().startswith("SYNTHETIC SPEECH. No human speaks")
    marker = json.loads((made / "synthetic.json").read_text())
    assert (marker["synthetic"], marker["words"], marker["seed"]) == (True, ["yes", "no"], 1)
    speakers = json.loads((made / "voices.json").read_text())
    assert {c.speaker for c in clips.index(made)} == set(speakers)


def test_words_are_whole_and_placed_at_random(made: Path) -> None:
    centres, ratios = [], []
    for path in clips.audio_files(made / "yes"):
        x = audio.read(path).astype(np.float64)
        energy = (x[:16000].reshape(100, -1) ** 2).mean(axis=1)
        loud = np.flatnonzero(energy > 0.01 * energy.max())
        centres.append(loud.mean())
        ratios.append(10 * np.log10(energy.max() / np.median(np.sort(energy)[:10])))
    assert np.std(centres) > 5
    # Neither digitally clean nor drowned.
    assert 18 < min(ratios) < max(ratios) < 75


def test_make_is_reproducible_and_independent_of_other_words(made: Path, tmp_path: Path) -> None:
    again = synthetic.make(["yes"], tmp_path / "b", voice_count=16, takes_per_voice=2, near_misses=False)
    for path in clips.audio_files(again / "yes"):
        assert path.read_bytes() == (made / "yes" / path.name).read_bytes()
    other = synthetic.make(["yes"], tmp_path / "c", voice_count=2, takes_per_voice=1, near_misses=False, seed=2)
    for path in clips.audio_files(other / "yes"):
        assert path.read_bytes() != (made / "yes" / path.name).read_bytes()


def test_make_refuses(made: Path, tmp_path: Path) -> None:
    with pytest.raises(KwsError, match="already exists"):
        synthetic.make(["yes"], made)
    for words in ([], ["a/b"], ["_silence_"], [""]):
        with pytest.raises(KwsError, match="cannot make clips"):
            synthetic.make(words, tmp_path / "x")
    for word in ("!!!", "\U0001f642", "-"):
        with pytest.raises(KwsError, match=f"nobody can say '{word}'"):
            synthetic.make(["yes", word], tmp_path / "x")
    with pytest.raises(KwsError, match="longer than"):
        synthetic.make(["antidisestablishmentarianism and so on for a very long time"], tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_recording_has_the_words_where_it_says(tmp_path: Path) -> None:
    script = [("no", 5.0), ("yes", 1.5), ("yes", 9.0)]
    events = synthetic.recording(script, tmp_path / "recording.wav")
    described = json.loads((tmp_path / "recording.json").read_text())
    assert described["events"] == events
    assert [(e["word"], e["start"]) for e in events if e["keyword"]] == sorted(script, key=lambda s: s[1])
    assert sum(not e["keyword"] for e in events) == 2
    assert all(split_of(e["speaker"]) != "training" for e in events)
    x = audio.read(tmp_path / "recording.wav").astype(np.float64)
    assert len(x) / 16000 == described["seconds"]
    inside = np.zeros(len(x), bool)
    for event in events:
        inside[round(event["start"] * 16000) : round(event["end"] * 16000)] = True
    assert np.mean(x[inside] ** 2) > 30 * np.mean(x[~inside] ** 2) > 0
    again = synthetic.recording(script, tmp_path / "again.wav")
    assert again == events
    np.testing.assert_array_equal(audio.read(tmp_path / "again.wav"), x)


def test_recording_refuses(tmp_path: Path) -> None:
    for script, why in (([], "at least one"), ([("yes", -1.0)], "negative"), ([("yes", 1.0), ("no", 1.1)], "overlaps")):
        with pytest.raises(KwsError, match=why):
            synthetic.recording(script, tmp_path / "a.wav")
    with pytest.raises(KwsError, match="nobody can say '!!!'"):
        synthetic.recording([("!!!", 1.0)], tmp_path / "a.wav")
    script = synthetic.draw_script(["yes", "no"], 4)
    assert sorted(w for w, _ in script) == ["no"] * 4 + ["yes"] * 4
    assert np.diff([t for _, t in script]).min() >= 2


def test_without_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    with pytest.raises(KwsError, match=r"\[synthetic\].*libespeak-ng1"):
        espeak.say("yes", "en-us")


class Slow(Tones):
    """One voice in six cannot hurry."""

    def say(self, text: str, voice: str, delivery: Delivery) -> Floats:
        return super().say(text, voice, Delivery(0.2, delivery.seed) if voice == "tone3" else delivery)


def test_a_phrase_in_longer_clips_without_the_voice_that_is_too_slow(tmp_path: Path) -> None:
    made = synthetic.make(
        ["go hey"], tmp_path / "d", voice_count=6, takes_per_voice=2, clip_ms=1500, near_misses=False, engine=Slow()
    )
    takes = sorted((made / "go hey").iterdir())
    assert len(takes) == 10
    assert {audio.info(take).seconds for take in takes} == {1.5}
    speakers = json.loads((made / "voices.json").read_text())
    slow = next(speaker for speaker, voice in speakers.items() if voice == "tone3")
    assert not any(take.name.startswith(slow) for take in takes)
