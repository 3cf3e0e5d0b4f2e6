"""Words in a row: each whole and in its place, none over another, and noise between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kws.config import Experiment, TrainingConfig
from kws.errors import KwsError
from kws.training.batches import Batch, TrainingSet
from kws.training.stream_trainer import StreamTrainer
from kws.training.word_rows import WordRows

BANDS, FRAMES = 3, 50
NOISE = -100
KEPT, AFTER, GAP = 36, 3, 10
"""Frames of 20 ms: 660 ms of a word and 60 ms after it; the pause after each word is 200 ms."""


def experiment(words: int, **training: object) -> Experiment:
    settings = {"loss": "ctc", "words_a_row": words, "gap_ms": 200, **training}
    return dataclasses.replace(Experiment(), training=TrainingConfig(**settings))


def clips(count: int, ends, frames: int = FRAMES) -> Batch:
    """Clips whose values tell the clip (second band) and the frame (first and third)."""
    features = np.empty((count, frames, BANDS), np.int8)
    features[:] = np.arange(frames)[:, None]
    features[..., 1] = np.arange(count)[:, None]
    targets = np.eye(count, dtype=np.float32)
    return Batch(features, targets, np.arange(10, 10 + count, dtype=np.int32), np.asarray(ends, np.int16))


def noise(frames: int = 7) -> np.ndarray:
    return np.full((2, frames, BANDS), NOISE, np.int8)


def starts_of(row) -> list[int]:
    """Where the words of a row begin: at the change from noise, or from one clip to another."""
    clip = row[:, 1].astype(int)
    return [t for t in range(len(clip)) if clip[t] != NOISE and (t == 0 or clip[t - 1] != clip[t])]


def test_each_word_is_whole_and_in_its_place():
    """Seven clips make two rows of three; the seventh is dropped."""
    ends = [40, 50, 0, 45, 47, 20, 44]
    rows = WordRows(experiment(3), noise())
    assert [rows.rows(n) for n in (2, 3, 7)] == [0, 1, 2]
    batch = clips(7, ends)
    seen = set()
    for seed in range(20):
        joined = rows.join(batch, np.random.default_rng(seed))
        assert joined.features.shape == (2, 3 * (KEPT + GAP), BANDS)
        assert joined.features.dtype == np.int8
        assert joined.labels.tolist() == [[10, 11, 12], [13, 14, 15]]
        assert joined.targets.tolist() == batch.targets[[0, 3]].tolist()
        assert joined.ends.tolist() == [3 * (KEPT + GAP)] * 2
        assert joined.ends.dtype == batch.ends.dtype
        for number, row in enumerate(joined.features):
            starts = starts_of(row)
            assert row[starts, 1].tolist() == [3 * number, 3 * number + 1, 3 * number + 2], "in the order of the labels"
            for start, clip in zip(starts, range(3 * number, 3 * number + 3), strict=True):
                # Up to 60 ms after the word's end, but not beyond the clip, nor from before it.
                last = min(max(ends[clip] + AFTER, KEPT), FRAMES)
                np.testing.assert_array_equal(row[start : start + KEPT], batch.features[clip, last - KEPT : last])
            assert np.count_nonzero(row[:, 1] == NOISE) == 3 * GAP, "no word lies over another"
            seen.add(tuple(starts))
    assert len(seen) > 30, "pauses are drawn"
    gaps = np.array([np.diff([0, *s, 3 * (KEPT + GAP) + KEPT]) - KEPT for s in seen])[:, 1:]
    assert gaps.min() == 0, "some words follow at once"
    assert gaps.max() > 2 * GAP, "others after a while"


def test_a_clip_shorter_than_what_is_kept_is_kept_whole():
    batch = clips(2, [5, 20], frames=20)
    joined = WordRows(experiment(2), noise()).join(batch, np.random.default_rng(1))
    assert joined.features.shape == (1, 2 * (20 + GAP), BANDS)
    for start, clip in zip(starts_of(joined.features[0]), batch.features, strict=True):
        np.testing.assert_array_equal(joined.features[0, start : start + 20], clip)


def test_pauses_without_noise_hold_the_first_clips_first_frame():
    batch = clips(4, [50] * 4)
    batch.features[:, 0] = [[-50, -60, -70], [1, 1, 1], [-51, -61, -71], [2, 2, 2]]
    joined = WordRows(experiment(2), noise()[:0]).join(batch, np.random.default_rng(1))
    for row, first in zip(joined.features, batch.features[::2, 0], strict=True):
        pause = (row == first).all(axis=1)
        assert np.count_nonzero(pause) == 2 * GAP


def test_the_same_draws_are_the_same_rows():
    rows, batch = WordRows(experiment(2), noise()), clips(6, [45] * 6)
    before = batch.features.copy()
    a, b, c = (rows.join(batch, np.random.default_rng(seed)).features for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    np.testing.assert_array_equal(batch.features, before)


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"loss": "frames"}, "for losses that ask for an order of words, not frames"),
        ({"batch_size": 2}, "a batch of 2 clips makes no row of training.words_a_row"),
    ],
)
def test_a_training_that_has_no_rows_is_refused(training, said):
    pytest.importorskip("tf_keras", reason="training needs TensorFlow")
    settings = experiment(3, **training)
    frontend = settings.frontend
    features = np.zeros((4, 1, frontend.frames(settings.data.clip_samples), frontend.bands), np.int8)
    training_set = TrainingSet(features, np.full((4, 1), 40, np.int16), np.zeros(4, np.int32))
    with pytest.raises(KwsError, match=said):
        StreamTrainer(settings, training_set)
