"""Recordings of a project: imported, shown, relabelled, deleted and brought back."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kws import audio
from kws.errors import KwsError
from kws.frontends import LogMelConfig
from kws.studio import clips
from kws.studio.jobs import HIDDEN
from kws.studio.safe import Refused

RATE = 16000
A, B = "recordings/yes/anna_01.wav", "recordings/yes/anna_02.wav"


@pytest.fixture
def root(tmp_path):
    for path, value in ((A, 1000), (B, 2000)):
        audio.write(tmp_path / path, np.full(RATE, value, np.int16))
    return tmp_path


def test_deleted_and_brought_back(root):
    first = (root / A).read_bytes()
    token = clips.delete(root, [root / A, root / B])
    assert clips.words(root) == {"recordings": {}}
    # Meanwhile somebody records a take of that number.
    audio.write(root / A, np.full(RATE, 3000, np.int16))
    assert sorted(clips.undo(root, token)) == ["recordings/yes/anna_02.wav", "recordings/yes/anna_03.wav"]
    contents = {p.read_bytes() for p in (root / "recordings" / "yes").iterdir()}
    assert first in contents
    assert len(contents) == 3
    with pytest.raises(Refused, match="cannot be undone"):
        clips.undo(root, token)


def test_relabelled_after_those_that_are_there(root):
    audio.write(root / "recordings/no/anna_04.wav", np.full(RATE, 5, np.int16))
    paths, _ = clips.move(root, [root / A, root / B, root / "recordings/no/anna_04.wav"], "no")
    assert paths == ["recordings/no/anna_05.wav", "recordings/no/anna_06.wav"]
    assert clips.words(root) == {"recordings": {"no": 3}}
    assert clips.speakers(root) == ["anna"]
    with pytest.raises(Refused, match="already: no"):
        clips.move(root, [root / paths[0]], "no")


def test_relabelled_and_taken_back(root):
    before = {path: (root / path).read_bytes() for path in (A, B)}
    paths, name = clips.move(root, [root / A, root / B], "no")
    assert {path: (root / path).exists() for path in (A, B)} == {A: False, B: False}
    # The first is deleted meanwhile, and a take of its new name recorded: that one stays where it is.
    clips.delete(root, [root / paths[0]])
    audio.write(root / paths[0], np.full(RATE, 3000, np.int16))
    assert clips.undo(root, name) == [B]
    assert (root / B).read_bytes() == before[B]
    assert clips.words(root) == {"recordings": {"no": 1, "yes": 1}}
    with pytest.raises(Refused, match="cannot be undone"):
        clips.undo(root, name)


def test_a_damaged_record_of_what_was_done_is_refused(root):
    _, name = clips.move(root, [root / A], "no")
    (root / HIDDEN / clips.TRASH / name / "files.json").write_text("[[1, 2]]")
    with pytest.raises(Refused, match="cannot be undone"):
        clips.undo(root, name)
    assert clips.words(root) == {"recordings": {"no": 1, "yes": 1}}


def test_takes_at_once_get_numbers_of_their_own(root):
    """Two tabs record the same word by the same speaker."""
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda i: clips.keep(root, "no", "anna", np.full(RATE, i, np.int16)), range(40)))
    assert len(set(kept)) == 40
    assert {int(audio.read(root / path)[0]) for path in kept} == set(range(40))


def test_listed_with_what_is_wrong(root):
    (root / "recordings/yes/bob_01.wav").write_bytes(b"no sound")
    os.mkfifo(root / "recordings/yes/pipe.wav")
    found = clips.listing(root, "recordings", "yes")
    assert [(c["path"], c["speaker"], c["seconds"]) for c in found[:2]] == [(A, "anna", 1.0), (B, "anna", 1.0)]
    assert found[2]["seconds"] is None
    assert found[2]["fault"]
    assert len(found) == 3
    with pytest.raises(Refused):
        clips.picture(root / "recordings/yes/bob_01.wav")


def test_a_picture_is_what_the_front_end_makes(root):
    found = clips.picture(root / A)
    expected = LogMelConfig().twin().process(audio.read(root / A)[None])[0]
    np.testing.assert_array_equal(found["features"], expected)
    assert found["peak"] == pytest.approx(1000 / 32768, abs=1e-4)


def test_a_short_import_is_a_take_and_a_long_one_is_cut(root):
    short = np.full(RATE, 7, np.int16)
    assert clips.take_in(root, "yes", "anna", short) == {"paths": ["recordings/yes/anna_03.wav"], "refused": []}
    assert len(clips.take_in(root, "_background_noise_", "room", np.full(5 * RATE, 7, np.int16))["paths"]) == 1
    rng = np.random.default_rng(1)
    long = rng.normal(0, 20, 5 * RATE)
    for start in (RATE, 3 * RATE):
        long[start : start + 6000] += 8000 * np.sin(np.arange(6000) * 0.3) * np.hanning(6000)
    found = clips.take_in(root, "no", "bob", audio.to_int16(long))
    assert found == {"paths": ["recordings/no/bob_01.wav", "recordings/no/bob_02.wav"], "refused": []}
    with pytest.raises(Refused, match="no word was found"):
        clips.take_in(root, "no", "bob", np.zeros(5 * RATE, np.int16))


def test_a_recording_that_is_too_long_is_refused(root, monkeypatch):
    monkeypatch.setattr(clips, "LONGEST_SECONDS", 0.5)
    with pytest.raises(Refused) as refused:
        clips.read(root / A)
    assert refused.value.status == 413


def test_a_full_disk_is_said_and_loses_nothing(root, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(type(root), "rename", full)
        with pytest.raises(KwsError, match="No space left"):
            clips.move(root, [root / A], "no")
    assert (root / A).exists()
