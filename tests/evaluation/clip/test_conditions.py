"""Noise, gain and streams of clips; the decision and the carried state."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import spotting_model

from kws.config import LogMelConfig
from kws.datasets.augment import active_rms
from kws.engines.base import Engine
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.evaluation.clip.conditions import CLEAN, SEQUENCE_CLIPS, SNRS, Condition, apply, clip_sequences
from kws.evaluation.clip.decision import clip_labels

RNG = np.random.default_rng(4)


def tone(level, samples=16000):
    """Half a second of a tone in a second of silence, int16 [1, samples]."""
    n = np.arange(samples)
    return np.round(level * np.sin(0.3 * n) * (n > samples // 2)).astype(np.int16)[None]


@pytest.mark.parametrize("condition", SNRS)
def test_ratio_is_what_it_says(condition):
    pcm, noise = tone(5000), RNG.normal(0, 300, (1, 16000)).astype(np.float32)
    heard = apply(condition, pcm, np.array([True]), noise)
    added = heard.astype(float) - pcm
    ratio = 20 * np.log10(active_rms(pcm.astype(np.float32))[0] / np.sqrt(np.mean(added**2)))
    assert ratio == pytest.approx(condition.db, abs=0.1)


def test_a_sum_that_is_too_loud_is_made_softer_and_not_clipped():
    pcm, noise = tone(32000), RNG.normal(0, 300, (1, 16000)).astype(np.float32)
    heard = apply(Condition("snr", 0.0), pcm, np.array([True]), noise)
    assert np.abs(heard.astype(int)).max() == 32767
    assert np.sum(np.abs(heard.astype(int)) == 32767) == 1


def test_silence_gets_no_noise():
    pcm = tone(20)
    assert np.array_equal(apply(Condition("snr", 0.0), pcm, np.array([False]), np.ones((1, 16000), np.float32)), pcm)


def test_gain():
    pcm = np.array([[-32768, -1000, -1, 0, 1, 16000]], np.int16)
    nothing = np.zeros((0, 0), np.float32)
    assert apply(Condition("gain", -20.0), pcm, np.array([True]), nothing).tolist() == [[-3277, -100, 0, 0, 0, 1600]]
    loud = apply(Condition("gain", 20 * np.log10(4)), pcm, np.array([True]), nothing)
    assert loud.tolist() == [[-32768, -4000, -4, 0, 4, 32767]]
    assert apply(CLEAN, pcm, np.array([True]), nothing) is pcm
    assert np.array_equal(apply(Condition("gain", 0.0), pcm, np.array([True]), nothing), pcm)


@pytest.mark.parametrize("clips", [1, 2, 99, 100, 101, 257, 1000])
def test_each_clip_is_scored_once_and_follows_another(clips):
    sequences = clip_sequences(clips, 1)
    assert sorted(sequences.clips[sequences.scored]) == list(range(clips))
    assert not sequences.scored[:, 0].any()
    assert sequences.clips.shape[1] <= SEQUENCE_CLIPS + 1
    assert np.array_equal(sequences.clips, clip_sequences(clips, 1).clips)
    assert clips < 20 or not np.array_equal(sequences.clips, clip_sequences(clips, 2).clips)


LABELS = ("_silence_", "_unknown_", "yes")
FRONTEND = LogMelConfig()


def test_decision_is_the_last_frames():
    rows = np.full((2, 5, 3), -128, np.int8)
    rows[0, :4, 2] = 127
    rows[0, 4, 1] = 1
    rows[1, 4] = 50  # a tie
    assert clip_labels(rows, LABELS, FRONTEND).tolist() == [1, 0]
    assert clip_labels((rows.astype(np.float32) + 128) / 256, LABELS, FRONTEND).tolist() == [1, 0]
    assert clip_labels(rows, LABELS, FRONTEND).dtype == np.int64
    with pytest.raises(KwsError, match="shorter than one frame"):
        clip_labels(rows[:, :0], LABELS, FRONTEND)


@pytest.mark.parametrize(
    ("begin", "end", "last", "label"),
    [
        (15, 40, 0, 2),  # said early and forgotten since
        (15, 40, 1, 1),  # but what is named in the end counts
        (15, 20, 0, 0),  # too short to be sure of
        (0, 12, 0, 0),  # the clip before, in a stream
    ],
)
@pytest.mark.parametrize("kind", [np.int8, np.float32])
def test_a_word_said_early_is_not_lost(begin, end, last, label, kind):
    posteriors = np.zeros((1, 49, 3), np.float32)
    posteriors[:, :, 0] = 0.9
    posteriors[:, begin:end] = [0.02, 0.02, 0.95]
    posteriors[:, -1] = 0
    posteriors[:, -1, last] = 0.9
    rows = posteriors if kind is np.float32 else (posteriors * 256 - 128).astype(np.int8)
    assert clip_labels(rows, LABELS, FRONTEND).tolist() == [label]
    assert clip_labels(rows, ("_unknown_", "no", "yes"), FRONTEND).tolist() == [last], (
        "where there is no silence to hear"
    )
    half = LogMelConfig(hop_ms=FRONTEND.hop_ms / 2)
    assert clip_labels(rows.repeat(2, axis=1), LABELS, half).tolist() == [label], "the rule is one of milliseconds"


@pytest.mark.parametrize("kind", [NumpyEngine, CEngine])
@pytest.mark.parametrize("samples", [8000, 8111])
def test_streams_are_one_recording(kind, samples):
    """What a clip gives in a stream are frames of the whole recording, in every engine alike."""
    model = spotting_model(7, units=(16,))
    streams = RNG.normal(0, 3000, (2, 4, samples)).astype(np.int16)
    own = model.info.frontend.frames(samples)
    with kind(model) as engine:
        got = engine.classify_streams(streams)
        assert got.shape == (2, 4, own, 6)
        for stream, rows in zip(streams, got, strict=True):
            engine.reset()
            whole = engine.process(stream.reshape(-1)).posteriors
            for clip, row in enumerate(rows):
                end = model.info.frontend.frames((clip + 1) * samples)
                assert np.array_equal(row, whole[end - own : end])
        assert np.array_equal(engine.classify(streams[:, 0]), got[:, 0])


def test_only_the_state_differs_where_the_hop_divides_the_clip():
    model = spotting_model(7, units=(16,), frontend=LogMelConfig())
    clips = RNG.normal(0, 3000, (3, 16000)).astype(np.int16)
    frames = model.info.frontend.twin()
    heard = [frames.process(clip[None])[0] for clip in clips]
    for clip, features in zip(clips, heard, strict=True):
        fresh = model.info.frontend.twin().process(clip[None])[0]
        assert np.array_equal(features[-len(fresh) :], fresh)


def test_interpreters_take_the_common_way(tiny_model):
    """An engine with nothing of its own gives what the harness gives."""

    class Plain(NumpyEngine):
        classify_streams = Engine.classify_streams

    streams = RNG.normal(0, 3000, (2, 3, 8000)).astype(np.int16)
    expected = NumpyEngine(tiny_model).classify_streams(streams)
    assert np.array_equal(Plain(tiny_model).classify_streams(streams), expected)
