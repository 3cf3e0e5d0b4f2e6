"""A recording of hours in a word's folder: what measures keeps no more of it than a clip."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import soundfile

from kws import shipped
from kws.config import DataConfig
from kws.datasets.fit import fit, read_fitted, read_loudest
from kws.evaluation import learning_curve, sequences
from kws.evaluation.clip import places
from kws.evaluation.stream import audio
from kws.training.start import ModelStart

RATE = 16000
MINUTES = 4
MOST = 30e6
"""Bytes; whoever reads the whole recording and squares its samples takes 100 million."""


@pytest.fixture(scope="module")
def word():
    return np.random.default_rng(1).normal(0, 3000, RATE).astype(np.int16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, word):
    """Ten takes of a word; the last is lost in a long silence."""
    root = tmp_path_factory.mktemp("data")
    (root / "yes").mkdir()
    for take in range(9):
        soundfile.write(root / "yes" / f"anna_{take}.wav", np.roll(word, take), RATE, "PCM_16")
    with soundfile.SoundFile(root / "yes" / "anna_9.wav", "w", RATE, 1, "PCM_16") as file:
        for minute in range(MINUTES):
            silence = np.zeros(60 * RATE, np.int16)
            if minute == MINUTES // 2:
                silence[1000 : 1000 + RATE] = word
            file.write(silence)
    return root


@pytest.fixture(scope="module")
def start():
    return ModelStart.load(shipped.models()["yes-no"])


@pytest.fixture
def little():
    tracemalloc.start()
    yield
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < MOST


def test_clips_of_streams_and_sequences(folder, word, little):
    path = folder / "yes" / "anna_9.wav"
    assert np.array_equal(read_fitted(path, RATE), word)
    assert np.array_equal(audio.word_clip(path, RATE)[0][RATE // 2 :][:100], word[RATE // 2 :][:100])
    clip, begin, end, _ = sequences.word_of(path)
    assert end - begin <= RATE + 640
    assert len(clip) < 2 * RATE


def test_a_short_clip_is_read_as_it_is(folder, word):
    path = folder / "yes" / "anna_0.wav"
    assert np.array_equal(read_loudest(path, 2 * RATE), word)
    assert np.array_equal(read_fitted(path, 2 * RATE), fit(word, 2 * RATE))


def test_what_takes_would_bring(folder, start, little, monkeypatch):
    heard = []

    def last_states(network, frontend, pcm):
        heard.extend(pcm)
        return np.random.default_rng(len(pcm)).normal(size=(len(pcm), 4)).astype(np.float32)

    monkeypatch.setattr(learning_curve, "last_states", last_states)
    monkeypatch.setattr(learning_curve, "_sentences", lambda *_: np.zeros((9, RATE), np.int16))
    learning_curve.learning_curve(folder, DataConfig(words=("yes",)), start.frontend, start.network)
    assert heard[9].shape == (RATE,)


def test_places(folder, start, little, monkeypatch):
    monkeypatch.setattr(places.runs, "load_network", lambda _: start.network)
    told = places.places(shipped.models()["yes-no"], folder)
    assert [place.clip for place in told if place.clip.endswith("_9.wav")] == ["yes/anna_9.wav"]


def test_noise_of_hours(folder, monkeypatch):
    monkeypatch.setattr(audio, "_NOISE_SECONDS", 60)
    noise, _ = audio._noise(folder / "yes" / "anna_9.wav", 0)
    assert len(noise) == 59 * RATE
