from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws import audio
from kws.config import DataConfig
from kws.datasets import clips
from kws.datasets.check import Finding, check, summary
from kws.datasets.fit import fitted
from kws.datasets.measure import clipped_share, loudest_rms, measure
from kws.errors import KwsError

# Everything is for training.
WHOLE = DataConfig(words=("yes", "no"), validation_percent=0, testing_percent=0)


def speech(seed: int, samples: int = 16000) -> np.ndarray:
    return (3000 * np.random.default_rng(seed).standard_normal(samples)).astype(np.int16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i, (word, speaker) in enumerate((w, s) for w in ("yes", "no") for s in ("anna", "bert", "cleo")):
        (tmp_path / word).mkdir(exist_ok=True)
        audio.write(tmp_path / word / f"{speaker}_1.wav", speech(i))
    return tmp_path


def kinds(found: tuple) -> list[tuple[str, list[str]]]:
    """Kinds and files, but for what is true of every folder of three speakers."""
    return [(f.kind, [p.name for p in f.paths]) for f in found if f.kind != "few speakers"]


def test_a_good_folder(root: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = check(root, progress=lambda *x: seen.append(x))
    assert report.ok
    assert kinds(report.warnings) == []
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
        ("narrow band", ["a_1.wav"]),
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
    assert any("62.5 %" in f.message for f in report.warnings)


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
    data = DataConfig(words=("yes", "no"), split_by="take", validation_percent=40, testing_percent=0)
    splits = {(c.word, c.speaker): c.split for c in clips.index(root, data)}
    assert check(root, data).ok
    word, speaker = next(k for k, split in splits.items() if split == "validation")
    other = next(k for k, split in splits.items() if split == "training" and k[0] == word)
    (root / word / f"{other[1]}_1.wav").write_bytes((root / word / f"{speaker}_1.wav").read_bytes())
    assert [f.kind for f in check(root, data).errors] == ["duplicate in two splits"]


def test_folders_that_differ_in_case_or_spaces(root: Path) -> None:
    for name in ("Yes", "no ", "house"):
        (root / name).mkdir()
        audio.write(root / name / "dora_1.wav", speech(len(name)))
    found = check(root, DataConfig(words=("yes", "no"), validation_percent=0, testing_percent=0)).errors
    assert [f.message for f in found if f.kind == "folder name"] == [
        "the folder 'Yes' is not the word 'yes', so its clips count as another word; rename it",
        "the folder 'no ' is not the word 'no', so its clips count as another word; rename it",
    ]
    assert {f.paths[0].name for f in check(root).errors if f.kind == "folder name"} == {"Yes", "no "}


def test_folders_that_differ_in_what_is_hardly_seen(root: Path) -> None:
    # Composed and decomposed letters, wide ones, a mark of no width, marks around the word.
    for name in ("caf\u00e9", "cafe\u0301", "\uff59\uff45\uff53", "no\u200b", "yes.", "NO!", "we'll", "well"):
        (root / name).mkdir()
        audio.write(root / name / "dora_1.wav", speech(len(name) + ord(name[-1])))
    data = DataConfig(words=("yes", "no", "caf\u00e9"), validation_percent=0, testing_percent=0)
    found = {f.paths[0].name: f.message for f in check(root, data).errors if f.kind == "folder name"}
    assert set(found) == {"cafe\u0301", "\uff59\uff45\uff53", "no\u200b", "yes.", "NO!"}
    assert "'cafe\\u0301' is not the word 'caf\\xe9'" in found["cafe\u0301"]
    assert r"'no\u200b' is not the word 'no'" in found["no\u200b"]


@pytest.mark.parametrize("name", ["background_noise", "_Background_Noise_", "_background_noise", "Background noise"])
def test_noise_that_would_be_a_word(root: Path, name: str) -> None:
    (root / name).mkdir()
    audio.write(root / name / "street.wav", speech(20))
    (found,) = (f for f in check(root, WHOLE).errors if f.kind == "folder name")
    assert f"{name!r} is not '_background_noise_'" in found.message


def test_a_clip_in_both_split_lists(root: Path) -> None:
    for name in ("validation_list.txt", "testing_list.txt"):
        (root / name).write_text("yes/anna_1.wav\nno/anna_1.wav\nno/gone_1.wav\n")
    (found,) = check(root, WHOLE).errors
    assert found.kind == "in two split lists"
    assert "2 clips (first: no/anna_1.wav) are in validation_list.txt and testing_list.txt" in found.message


@pytest.mark.parametrize("name", ["val_list.txt", "test.csv", "Validation_List.txt"])
def test_a_split_list_by_another_name(root: Path, name: str) -> None:
    (root / name).write_text("yes/anna_1.wav\n")
    (found,) = (f for f in check(root, WHOLE).warnings if f.kind == "passed over")
    assert f"{name} is no split list by its name" in found.message


def test_words_without_clips_or_without_a_split(root: Path) -> None:
    data = DataConfig(words=("yes", "no", "stop"), validation_percent=1e-6, testing_percent=0)
    found = {f.kind: f.message for f in check(root, data).errors}
    assert "no folder of clips for stop" in found["missing word"]
    assert "no clip is left for validation" in found["empty split"]
    assert "one-speaker-out" in found["empty split"]


def test_one_speaker_and_a_handful(tmp_path: Path) -> None:
    for word in ("yes", "no"):
        (tmp_path / word).mkdir()
        for take in range(4):
            audio.write(tmp_path / word / f"me_{take}.wav", speech(take + 10 * len(word)))
    (one,) = check(tmp_path).warnings
    assert one.kind == "one speaker"
    assert "(me)" in one.message
    assert check(tmp_path, DataConfig(words=("yes", "no"), split_by="take", validation_percent=50)).warnings == ()
    audio.write(tmp_path / "yes" / "you_1.wav", speech(99))
    assert [f.kind for f in check(tmp_path).warnings] == ["few speakers"]
    found = check(tmp_path, DataConfig(words=("yes", "no"), split_by="one-speaker-out", held_out="you"))
    assert [f.kind for f in found.warnings] == []
    assert found.clips["testing"] == 1


def test_a_pipe_among_clips_is_passed_over_and_said(root: Path) -> None:
    """Nobody writes to it: who opened it would wait for ever."""
    os.mkfifo(root / "yes" / "dora_1.wav")
    (root / "no" / "old.wav").mkdir()
    (root / "_background_noise_").mkdir()
    os.mkfifo(root / "_background_noise_" / "fan.wav")
    report = check(root)
    assert report.ok
    assert report.words == {"no": 3, "yes": 3}
    assert kinds(report.warnings) == [("passed over", ["old.wav"]), ("passed over", ["dora_1.wav"])]
    assert "yes holds 1 recordings by name (first: dora_1.wav) that are no files" in report.warnings[-1].message
    assert clips.background(root) == []


def test_what_is_passed_over_is_said(root: Path) -> None:
    audio.write(root / "loose.wav", speech(1))
    (root / "yes" / "old").mkdir()
    for name in ("a.m4a", "b.M4A", "notes"):
        (root / "yes" / name).write_text("x")
    found = [f.message for f in check(root).warnings if f.kind == "passed over"]
    assert len(found) == 3
    assert "1 audio files lie beside the word folders (first: loose.wav)" in found[0] + found[1] + found[2]
    assert any("yes holds 1 folders (first: old)" in m for m in found)
    assert any("2 files with .m4a, 1 files with no suffix" in m for m in found)


def test_what_listening_kept_apart_is_no_word(root: Path) -> None:
    """Moved into the folder itself, as is said of others, near misses would be trained as "unknown"."""
    for name in ("near_misses/yes", "phrases/yes no"):
        audio.write(root / name / "me_01.wav", speech(1))
    report = check(root)
    assert report.ok
    found = [f.message for f in report.warnings if f.kind == "passed over"]
    assert [m.split(" is not used; ")[0] for m in found] == ["near_misses", "phrases"]
    audio.write(root / "phrases" / "me_01.wav", speech(2))
    assert check(root).words["phrases"] == 1


def test_narrow_band_and_odd_headers(root: Path) -> None:
    soundfile.write(root / "yes" / "anna_2.wav", speech(3, 8000), 8000, subtype="PCM_16")
    damaged = bytearray((root / "no" / "anna_1.wav").read_bytes())
    damaged[40:44] = bytes(4)
    (root / "no" / "anna_1.wav").write_bytes(damaged)
    found = {f.kind: f.message for f in check(root).warnings}
    assert "nothing above 4000 Hz" in found["narrow band"]
    assert "18 points" in found["narrow band"]
    assert "does not say how long" in found["header"]


def test_lossy_clips_are_read(root: Path) -> None:
    for suffix, kind, subtype in (("ogg", "OGG", "VORBIS"), ("opus", "OGG", "OPUS"), ("mp3", "MP3", "MPEG_LAYER_III")):
        soundfile.write(
            root / "yes" / f"dora_{len(suffix)}.{suffix}", speech(5) / 32768, 16000, format=kind, subtype=subtype
        )
    report = check(root)
    assert report.ok
    assert report.words["yes"] == 6


def test_many_of_a_kind_do_not_bury_the_others() -> None:
    findings = [Finding("sample rate", f"clip {i}", ()) for i in range(3000)] + [Finding("short", "clip x", ())]
    assert summary(findings) == [
        *(f"sample rate: clip {i}" for i in range(3)),
        "sample rate: 2997 more, 3000 in all",
        "short: clip x",
    ]
    assert len(summary(findings, every=True)) == 3001


@pytest.mark.parametrize("block", [1, 3, 100, 333, 5000])
def test_measures_do_not_depend_on_blocks(block: int) -> None:
    pcm = speech(4, 5000)
    pcm[100:104] = pcm[998:1003] = pcm[4000] = 32767
    pcm[2000:2007] = -32768
    pcm[4998:] = 32767
    pcm[330:337] = 29500
    whole = measure(lambda: [pcm])
    assert measure(lambda: (pcm[i : i + block] for i in range(0, len(pcm), block))) == whole
    assert whole.clipped == (4 + 5 + 7) / 5000


def test_memory_does_not_grow_with_a_recording() -> None:
    minute = speech(6, 60 * 16000)

    def blocks() -> Iterator[np.ndarray]:
        for _ in range(30):
            for start in range(0, len(minute), 1 << 16):
                yield minute[start : start + (1 << 16)]

    tracemalloc.start()
    try:
        measure(blocks)
        fitted(blocks(), 16000)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
