from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws import audio
from kws.config import DataConfig
from kws.datasets import clips
from kws.datasets.check import check, clipped_share, loudest_rms
from kws.errors import KwsError

# Everything is for training.
WHOLE = DataConfig(validation_percent=0, testing_percent=0)


def speech(seed: int, samples: int = 16000) -> np.ndarray:
    return (3000 * np.random.default_rng(seed).standard_normal(samples)).astype(np.int16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i, (word, speaker) in enumerate((w, s) for w in ("yes", "no") for s in ("anna", "bert", "cleo")):
        (tmp_path / word).mkdir(exist_ok=True)
        audio.write(tmp_path / word / f"{speaker}_1.wav", speech(i))
    return tmp_path


def kinds(found: tuple) -> list[tuple[str, list[str]]]:
    return [(f.kind, [p.name for p in f.paths]) for f in found]


def test_a_good_folder(root: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = check(root, progress=lambda *x: seen.append(x))
    assert report.ok
    assert report.warnings == ()
    assert report.words == {"no": 3, "yes": 3}
    assert report.sample_rates == {16000: 6}
    assert report.seconds == (1.0, 1.0, 1.0)
    assert sum(report.clips.values()) == 6
    assert sum(report.speakers.values()) == 3
    assert len(report.notes) == 2
    assert seen == [(i, 6) for i in range(1, 7)]


def test_unreadable_files(root: Path) -> None:
    whole = (root / "yes" / "anna_1.wav").read_bytes()
    (root / "yes" / "anna_1.wav").write_bytes(whole[:-100])
    (root / "yes" / "bert_1.wav").write_text("hello")
    (root / "_background_noise_").mkdir()
    (root / "_background_noise_" / "fan.wav").write_bytes(b"")
    report = check(root)
    assert not report.ok
    names = [["anna_1.wav"], ["bert_1.wav"], ["fan.wav"]]
    assert kinds(report.errors) == [("unreadable", n) for n in names]
    assert "truncated" in report.errors[0].message
    assert report.words == {"no": 3, "yes": 1}


def test_empty_folder(root: Path) -> None:
    (root / "maybe").mkdir()
    assert kinds(check(root).errors) == [("empty", ["maybe"])]


def test_speaker_in_two_splits(root: Path) -> None:
    (root / "validation_list.txt").write_text("yes/anna_1.wav\nno/bert_1.wav\nyes/bert_1.wav\nyes/gone_1.wav\n")
    report = check(root)
    assert kinds(report.errors) == [("speaker in two splits", ["anna_1.wav", "anna_1.wav"])]
    assert report.clips == {"training": 3, "validation": 3, "testing": 0}
    assert report.speakers == {"training": 2, "validation": 2, "testing": 0}
    assert "1 of its 4 clips" in report.notes[0]


def test_formats_and_lengths(root: Path) -> None:
    soundfile.write(root / "yes" / "a_1.wav", speech(10, 8000), 8000)
    soundfile.write(root / "yes" / "b_1.wav", speech(11, 32000).reshape(-1, 2), 16000)
    audio.write(root / "yes" / "c_1.wav", speech(12, 4000))
    audio.write(root / "yes" / "d_1.flac", speech(13, 30000))
    report = check(root)
    assert report.ok
    assert kinds(report.warnings) == [
        ("channels", ["b_1.wav"]),
        ("long", ["d_1.flac"]),
        ("sample rate", ["a_1.wav"]),
        ("short", ["c_1.wav"]),
    ]
    assert report.seconds == (0.25, 1.0, 1.875)
    assert report.sample_rates == {16000: 9, 8000: 1}
    assert kinds(check(root, DataConfig(clip_ms=700)).warnings)[1] == ("long", ["d_1.flac"])


def test_silent_and_clipped(root: Path) -> None:
    audio.write(root / "yes" / "a_1.wav", (speech(20) // 200).astype(np.int16))
    audio.write(root / "yes" / "b_1.wav", np.zeros(16000, np.int16))
    audio.write(root / "yes" / "c_1.wav", np.zeros(16000, np.int16))
    (root / "_silence_").mkdir()
    audio.write(root / "_silence_" / "a_1.wav", np.zeros(16000, np.int16))
    wave = 60000 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
    audio.write(root / "yes" / "d_1.wav", audio.to_int16(wave))
    report = check(root)
    assert report.ok
    assert kinds(report.warnings) == [
        ("clipped", ["d_1.wav"]),
        ("silent", ["a_1.wav"]),
        ("silent", ["b_1.wav"]),
        ("silent", ["c_1.wav"]),
    ]
    # 25 of the 40 samples of each half wave are beyond full scale.
    assert "62.5 %" in report.warnings[0].message


def test_clipped_share() -> None:
    wave = np.sin(2 * np.pi * 100 * np.arange(16000) / 16000)
    assert clipped_share(audio.to_int16(32700 * wave)) == 0
    assert clipped_share(np.full(100, 12000, np.int16)) == 0
    assert clipped_share(np.array([0] * 90 + [30000] * 10, np.int16)) == pytest.approx(0.1)
    assert clipped_share(np.array([0] * 97 + [-32768] * 3, np.int16)) == 0


def test_loudest_rms() -> None:
    x = np.zeros(1000, np.int16)
    assert loudest_rms(x) == 0
    x[320:640] = -100
    assert loudest_rms(x) == pytest.approx(100)


def test_duplicates(root: Path) -> None:
    audio.write(root / "yes" / "anna_2.flac", speech(0))
    assert kinds(check(root, WHOLE).warnings) == [("duplicate", ["anna_1.wav", "anna_2.flac"])]
    assert check(root, WHOLE).ok
    audio.write(root / "no" / "anna_3.wav", speech(0))
    assert kinds(check(root, WHOLE).errors) == [
        ("duplicate under two words", ["anna_3.wav", "anna_1.wav", "anna_2.flac"]),
    ]
    (root / "no" / "anna_3.wav").unlink()
    audio.write(root / "yes" / "dora_1.wav", speech(0))
    (root / "testing_list.txt").write_text("yes/dora_1.wav")
    assert [f.kind for f in check(root).errors] == ["duplicate in two splits"]


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(KwsError, match="no clips"):
        check(tmp_path)
    with pytest.raises(KwsError, match="no folder"):
        check(tmp_path / "none")


def test_names_that_tell_no_speakers_apart(tmp_path: Path) -> None:
    for word in ("yes", "no"):
        (tmp_path / word).mkdir()
        for i in range(12):
            audio.write(tmp_path / word / f"{word}{i:02}.wav", speech(i + 100 * len(word)))
    assert [f.kind for f in check(tmp_path).warnings] == ["speakers"]
    assert "name them like anna_01.wav" in check(tmp_path).warnings[0].message
    by_take = check(tmp_path, DataConfig(split_by="take"))
    assert by_take.warnings == ()
    assert "takes are split" in by_take.notes[0]


def test_the_split_of_a_training(root: Path) -> None:
    """By take, a speaker may be in two splits; the same audio may not."""
    data = DataConfig(split_by="take", validation_percent=40, testing_percent=0)
    splits = {(c.word, c.speaker): c.split for c in clips.index(root, 40, 0, "take")}
    assert check(root, data).ok
    word, speaker = next(k for k, split in splits.items() if split == "validation")
    other = next(k for k, split in splits.items() if split == "training" and k[0] == word)
    (root / word / f"{other[1]}_1.wav").write_bytes((root / word / f"{speaker}_1.wav").read_bytes())
    assert [f.kind for f in check(root, data).errors] == ["duplicate in two splits"]
