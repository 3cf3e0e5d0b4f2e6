from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kws import audio
from kws.config import DataConfig
from kws.datasets import clips
from kws.datasets.augment import NoiseSource
from kws.datasets.fit import fitted
from kws.datasets.splits import speaker_of, split_of
from kws.errors import KwsError

DATA = DataConfig(words=("yes", "no"), clip_ms=100, unknown_percent=50, silence_percent=25)


def record(root: Path, name: str, x: object = None) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path, np.full(160, 5, np.int16) if x is None else np.asarray(x, np.int16))
    return path


# Membership as published: validation_list.txt of Speech Commands 0.02, testing_list.txt of 0.01, neither.
@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("067f61e2_nohash_2.wav", "validation"),
        ("48bfde8e_nohash_1.wav", "validation"),
        ("264f471d_nohash_3.flac", "validation"),
        ("db4cf12f_nohash_1.wav", "validation"),
        ("f822b9bf_nohash_4.wav", "validation"),
        ("2aa787cf_nohash_0.wav", "testing"),
        ("1b4c9b89_nohash_4.wav", "testing"),
        ("94de6a6a_nohash_3.wav", "testing"),
        ("27c30960_nohash_0.wav", "testing"),
        ("004ae714_nohash_0.flac", "training"),
        ("00f0204f_nohash_0.wav", "training"),
    ],
)
def test_split_rule_is_speech_commands(name: str, split: str) -> None:
    assert split_of(name) == split
    assert split_of(speaker_of(name)) == split


def test_split_shares() -> None:
    count = Counter(split_of(f"speaker {i}x", 20, 5) for i in range(4000))
    assert abs(count["validation"] / 4000 - 0.20) < 0.02
    assert abs(count["testing"] / 4000 - 0.05) < 0.01
    assert {split_of(f"s{i}", 0, 0) for i in range(100)} == {"training"}


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("0a7c2a8d_nohash_12.wav", "0a7c2a8d"),
        ("a/b/anna_03.flac", "anna"),
        ("anna-3.wav", "anna"),
        ("anna 3.wav", "anna"),
        ("anna.wav", "anna"),
        ("mary_ann_2.wav", "mary_ann"),
        ("speaker7.wav", "speaker7"),
        ("0001.wav", "0001"),
        ("anna (3).wav", "anna"),
        ("Recording (12).wav", "Recording"),
        ("(3).wav", "(3)"),
        ("anna03.wav", "anna03"),
    ],
)
def test_speaker_of(name: str, speaker: str) -> None:
    assert speaker_of(name) == speaker


def test_digests_are_of_contents(tmp_path: Path) -> None:
    paths = [record(tmp_path, f"yes/{n}_1.wav", np.full(160, x)) for n, x in (("a", 1), ("b", 1), ("c", 2))]
    first = clips.digests(paths)
    assert first[0] == first[1] != first[2]
    size = paths[0].stat().st_size
    paths[0].write_bytes(paths[2].read_bytes())
    assert paths[0].stat().st_size == size
    assert clips.digests(paths) == [first[2], first[1], first[2]]
    with pytest.raises(KwsError, match=r"cannot read .*none\.wav"):
        clips.digests([tmp_path / "none.wav"])


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = record(tmp_path, "yes/a_1.wav")
    path.rename(os.fsdecode(os.fsencode(tmp_path / "yes") + b"/\xfcber_1.wav"))
    assert [c.word for c in clips.index(tmp_path)] == ["yes"]


def rule(validation: float, testing: float, split_by: str = "speaker", held_out: str = "") -> DataConfig:
    return DataConfig(validation_percent=validation, testing_percent=testing, split_by=split_by, held_out=held_out)


def test_index_finds_clips_and_nothing_else(tmp_path: Path) -> None:
    for name in ("yes/b_1.wav", "yes/a_1.flac", "no/a_2.WAV", "_background_noise_/n.wav", ".git/x.wav", "yes/.x.wav"):
        record(tmp_path, name)
    (tmp_path / "yes" / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    found = clips.index(tmp_path, rule(99, 0))
    assert [(c.word, c.path.name, c.speaker, c.split) for c in found] == [
        ("no", "a_2.WAV", "a", "validation"),
        ("yes", "a_1.flac", "a", "validation"),
        ("yes", "b_1.wav", "b", "validation"),
    ]
    assert [p.name for p in clips.background(tmp_path)] == ["n.wav"]


def test_lists_define_the_split(tmp_path: Path) -> None:
    for name in ("yes/a_1.flac", "yes/b_1.flac", "yes/c_1.flac"):
        record(tmp_path, name)
    (tmp_path / "validation_list.txt").write_text("yes/b_1.wav\n\n")
    assert [c.split for c in clips.index(tmp_path)] == ["training", "validation", "training"]
    (tmp_path / "testing_list.txt").write_text("yes/c_1.flac\n")
    assert [c.split for c in clips.index(tmp_path)] == ["training", "validation", "testing"]


def test_lists_from_windows(tmp_path: Path) -> None:
    for name in ("yes/a_1.wav", "yes/b_1.wav", "yes/c_1.wav"):
        record(tmp_path, name)
    (tmp_path / "validation_list.txt").write_bytes(b"\xef\xbb\xbfyes\\b_1.wav\r\n")
    (tmp_path / "testing_list.txt").write_bytes(b"yes\\c_1.wav\r\n")
    assert [c.split for c in clips.index(tmp_path)] == ["training", "validation", "testing"]


def test_a_name_with_dots_is_listed_with_or_without_the_suffix(tmp_path: Path) -> None:
    for name in ("yes/at 10.30.05.wav", "yes/at 10.30.06.wav", "yes/at 10.30.wav", "yes/at 10.31.wav"):
        record(tmp_path, name)
    (tmp_path / "validation_list.txt").write_text("yes/at 10.30.05\nyes/at 10.30.06.FLAC\n")
    (tmp_path / "testing_list.txt").write_text("yes/at 10.31\n")
    assert {c.path.name: c.split for c in clips.index(tmp_path)} == {
        "at 10.30.05.wav": "validation",
        "at 10.30.06.wav": "validation",
        "at 10.30.wav": "training",
        "at 10.31.wav": "testing",
    }


def test_lists_that_name_no_clip_are_refused(tmp_path: Path) -> None:
    record(tmp_path, "yes/a_1.wav")
    (tmp_path / "validation_list.txt").write_text("a_1.wav\n")
    with pytest.raises(KwsError, match=r"validation_list.txt .* none of the 1 clips named is here"):
        clips.index(tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_list_that_is_no_file_is_refused(make, tmp_path: Path) -> None:
    """Reading a pipe would wait for whoever writes into it, maybe for ever."""
    record(tmp_path, "yes/a_1.wav")
    make(tmp_path / "validation_list.txt")
    with pytest.raises(KwsError, match=r"validation_list.txt is no file; it must be text"):
        clips.index(tmp_path)


def test_one_speaker_out(tmp_path: Path) -> None:
    for speaker in ("anna", "bert", "cleo"):
        for take in range(40):
            record(tmp_path, f"yes/{speaker}_{take:02}.wav")
    found = clips.index(tmp_path, rule(20, 10, "one-speaker-out", "bert"))
    assert {c.split for c in found if c.speaker == "bert"} == {"testing"}
    others = Counter(c.split for c in found if c.speaker != "bert")
    assert set(others) == {"training", "validation"}
    assert others["validation"] / 80 == pytest.approx(0.2, abs=0.12)
    chosen = clips.index(tmp_path, rule(20, 10, "one-speaker-out"))
    assert len({c.speaker for c in chosen if c.split == "testing"}) == 1


def test_one_speaker_out_needs_speakers(tmp_path: Path) -> None:
    record(tmp_path, "yes/anna_1.wav")
    with pytest.raises(KwsError, match=r'one speaker .*data\.split_by = "take"'):
        clips.index(tmp_path, rule(10, 10, "one-speaker-out"))
    record(tmp_path, "yes/bert_1.wav")
    with pytest.raises(KwsError, match="'ann' speaks in no clip; the speakers are anna, bert"):
        clips.index(tmp_path, rule(10, 10, "one-speaker-out", "ann"))


def test_index_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(KwsError, match="words/yes/anna_01"):
        clips.index(tmp_path / "none")
    (tmp_path / "yes").mkdir()
    with pytest.raises(KwsError, match="no clips"):
        clips.index(tmp_path)
    assert clips.background(tmp_path) == []


def made_up(counts: dict[str, int], split: str = "training") -> list[clips.Clip]:
    return [clips.Clip(Path(f"{w}/{i}.wav"), w, str(i), split) for w, n in counts.items() for i in range(n)]


def test_examples_deal_unknown_words_evenly() -> None:
    listed = made_up({"yes": 30, "no": 30, "common": 500, "rare": 3, "some": 12, "_unknown_": 500})
    listed += made_up({"yes": 7, "common": 7}, "validation")
    chosen = clips.examples(listed, DATA, "training", seed=1)
    words = Counter(e.clip.word if e.clip else None for e in chosen)
    assert (words["yes"], words["no"]) == (30, 30)
    assert words["rare"] == 3
    assert sum(words[w] for w in ("common", "some", "_unknown_", "rare")) == 30
    assert max(words[w] for w in ("common", "some", "_unknown_")) == 9
    assert words[None] == 15
    assert {e.clip.split for e in chosen if e.clip} == {"training"}
    assert all(e.label == {"yes": 2, "no": 3, None: 0}.get(e.clip.word if e.clip else None, 1) for e in chosen)
    assert len({e.clip for e in chosen if e.clip}) == 90


def test_examples_depend_on_the_seed_alone() -> None:
    listed = made_up({"yes": 20, "no": 20, "other": 300})
    same = [clips.examples(listed, DATA, "training", seed) for seed in (1, 1, 2)]
    assert same[0] == same[1]
    assert same[0] != same[2]


def test_examples_use_recorded_silence_first() -> None:
    listed = made_up({"yes": 20, "no": 20, "_silence_": 4})
    quiet = [e for e in clips.examples(listed, DATA, "training", 1) if e.label == 0]
    assert [e.clip is None for e in quiet] == [False] * 4 + [True] * 6


def test_examples_name_a_missing_word() -> None:
    with pytest.raises(KwsError, match="no clips of no"):
        clips.examples(made_up({"yes": 3}), DATA, "training", 1)
    with pytest.raises(KwsError, match="no split 'train'"):
        clips.examples(made_up({"yes": 3, "no": 3}), DATA, "train", 1)


def test_everything() -> None:
    got = clips.everything(made_up({"yes": 1, "no": 1, "cat": 1, "_silence_": 1, "_unknown_": 1}), DATA)
    assert [e.label for e in got] == [2, 3, 1, 0, 1]


def test_load_pads_evenly_and_keeps_the_loudest(tmp_path: Path) -> None:
    long = np.zeros(5000, np.int16)
    long[3000:3100] = 900
    record(tmp_path, "yes/a_1.wav", np.full(1001, 7))
    record(tmp_path, "no/a_1.flac", long)
    listed = clips.index(tmp_path)
    seen: list[tuple[int, int]] = []
    noise = NoiseSource([], DATA.clip_samples, 1)
    chosen = [*clips.everything(listed, DATA), clips.Example(0, None)]
    pcm, labels = clips.load(chosen, DATA, noise, lambda *x: seen.append(x))
    assert pcm.shape == (3, 1600)
    assert pcm.dtype == np.int16
    assert labels.dtype == np.int32
    assert labels.tolist() == [3, 2, 0]
    assert (pcm[0] == 900).sum() == 100
    np.testing.assert_array_equal(np.flatnonzero(pcm[1]), np.arange(299, 1300))
    assert seen[-1] == (3, 3)


@pytest.mark.parametrize("block", [1, 7, 100, 1600, 4999, 9000])
def test_a_long_recording_is_fitted_block_by_block(block: int) -> None:
    rng = np.random.default_rng(block)
    pcm = rng.integers(-900, 900, 5000).astype(np.int16)
    pcm[600:700] = pcm[3600:3700] = 20_000
    blocks = [pcm[i : i + block] for i in range(0, len(pcm), block)]
    energy = [int((pcm[i : i + 1600].astype(np.int64) ** 2).sum()) for i in range(3401)]
    start = int(np.argmax(energy))
    np.testing.assert_array_equal(fitted(blocks, 1600), pcm[start : start + 1600])
    np.testing.assert_array_equal(fitted(blocks, 6000), np.pad(pcm, 500))


def test_the_first_of_equally_loud_windows_is_kept() -> None:
    pcm = np.tile(np.array([0, 9, 0, 0], np.int16), 100)
    for block in (3, 50, 400):
        blocks = [pcm[i : i + block] for i in range(0, len(pcm), block)]
        np.testing.assert_array_equal(fitted(blocks, 8), pcm[:8])


def test_load_names_a_broken_file(tmp_path: Path) -> None:
    path = record(tmp_path, "yes/a_1.wav")
    path.write_bytes(path.read_bytes()[:-101])
    with pytest.raises(KwsError, match=r"a_1\.wav is truncated"):
        clips.load(clips.everything(clips.index(tmp_path), DATA), DATA, NoiseSource([], 1600, 1))


def test_split_by_take(tmp_path: Path) -> None:
    for take in range(200):
        record(tmp_path, f"lights/me_{take:03}.wav")
    for take in range(5):
        record(tmp_path, f"music/me_{take:03}.flac")
    assert len({c.split for c in clips.index(tmp_path, rule(20, 10))}) == 1
    by_take = clips.index(tmp_path, rule(20, 10, "take"))
    shares = Counter(c.split for c in by_take)
    assert shares["validation"] / len(by_take) == pytest.approx(0.2, abs=0.08)
    assert shares["testing"] / len(by_take) == pytest.approx(0.1, abs=0.06)
    assert {c.speaker for c in by_take} == {"me"}
    # The same number is another take of another word, and more takes leave the others where they were.
    splits = {(c.word, c.path.stem): c.split for c in by_take}
    assert any(splits["lights", f"me_{n:03}"] != splits["music", f"me_{n:03}"] for n in range(5))
    record(tmp_path, "lights/me_200.wav")
    again = {(c.word, c.path.stem): c.split for c in clips.index(tmp_path, rule(20, 10, "take"))}
    assert all(again[key] == split for key, split in splits.items())


def test_lists_come_before_takes(tmp_path: Path) -> None:
    for take in range(30):
        record(tmp_path, f"lights/me_{take:02}.wav")
    (tmp_path / "testing_list.txt").write_text("lights/me_03.wav\n")
    found = clips.index(tmp_path, rule(20, 20, "take"))
    assert [c.path.stem for c in found if c.split != "training"] == ["me_03"]


def test_collect_measures_what_people_say(tmp_path: Path) -> None:
    mine, spoken = tmp_path / "mine", tmp_path / "spoken"
    data = dataclasses.replace(DATA, words=("yes", "no"), split_by="take", validation_percent=50)
    for n in range(40):
        record(mine, f"yes/me_{n:02}.wav")
        for word in ("yes", "no", "house"):
            record(spoken, f"{word}/voice_{n:02}.wav")
    plain = clips.collect([mine, spoken], data)
    assert plain == clips.index(mine, rule(50, 10, "take")) + clips.index(spoken, rule(50, 10, "take"))
    (spoken / clips.SYNTHETIC).write_text("{}")
    both = clips.collect([mine, spoken], data)
    judged = {(c.word, c.path.parent.parent.name) for c in both if c.split != "training"}
    # "no" was never recorded, and house is no word to spot: the synthetic ones are all there is.
    assert judged == {("yes", "mine"), ("no", "spoken"), ("house", "spoken")}
    trained = [c for c in both if c.split == "training" and c.word == "yes"]
    assert {c.path.parent.parent.name for c in trained} == {"mine", "spoken"}
    assert clips.collect([spoken], data) == clips.index(spoken, rule(50, 10, "take"))


def test_collect_refuses(tmp_path: Path) -> None:
    record(tmp_path, "yes/a_1.wav")
    with pytest.raises(KwsError, match="given twice"):
        clips.collect([tmp_path, tmp_path / "yes" / ".."], DATA)
    with pytest.raises(KwsError, match="no folder"):
        clips.collect([], DATA)
