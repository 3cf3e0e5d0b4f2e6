"""The CTC loss against the sum over all alignments, taken one by one; and a step of training with it."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import tones

from kws import runs
from kws.config import DataConfig, Experiment, TrainingConfig
from kws.decisions import CtcConfig, CtcLexiconConfig
from kws.errors import KwsError
from kws.evaluation.clip.decision import clip_classes
from kws.model.file import ModelInfo
from kws.training.batches import Batch
from kws.training.losses import named
from kws.training.losses.ctc import CtcLoss
from kws.training.sequences import Sequences
from kws.training.train import TrainOptions, train

tf = pytest.importorskip("tensorflow")

EXPERIMENT = Experiment(data=DataConfig(words=("yes", "no")))
LABELS = len(EXPERIMENT.data.labels)


@pytest.fixture
def loss():
    return named("ctc")(EXPERIMENT, np.zeros(4, np.int32), 4)


def likelihood(logits, label):
    """The probability of all rows of symbols that collapse to ``label`` alone, or to nothing for the blank."""
    p = np.exp(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    total = 0.0
    for row in itertools.product(range(LABELS), repeat=len(logits)):
        said = [s for s, _ in itertools.groupby(row) if s != 0]
        if said == ([label] if label else []):
            total += float(np.prod([p[t, s] for t, s in enumerate(row)]))
    return total


def test_it_is_the_sum_over_all_alignments(loss):
    logits = np.random.default_rng(1).normal(0, 2, (4, 5, LABELS)).astype(np.float32)
    labels = np.array([2, 0, 3, 1], np.int32)
    value, _ = loss(tf.constant(logits), [tf.constant(labels)])
    wanted = [-np.log(likelihood(x.astype(np.float64), y)) / 5 for x, y in zip(logits, labels, strict=True)]
    assert float(value) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_gradients_are_finite_and_point_to_the_word(loss):
    logits = tf.Variable(np.zeros((4, 6, LABELS), np.float32))
    labels = tf.constant([0, 2, 2, 3])
    with tf.GradientTape() as tape:
        value, _ = loss(logits, [labels])
    slope = tape.gradient(value, logits).numpy()
    assert np.isfinite(slope).all()
    assert (slope[0, :, 0] < 0).all(), "more blank where nothing is said"
    assert (slope[1, :, 2] < slope[1, :, 3]).all()


def test_the_share_of_right_transcriptions(loss):
    said = np.zeros((4, 3), int)
    said[0], said[1], said[2], said[3] = (0, 2, 2), (2, 0, 3), (0, 0, 0), (0, 0, 0)
    logits = tf.constant(np.eye(LABELS, dtype=np.float32)[said] * 9)
    _, right = loss(logits, [tf.constant([2, 2, 0, 3])])
    assert float(right) == 0.5
    rows = loss.posteriors(logits).numpy()
    assert rows.argmax(axis=1)[[0, 2, 3]].tolist() == [2, 0, 0]
    assert rows.sum(axis=1) == pytest.approx(1)


def test_other_speech_is_blank_or_unknown(loss):
    logits = np.random.default_rng(2).normal(0, 2, (4, 5, LABELS)).astype(np.float32)
    value, _ = loss(tf.constant(logits), [tf.constant([-1, -1, -1, -1])])
    p = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    assert float(value) == pytest.approx(-np.log(p[:, :, :2].sum(axis=2)).mean(), rel=1e-5)
    said = np.array([[0, 1, 0], [1, 1, 1], [0, 2, 0], [0, 0, 0]])
    _, right = loss(tf.constant(np.eye(LABELS, dtype=np.float32)[said] * 9), [tf.constant([-1] * 4)])
    assert float(right) == 0.75


def test_the_blank_is_silence():
    class Odd:
        class data:
            labels = ("_unknown_", "yes")

    with pytest.raises(KwsError, match="takes the first label for the blank"):
        CtcLoss(Odd, np.zeros(1, np.int32), 1)


SPELLED = Experiment(
    data=DataConfig(words=("ab", "aab", "b"), tokens="characters"), training=TrainingConfig(loss="ctc")
)


def test_words_are_spelled():
    loss = CtcLoss(SPELLED, np.zeros(1, np.int32), 1)
    assert SPELLED.data.symbols == ("_silence_", "_unknown_", "a", "b")
    assert not loss.names_words
    batch = Batch(np.zeros((3, 1, 1), np.int8), np.zeros((3, 5)), np.array([[0, 2], [3, 1], [4, 4]]), np.zeros(3))
    sequences = Sequences(batch.features, np.zeros(3, int), np.array([False, False, True]), np.zeros(3, bool))
    (targets,) = loss.targets(sequences, batch, np.zeros(3, bool))
    assert targets.tolist() == [[2, 3, 0, 0, 0, 0], [2, 2, 3, 1, 0, 0], [-1] * 6]


def test_a_clip_is_the_word_whose_tokens_are_likeliest():
    """In TensorFlow while training and in NumPy of a device's posteriors: the sum over all alignments."""
    loss = CtcLoss(SPELLED, np.zeros(1, np.int32), 1)
    logits = np.random.default_rng(5).normal(0, 1, (6, 5, 4)).astype(np.float32)
    rows = loss.posteriors(tf.constant(logits)).numpy()
    p = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    wanted = np.zeros((6, 5))
    for row in itertools.product(range(4), repeat=5):
        said = tuple(s for s, _ in itertools.groupby(row) if s)
        for place, tokens in enumerate([(), (1,), (2, 3), (2, 2, 3), (3,)]):
            wanted[:, place] += (said == tokens) * np.prod([p[:, t, s] for t, s in enumerate(row)], axis=0)
    assert rows == pytest.approx(wanted / wanted.sum(axis=1, keepdims=True), rel=1e-4)
    decision = CtcLexiconConfig().spelled(SPELLED.data.words, SPELLED.data.spelled)
    info = ModelInfo(SPELLED.data.symbols, SPELLED.frontend, decision)
    assert clip_classes(p, info).tolist() == wanted.argmax(axis=1).tolist()
    assert len(set(wanted.argmax(axis=1).tolist())) > 1


@pytest.mark.slow
def test_a_trained_network_learns_to_transcribe(tmp_path):
    """Tones in a row, one frame each named: greedy decoding of clips it never heard gives one word a clip."""
    data = tones.write(tmp_path / "tones")
    train(tones.experiment(epochs=12), data, tmp_path / "frames")
    settings = tones.experiment(epochs=15, loss="ctc", learning_rate=0.01)
    settings = dataclasses.replace(settings, detector=CtcConfig(0.3))
    history = train(settings, data, tmp_path / "ctc", options=TrainOptions(start=tmp_path / "frames"))
    assert history.best.validation_accuracy > 0.6  # chance is 1/6
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert runs.load_config(tmp_path / "ctc").detector == CtcConfig(0.3)
