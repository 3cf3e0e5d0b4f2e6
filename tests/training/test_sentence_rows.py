"""Sentences as rows of a batch: each whole and somewhere in noise, its tokens beside it, between rows of words."""

from __future__ import annotations

import dataclasses

import numpy as np

from kws.config import AugmentConfig, DataConfig, Experiment, TrainingConfig
from kws.training import rows
from kws.training.batches import Batch
from kws.training.losses.ctc import CtcLoss
from kws.training.sentence_features import SentenceFeatures
from kws.training.sentence_rows import SentenceRows
from kws.training.sequences import Sequences
from kws.training.word_rows import WordRows

BANDS, NOISE = 40, -100


def experiment(**training) -> Experiment:
    settings = {"loss": "ctc", "sentences": 0.5, "words_a_row": 4, "gap_ms": 300, **training}
    return Experiment(
        data=DataConfig(words=("yes", "no"), tokens="characters"),
        augment=AugmentConfig(variants=3, time_masks=0, band_masks=0),
        training=TrainingConfig(**settings),
    )


def made(*lengths: tuple[int, ...]) -> SentenceFeatures:
    """Variants of sentences; the bands of a frame hold the sentence, the variant, and the place in it."""
    flat = [n for variants in lengths for n in variants]
    parts = []
    for sentence, variants in enumerate(lengths):
        for variant, n in enumerate(variants):
            part = np.zeros((n, BANDS), np.int8)
            part[:, 0], part[:, 1], part[:, 2] = sentence, variant, np.arange(n)
            parts.append(part)
    return SentenceFeatures(np.concatenate(parts), np.cumsum([0, *flat]), len(lengths[0]))


def sentence_rows(features, tokens, quiet=None, **training):
    settings = experiment(**training)
    data = dataclasses.replace(settings.data, alphabet=tuple(sorted({t for said in tokens for t in said})))
    noise = np.full((2, 7, BANDS), NOISE, np.int8) if quiet is None else quiet
    return SentenceRows(dataclasses.replace(settings, data=data), features, tokens, noise)


def test_a_row_holds_a_whole_sentence_somewhere_in_noise():
    assert rows.row_frames(experiment()) == 4 * (36 + 15)
    found = sentence_rows(made((20, 30), (50, 60)), ["yes", "noon"])
    assert [found.rows(n) for n in (1, 10, 31)] == [1, 10, 31]
    assert sentence_rows(made((20,)), ["yes"], sentences=0.2).rows(10) == 2
    assert found.longest == 4
    features, tokens = found.draw(np.random.default_rng(1), 400, 70)
    assert features.shape == (400, 70, BANDS)
    assert (features.dtype, tokens.dtype) == (np.int8, np.int32)
    # _silence_, _unknown_, e, n, o, s, y
    wanted = np.array([[6, 2, 5, 0], [3, 4, 4, 3]])
    seen = set()
    for row, said in zip(features, tokens, strict=True):
        there = np.flatnonzero(row[:, 0] != NOISE)
        sentence, variant = row[there[0], :2]
        length = [[20, 30], [50, 60]][sentence][variant]
        np.testing.assert_array_equal(there, there[0] + np.arange(length))
        np.testing.assert_array_equal(row[there, 2], np.arange(length))
        np.testing.assert_array_equal(said, wanted[sentence])
        seen.add((int(sentence), int(variant), int(there[0])))
    assert {s[:2] for s in seen} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    starts = {s[2] for s in seen if s[0] == 0 and s[1] == 0}
    assert {min(starts), max(starts)} == {0, 50}


def test_a_variant_that_does_not_fit_is_never_drawn():
    """As recorded a sentence fits; made faster it may have too few frames for its tokens, made slower too many."""
    frames = rows.row_frames(experiment())
    found = sentence_rows(made((5, 4, 6), (frames, frames + 1, frames - 1)), ["noon", "yes"])
    features, tokens = found.draw(np.random.default_rng(1), 200, frames)
    first = features.reshape(200, -1, BANDS)
    drawn = {tuple(row[row[:, 0] != NOISE][0, :2].tolist()) for row in first}
    assert drawn == {(0, 0), (0, 2), (1, 0), (1, 2)}
    assert len(tokens) == 200


def test_without_noise_the_rest_of_a_row_is_as_the_sentence_begins():
    found = sentence_rows(made((20,)), ["yes"], np.zeros((0, 7, BANDS), np.int8))
    features, _ = found.draw(np.random.default_rng(1), 5, 30)
    assert (np.count_nonzero(features[:, :, 2], axis=1) == 19).all()


def test_of_a_longer_sentence_a_row_holds_a_part():
    features, _ = sentence_rows(made((60,)), ["yes"]).draw(np.random.default_rng(1), 50, 20)
    assert (np.diff(features[:, :, 2], axis=1) == 1).all()
    assert {features[:, 0, 2].min(), features[:, 0, 2].max()} <= set(range(41))
    assert np.ptp(features[:, 0, 2]) > 20


def test_masks_are_drawn():
    settings = dataclasses.replace(experiment(), augment=AugmentConfig(variants=1, time_masks=1, band_masks=0))
    found = SentenceRows(settings, made((60,)), ["yes"], np.full((2, 7, BANDS), NOISE, np.int8))
    features, _ = found.draw(np.random.default_rng(1), 50, 60)
    assert (features[:, :, 2] != np.arange(60)).any(axis=1).mean() > 0.5


def test_sentences_stand_between_clips_and_keep_their_tokens():
    settings = experiment(words_a_row=2)
    frames = 5
    clips = Batch(
        np.arange(2, dtype=np.int8)[:, None, None] * np.ones((2, frames, 3), np.int8),
        np.eye(4, dtype=np.float32)[[2, 3]],
        np.array([[2, 0], [3, 3]], np.int32),
        np.array([3, 4], np.int16),
    )
    loss = CtcLoss(settings, np.zeros(1, np.int32), 4)
    # e, n, o, s, y are symbols 2 to 6.
    tokens = np.array([[3, 4, 4, 3, 3, 4, 4, 3], [6, 0, 0, 0, 0, 0, 0, 0]], np.int32)
    joined = clips.with_sentences(np.full((2, frames, 3), 9, np.int8), tokens, np.array([2, 0, 3, 1]))
    assert joined.features[:, 0, 0].tolist() == [9, 0, 9, 1]
    assert joined.labels.tolist() == [[0, 0], [2, 0], [0, 0], [3, 3]]
    assert joined.ends.tolist() == [frames, 3, frames, 4]
    assert joined.features.dtype == np.int8
    places = np.array([4, 0, 1, 2, 3])
    batch = joined.with_negatives(np.zeros((1, frames, 3), np.int8), np.zeros((1, 4), np.float32), 1, places)
    negative = np.array([True, False, False, False, False])
    sequences = Sequences(batch.features, np.zeros(5, int), negative, np.zeros(5, bool))
    (targets,) = loss.targets(sequences, batch, np.zeros(5, bool))
    assert targets.dtype == np.int32
    assert targets.tolist() == [
        [-1] * 8,
        [3, 4, 4, 3, 3, 4, 4, 3],
        [6, 2, 5, 0, 0, 0, 0, 0],
        [6, 0, 0, 0, 0, 0, 0, 0],
        [3, 4, 3, 4, 0, 0, 0, 0],
    ]


def test_targets_are_as_wide_whatever_sentences_are_drawn():
    settings = experiment(words_a_row=2)
    loss = CtcLoss(settings, np.zeros(1, np.int32), 2)
    batch = Batch(np.zeros((1, 5, 3), np.int8), np.zeros((1, 4)), np.array([[2, 3]]), np.zeros(1, np.int16))
    joined = batch.with_sentences(np.zeros((1, 5, 3), np.int8), np.array([[6, 2]], np.int32), np.arange(2))
    sequences = Sequences(joined.features, np.zeros(2, int), np.zeros(2, bool), np.zeros(2, bool))
    (targets,) = loss.targets(sequences, joined, np.zeros(2, bool))
    assert targets.tolist() == [[6, 2, 5, 3, 4, 0], [6, 2, 0, 0, 0, 0]]


def test_row_frames_are_those_of_joined_words():
    for words in (1, 2, 5):
        settings = experiment(words_a_row=words)
        frames = settings.frontend.frames(settings.data.clip_samples)
        clips = Batch(
            np.zeros((words, frames, 3), np.int8),
            np.zeros((words, 4)),
            np.zeros(words, np.int32),
            np.full(words, 30, np.int16),
        )
        joined = WordRows(settings, np.zeros((1, 9, 3), np.int8)).join(clips, np.random.default_rng(1))
        assert rows.row_frames(settings) == (joined.features.shape[1] if words > 1 else frames)
