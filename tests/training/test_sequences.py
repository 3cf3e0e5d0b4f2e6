"""Joining clips to streams: what is where, and what the network should say after each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from kws.config import DataConfig, Experiment, LogMelConfig
from kws.training.batches import Batch
from kws.training.losses.frames import EARLY_MS, FORGOTTEN_MS, NAMED_MS, FramesLoss, FrameTargets
from kws.training.sequences import SequenceMaker, Sequences

FRAMES, BANDS, GAP = 100, 3, 20
SILENCE, UNKNOWN, YES, NO = range(4)
NOISE = np.full((5, FRAMES, BANDS), -7, np.int8)
EARLY, NAMED, FORGOTTEN = 2, 25, 45


def clips(*values: int) -> np.ndarray:
    return np.stack([np.full((FRAMES, BANDS), v, np.int8) for v in values])


def targets(labels):
    return np.eye(4, dtype=np.float32)[labels]


@dataclass
class Streams:
    """Some streams: what is joined to them, and what to say of that."""

    maker: SequenceMaker
    loss: FramesLoss


@dataclass
class Joined:
    """A sequence of each stream, with the targets."""

    sequences: Sequences
    wanted: FrameTargets

    @property
    def features(self):
        return self.sequences.features

    @property
    def targets(self):
        return self.wanted.posteriors

    def __getattr__(self, name):
        return getattr(self.wanted, name)


def join(streams, labels, ends, carry, seed=0):
    labels = np.array(labels)
    x = clips(*(10 * (label + 1) for label in labels))
    rng = np.random.default_rng(seed)
    batch = Batch(x, targets(labels), labels, np.array(ends))
    sequences = streams.maker.make(x, rng)
    return Joined(sequences, streams.loss.frame_targets(sequences, batch, np.array(carry)))


def make(n: int, noise: np.ndarray = NOISE, hop_ms: float = 20.0) -> Streams:
    experiment = Experiment(data=DataConfig(words=("yes", "no")), frontend=LogMelConfig(hop_ms=hop_ms))
    return Streams(SequenceMaker(GAP, noise), FramesLoss(experiment, np.array([YES, NO], np.int32), n))


def begins(stretch, row: int, value: int) -> int:
    """The frame at which a clip of one value begins; it lies there whole, noise around it."""
    (places,) = np.nonzero(stretch.features[row, :, 0] == value)
    assert len(places) == FRAMES
    assert np.all(np.diff(places) == 1)
    assert np.sum(stretch.features[row, :, 0] == -7) == GAP
    return int(places[0])


def test_a_word_is_named_from_its_end_on_and_then_forgotten():
    got = join(make(2), [YES, NO], [30, 40], [False, False])
    assert got.features.shape == (2, FRAMES + GAP, BANDS)
    for row, label, end in ((0, YES, 30), (1, NO, 40)):
        start = begins(got, row, 10 * (label + 1))
        at = start + end
        said = slice(at - EARLY, at + NAMED)
        np.testing.assert_array_equal(got.targets[row, said].argmax(axis=1), label)
        assert np.all(got.weights[row, said] == 1)
        assert not got.weights[row, start : at - EARLY].any()
        assert not got.weights[row, at + NAMED : at + FORGOTTEN].any()
        quiet = slice(at + FORGOTTEN, None)
        np.testing.assert_array_equal(got.targets[row, quiet].argmax(axis=1), SILENCE)
        assert np.all(got.weights[row, quiet] > 0)
        # Before the word: noise.
        assert np.all(got.targets[row, :start].argmax(axis=1) == SILENCE)
        assert np.all(got.weights[row, :start] > 0)


def test_while_a_word_is_said_no_other_may_be_named():
    got = join(make(2), [YES, UNKNOWN], [30, 30], [False, False])
    np.testing.assert_array_equal(got.allowed, [[1, 1, 1, 0], [1, 1, 0, 0]])
    start = begins(got, 0, 10 * (YES + 1))
    assert np.all(got.saying[0, start : start + 30 - EARLY] > 0)
    assert not got.saying[0, :start].any()
    assert not got.saying[0, start + 30 - EARLY :].any()


@pytest.mark.parametrize("seed", range(5))
def test_a_word_at_the_end_of_a_stretch_is_named_in_the_next(seed):
    streams = make(1)
    first = join(streams, [YES], [FRAMES], [False], seed)
    over = FRAMES + GAP - (begins(first, 0, 30) + FRAMES)
    got = join(streams, [SILENCE], [0], [True], seed + 100)
    rest = NAMED - over
    np.testing.assert_array_equal(got.targets[0, :rest].argmax(axis=1), YES)
    assert np.all(got.weights[0, :rest] == 1)
    assert not got.weights[0, rest : FORGOTTEN - over].any()
    assert np.all(got.targets[0, FORGOTTEN - over :].argmax(axis=1) == SILENCE)
    assert np.all(got.weights[0, FORGOTTEN - over :] > 0)


def test_a_stream_that_begins_anew_knows_no_word_before():
    for again in ("carry", "reset"):
        streams = make(1)
        join(streams, [YES], [FRAMES], [False])
        if again == "reset":
            streams.loss.reset()
        got = join(streams, [SILENCE], [0], [again == "reset"])
        assert np.all(got.targets[0].argmax(axis=1) == SILENCE)
        assert np.all(got.weights[0] > 0)


def test_without_clips_of_noise_clips_follow_each_other_at_once():
    streams = make(1, np.zeros((0, FRAMES, BANDS), np.int8))
    assert join(streams, [YES], [50], [False]).features.shape == (1, FRAMES, BANDS)


def test_clips_come_at_random_distances():
    starts = {begins(join(make(1), [YES], [50], [False], seed), 0, 30) for seed in range(40)}
    assert min(starts) < 4
    assert max(starts) > GAP - 4


@pytest.mark.parametrize("hop_ms", [10.0, 20.0])
def test_how_long_a_word_is_named_is_a_matter_of_time(hop_ms):
    """With frames half as far apart, twice as many name the word."""
    got = join(make(1, hop_ms=hop_ms), [YES], [30], [False])
    at = begins(got, 0, 10 * (YES + 1)) + 30
    early, named, forgotten = (round(ms / hop_ms) for ms in (EARLY_MS, NAMED_MS, FORGOTTEN_MS))
    assert [20 * frames for frames in (EARLY, NAMED, FORGOTTEN)] == [EARLY_MS, NAMED_MS, FORGOTTEN_MS]
    said = np.flatnonzero(got.weights[0] == 1)
    np.testing.assert_array_equal(said, np.arange(at - early, min(at + named, FRAMES + GAP)))
    assert not got.weights[0, at + named : at + forgotten].any()


def test_clips_that_begin_at_once_have_no_noise_before_them():
    x = clips(20, 30, 40)
    made = SequenceMaker(GAP, NOISE).make(x, np.random.default_rng(3), np.array([True, False, True]))
    assert made.starts[0] == made.starts[2] == 0 < made.starts[1]
    np.testing.assert_array_equal(made.features[[0, 2], :FRAMES], x[[0, 2]])
    assert np.all(made.features[[0, 2], FRAMES:] == -7)
