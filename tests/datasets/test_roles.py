"""Folders of other speech, noise and rooms: what is listed, in which split, and what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from kws import audio
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import roles, transcripts
from kws.datasets.splits import TRAINING, VALIDATION
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError

DATA = DataConfig(words=("yes", "no"))


def _write(path: Path, seconds: float, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    audio.write(path, rng.integers(-3000, 3000, round(seconds * SAMPLE_RATE)).astype(np.int16))


def test_splits_are_the_folders_at_the_top(tmp_path: Path) -> None:
    for name in ("train/radio/a.wav", "train/talk_b.flac", "validation/talk_c.wav", "validation/.hidden/d.wav"):
        _write(tmp_path / name, 0.1)
    found = roles.noise(tmp_path, DATA)
    assert [(r.name, r.split, r.source) for r in found] == [
        ("train/radio/a.wav", TRAINING, "radio"),
        ("train/talk_b.flac", TRAINING, "talk"),
        ("validation/talk_c.wav", VALIDATION, "talk"),
    ]


def test_without_such_folders_speakers_are_split_by_hash(tmp_path: Path) -> None:
    for i in range(60):
        for take in range(2):
            _write(tmp_path / f"speaker{i}_nohash_{take}.wav", 0.05)
    found = roles.speech(tmp_path, DATA)
    by_speaker = {r.path.name.partition("_")[0]: set[str]() for r in found}
    for r in found:
        by_speaker[r.path.name.partition("_")[0]].add(r.split)
    assert all(len(splits) == 1 for splits in by_speaker.values())
    assert {r.split for r in found} == {TRAINING, VALIDATION, "testing"}


def test_what_says_a_word_is_left_out_and_what_nobody_wrote_down_is_doubtful(tmp_path: Path) -> None:
    _write(tmp_path / "train/a.wav", 5)
    rows = [
        Stretch("train/a.wav", 0, 1, "a quiet morning"),
        Stretch("train/a.wav", 1, 2, "he said no and went"),
        Stretch("train/a.wav", 2, 3, "request 17", ("?",)),
        Stretch("train/a.wav", 3, 4, "request 18", ("?",)),
        Stretch("train/a.wav", 4, 5, "mumbled", ("yes",)),
    ]
    transcripts.write(tmp_path, rows)
    (tmp_path / roles.HINTS).write_text("file\tstart_s\tautomatic_text\ntrain/a.wav\t3.00\toh yes please\n", "utf-8")
    (found,) = roles.speech(tmp_path, DATA)
    assert found.said == ((1, 2), (3, 4), (4, 5))
    assert found.doubtful == ((2, 3),)
    second = SAMPLE_RATE
    assert roles.usable(found, 5 * second) == [(0, second), (2 * second, 3 * second)]
    assert roles.usable(found, 5 * second, doubtful=False) == [(0, second)]


def test_takes_of_a_word_say_it_from_beginning_to_end(tmp_path: Path) -> None:
    for name in ("yes/a.wav", "Yes/b.wav", "bed/a.wav", "yes/c.wav", "yes.wav"):
        _write(tmp_path / name, 1)
    transcripts.write(tmp_path, [Stretch("yes/c.wav", 0, 1, "a quiet morning")])
    found = {r.name: roles.usable(r, SAMPLE_RATE) for r in roles.speech(tmp_path, DATA)}
    whole = [(0, SAMPLE_RATE)]
    assert found == {"yes/a.wav": [], "Yes/b.wav": [], "bed/a.wav": whole, "yes/c.wav": whole, "yes.wav": whole}


@pytest.mark.parametrize("block", [999, 16_000, 1 << 20])
def test_parts_are_what_is_usable_whatever_the_block(tmp_path: Path, block: int) -> None:
    _write(tmp_path / "a.wav", 4, seed=1)
    transcripts.write(tmp_path, [Stretch("a.wav", 0.5, 1.25, "yes"), Stretch("a.wav", 3, 3.5, "no no")])
    (found,) = roles.speech(tmp_path, DATA)
    pcm = audio.read(tmp_path / "a.wav")
    expected = np.concatenate([pcm[a:b] for a, b in roles.usable(found, len(pcm))])
    parts = list(roles.parts(found, block))
    assert max(map(len, parts)) <= block
    np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_synthetic_voices_are_for_training_alone(tmp_path: Path) -> None:
    for i in range(40):
        _write(tmp_path / f"v{i}.wav", 0.05)
    transcripts.write(tmp_path, [Stretch(f"v{i}.wav", 0, 0.05, "hello", (), f"voice {i}") for i in range(40)])
    assert {r.split for r in roles.speech(tmp_path, DATA)} == {TRAINING}


def test_impulse_responses_begin_with_the_direct_sound(tmp_path: Path) -> None:
    response = np.zeros(8000, np.int16)
    response[4000], response[4400] = 16_000, -12_000
    audio.write(tmp_path / "hall.wav", response)
    (found,) = roles.impulse_responses(roles.rooms(tmp_path, DATA))
    np.testing.assert_allclose([found[16], found[416]], [0.8, -0.6], rtol=1e-6)
    assert np.count_nonzero(found) == 2


def test_errors_name_the_folder(tmp_path: Path) -> None:
    with pytest.raises(KwsError, match="there is no folder"):
        roles.speech(tmp_path / "nowhere", DATA)
    with pytest.raises(KwsError, match="no recordings in"):
        roles.noise(tmp_path, DATA)
    _write(tmp_path / "a.wav", 0.1)
    with pytest.raises(KwsError, match="twice"):
        roles.everything(roles.Folders((tmp_path,), (tmp_path / "." / "",)), DATA)
    _write(tmp_path / "inner" / "b.wav", 0.1)
    with pytest.raises(KwsError, match=r"inner lies in .* would be heard twice"):
        roles.everything(roles.Folders((tmp_path,), rooms=(tmp_path / "inner",)), DATA)
    audio.write(tmp_path / "a.wav", np.zeros(100, np.int16))
    with pytest.raises(KwsError, match=r"a\.wav is silent"):
        roles.impulse_responses(roles.rooms(tmp_path, DATA))
    (tmp_path / transcripts.NAME).write_text(transcripts.text_of([]), "utf-8")
    (tmp_path / roles.HINTS).write_text("file\tstart_s\na.wav\t1\n", "utf-8")
    with pytest.raises(KwsError, match="automatic_text"):
        roles.speech(tmp_path, DATA)


@pytest.mark.parametrize("name", [transcripts.NAME, roles.HINTS])
def test_a_table_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    """Reading a pipe would wait for whoever writes into it, maybe for ever."""
    _write(tmp_path / "a.wav", 0.1)
    (tmp_path / transcripts.NAME).write_text(transcripts.text_of([]), "utf-8")
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(KwsError, match=f"{name} is no file; it must be tab-separated"):
        roles.speech(tmp_path, DATA)
