"""Training with negatives: what is cut, what is asked for, and that fewer of them are heard as words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import soundfile
import tones

from kws import config, runs
from kws.cli.verbs import train as train_verb
from kws.config import DataConfig, Experiment
from kws.datasets import roles
from kws.errors import KwsError
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.quantize.convert import convert
from kws.training import negative_features, sources
from kws.training.batches import Batch, Batches, TrainingSet
from kws.training.cuts import REVERSED_WORDS, Negatives, Source
from kws.training.listening import Listening
from kws.training.losses.frames import FORGOTTEN_MS, FramesLoss
from kws.training.negative_features import NegativeFeatures
from kws.training.sequences import SequenceMaker, Sequences
from kws.training.train import TrainOptions, train

SILENCE, UNKNOWN, YES, NO = range(4)
TWO_WORDS = Experiment(data=DataConfig(words=("yes", "no")))


def sentence(rng, seconds):
    """What is no word: pairs of the words' tones, each too short."""
    t = np.arange(SAMPLE_RATE // 8) / SAMPLE_RATE
    bursts = [np.sin(2 * np.pi * rng.uniform(350, 3000) * t) * np.hanning(len(t)) for _ in range(8 * seconds)]
    return 0.2 * np.concatenate(bursts)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "tones", 16)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    root = tmp_path_factory.mktemp("others")
    rng = np.random.default_rng(1)
    for split, seconds in (("train", 40), ("validation", 20)):
        for role in ("speech", "noise"):
            (root / role / split).mkdir(parents=True, exist_ok=True)
            x = sentence(rng, seconds) if role == "speech" else 0.05 * rng.standard_normal(seconds * SAMPLE_RATE)
            soundfile.write(root / role / split / "one_a.wav", x, SAMPLE_RATE, "PCM_16")
    (root / "rooms").mkdir()
    echo = np.zeros(4000)
    echo[[30, 900, 2500]] = 0.8, 0.3, 0.1
    soundfile.write(root / "rooms" / "hall.wav", echo, SAMPLE_RATE, "PCM_16")
    return roles.Folders((root / "speech",), (root / "noise",), (root / "rooms",))


def made(*lengths: int) -> NegativeFeatures:
    """Segments of these lengths, each frame of which holds its segment's number."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    features = np.repeat(rows[:, None], 40, axis=1).astype(np.int8)
    return NegativeFeatures(features, np.cumsum([0, *lengths]), np.arange(len(lengths)), 1.0)


def test_cuts_never_go_across_segments_and_take_every_place():
    source = Source([made(30, 5, 12), made(10)])
    cuts = source.cut(np.random.default_rng(0), 2000, 10)
    assert np.all(cuts == cuts[:, :1, :1])
    # 21 places in the first segment, none in the second, 3 in the third and one in the last recording.
    found = np.bincount(cuts[:, 0, 0], minlength=3) / len(cuts)
    np.testing.assert_allclose(found, [22 / 25, 0, 3 / 25], atol=0.03)


def test_a_segment_that_is_too_short_is_repeated_where_there_is_no_other():
    assert Source([made(4)]).cut(np.random.default_rng(0), 3, 10).shape == (3, 10, 40)


def test_words_are_played_backwards_but_not_those_that_become_words():
    settings = dataclasses.replace(
        TWO_WORDS,
        augment=config.AugmentConfig(time_masks=0, band_masks=0),
        negatives=config.NegativesConfig(speech=0, noise=0, reversed_speech=0, tones=0),
    )
    clips = np.broadcast_to(np.arange(20, dtype=np.int8)[:, None], (4, 1, 20, 40)).copy()
    labels = np.array([SILENCE, UNKNOWN, YES, NO], np.int32)
    clips += (labels * 30).astype(np.int8)[:, None, None, None]
    negatives = Negatives.make(settings, [("speech", made(50))], clips, labels)
    cuts, saying = negatives.draw(np.random.default_rng(0), 50, 20)
    assert saying.all()
    np.testing.assert_array_equal(cuts, np.broadcast_to((60 + np.arange(20))[::-1, None], cuts.shape))
    longer, _ = negatives.draw(np.random.default_rng(0), 50, 30)
    assert all(np.sum(row[:, 0] >= 60) == 20 for row in longer)
    assert getattr(settings.negatives, REVERSED_WORDS) > 0


@pytest.mark.parametrize("kind", ["reversed_words", "reversed_speech"])
def test_what_is_played_backwards_has_its_rows_in_reverse_also_within_frames(kind):
    others = dict.fromkeys(("speech", "noise", "tones", "reversed_words", "reversed_speech"), 0.0)
    settings = dataclasses.replace(
        TWO_WORDS,
        frontend=config.LogMelConfig(rows=2),
        augment=config.AugmentConfig(time_masks=0, band_masks=0),
        negatives=config.NegativesConfig(**{**others, kind: 1.0}),
    )
    rng = np.random.default_rng(0)
    sound = rng.integers(-128, 127, (40, 40), np.int8)
    frames = sound.reshape(20, 80)
    clips = np.broadcast_to(frames, (4, 1, 20, 80)).copy()
    speech = NegativeFeatures(frames, np.array([0, 20]), np.array([0]), 1.0)
    negatives = Negatives.make(settings, [("speech", speech)], clips, np.array([SILENCE, UNKNOWN, YES, NO], np.int32))
    cuts, _ = negatives.draw(rng, 3, 20)
    np.testing.assert_array_equal(cuts, np.broadcast_to(sound[::-1].reshape(20, 80), cuts.shape))


@pytest.mark.parametrize("levels", [(), (12.0, 12.0)])
def test_speech_around_a_word_goes_on_under_it_where_a_level_is_given(levels):
    settings = dataclasses.replace(TWO_WORDS, negatives=config.NegativesConfig(around=1.0, around_db=levels))
    noise = np.full((1, 20, 40), -100, np.int8)
    speech = NegativeFeatures(np.full((90, 40), 10, np.int8), np.array([0, 90]), np.array([0]), 1.0)
    negatives = Negatives(settings, {"speech": Source([speech])}, np.zeros((0, 1, 20, 40), np.int8))
    clip = np.full((1, 20, 40), 40, np.int8)
    clip[0, 10:] = -60
    made = SequenceMaker(8, noise, negatives).make(clip, np.random.default_rng(0))
    start, row = int(made.starts[0]), made.features[0, :, 0]
    assert made.around.all()
    # The word is at 40; 12 dB are 20 steps of a fifth of an octave of power below it, but never is speech made louder.
    level, under = (10, 10) if levels else (10, -60)
    np.testing.assert_array_equal(row[:start], level)
    np.testing.assert_array_equal(row[start : start + 10], 40)
    np.testing.assert_array_equal(row[start + 10 : start + 20], under)
    np.testing.assert_array_equal(row[start + 20 :], level)


def test_speech_louder_than_the_word_is_made_softer():
    settings = dataclasses.replace(TWO_WORDS, negatives=config.NegativesConfig(around=1.0, around_db=(12.0, 12.0)))
    speech = NegativeFeatures(np.full((90, 40), 60, np.int8), np.array([0, 90]), np.array([0]), 1.0)
    negatives = Negatives(settings, {"speech": Source([speech])}, np.zeros((0, 1, 20, 40), np.int8))
    clip = np.full((1, 20, 40), 40, np.int8)
    noise = np.full((1, 20, 40), -100, np.int8)
    made = SequenceMaker(8, noise, negatives).make(clip, np.random.default_rng(0))
    assert set(np.unique(made.features)) == {20, 40}


def test_noise_is_mixed_at_a_level_whether_it_was_louder_or_softer():
    settings = dataclasses.replace(
        TWO_WORDS, negatives=config.NegativesConfig(around=0, noise_around=1.0, noise_around_db=(12.0, 12.0))
    )
    clip = np.full((1, 20, 40), 40, np.int8)
    for loud in (-30, 100):
        hiss = NegativeFeatures(np.full((90, 40), loud, np.int8), np.array([0, 90]), np.array([0]), 1.0)
        negatives = Negatives(settings, {"noise": Source([hiss])}, np.zeros((0, 1, 20, 40), np.int8))
        made = SequenceMaker(8, np.full((1, 20, 40), -100, np.int8), negatives).make(clip, np.random.default_rng(0))
        assert set(np.unique(made.features)) == {20, 40}
        # Noise is silence around a word; only speech is not.
        assert not made.around.any()


def test_levels_around_words_need_features_in_decibels():
    with pytest.raises(KwsError, match="around_db"):
        config.from_dict(Experiment, {"frontend": {"kind": "microfrontend"}, "negatives": {"around_db": [10.0, 20.0]}})
    with pytest.raises(KwsError, match="lowest, highest"):
        config.NegativesConfig(around_db=(20.0, 10.0))


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_in_negatives_no_word_may_be_named_once_the_word_before_is_forgotten(weight):
    settings = dataclasses.replace(TWO_WORDS, negatives=config.NegativesConfig(weight=weight))
    loss = FramesLoss(settings, np.array([YES, NO], np.int32), 2)
    frames = 100
    x = np.zeros((2, frames, 40), np.int8)
    no = np.zeros(2, np.bool_)

    def heard(labels, ends, negative, carry):
        batch = Batch(x, np.eye(4, dtype=np.float32)[labels], np.array(labels, np.int32), np.array(ends, np.int16))
        sequences = Sequences(x, np.zeros(2, np.int64), np.array(negative), no)
        return loss.frame_targets(sequences, batch, np.array(carry))

    heard([YES, YES], [frames - 10, 20], [False, False], [False, False])
    got = heard([UNKNOWN, UNKNOWN], [0, 0], [True, True], [True, False])
    forgotten = round(FORGOTTEN_MS / 20) - 10
    np.testing.assert_array_equal(got.saying[0], [0.0] * forgotten + [weight] * (frames - forgotten))
    np.testing.assert_array_equal(got.saying[1], np.full(frames, weight, np.float32))
    assert not got.weights.any()
    np.testing.assert_array_equal(got.allowed, [[1, 1, 0, 0]] * 2)


def test_the_loss_of_negatives_is_the_words_share():
    tf = pytest.importorskip("tensorflow")
    loss = FramesLoss(TWO_WORDS, np.repeat([UNKNOWN, YES], 50).astype(np.int32), 1)
    posteriors = np.array([0.5, 0.2, 0.25, 0.05], np.float32)
    nothing, ones = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    targets = (np.eye(4, dtype=np.float32)[None, :1], nothing, np.array([[1, 1, 0, 0]], np.float32), ones)
    value, _ = loss(tf.constant(np.log(posteriors)[None, None]), targets)
    # "Unknown" is ten times as frequent in training as expected, and counts accordingly.
    assert float(value) == pytest.approx(-np.log((0.5 + 2) / (0.5 + 2 + 0.3)), rel=1e-4)


class Ranked:
    """Four streams of 60 frames, a word from frame 20 on in the first two: yes, and no too late for a whole mean."""

    FRAMES = 60
    NAMED = slice(20, 45)

    def __init__(self, ranking):
        self.tf = pytest.importorskip("tensorflow")
        settings = dataclasses.replace(TWO_WORDS, negatives=config.NegativesConfig(ranking=ranking))
        self.loss = FramesLoss(settings, np.array([YES, NO], np.int32), 4)
        x = np.zeros((4, self.FRAMES, 40), np.int8)
        labels = np.array([YES, NO, UNKNOWN, UNKNOWN], np.int32)
        batch = Batch(x, np.eye(4, dtype=np.float32)[labels], labels, np.array([20, 50, 20, 0], np.int16))
        negative = np.array([False, False, False, True])
        sequences = Sequences(x, np.zeros(4, np.int64), negative, np.zeros(4, np.bool_))
        self.wanted = self.loss.targets(sequences, batch, np.zeros(4, np.bool_))
        self.logits = np.zeros((4, self.FRAMES, 4), np.float32)

    def named(self, stream, label, logit):
        self.logits[stream, self.NAMED, label] = logit
        return self

    def value(self):
        return float(self.loss(self.tf.constant(self.logits), self.wanted)[0])


def ranking(*named):
    """What the ranking adds to the loss."""
    with_it, without = Ranked(1.0), Ranked(0.0)
    for made in (with_it, without):
        for stream, label, logit in named:
            made.named(stream, label, logit)
    return with_it.value() - without.value()


def test_words_are_ranked_above_whatever_else_is_heard():
    even = ranking()
    assert even == pytest.approx(np.log(2), rel=1e-4)
    assert ranking((0, YES, 9)) < 0.3 * even
    # Only what may be reported counts: not the wrong word of a clip, and of others any word.
    assert ranking((0, NO, 9)) > even
    for other in (2, 3):
        assert ranking((other, NO, 9)) > 1.5 * even
        assert ranking((other, UNKNOWN, 9)) < even
    # A word that ends too late for a whole mean neither helps nor harms.
    assert ranking((1, NO, 9)) == pytest.approx(even, rel=1e-4)


def test_negatives_make_neither_silence_nor_unknown_likelier():
    """Half of the rows negatives, whose frames weigh half: half as many again as clips, for both labels."""
    labels = np.repeat([SILENCE, UNKNOWN, YES, NO], [10, 30, 50, 50]).astype(np.int32)
    settings = dataclasses.replace(TWO_WORDS, negatives=config.NegativesConfig(weight=0.5))
    excess = FramesLoss(settings, labels, 2 * 128)._excess
    np.testing.assert_allclose(np.exp(excess), [(10 + 70) / 10, (30 + 70) / 10, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(np.exp(FramesLoss(settings, labels, 128)._excess), [1, 3, 1, 1], rtol=1e-6)


def test_clips_as_recorded_are_heard_more_often_where_asked():
    features = np.zeros((200, 4, 20, 40), np.int8)
    features[:, 1:] = 1
    clips = TrainingSet(features, np.zeros((200, 4), np.int16), np.full(200, YES, np.int32))
    share = {}
    for recorded in (0.0, 0.6):
        augment = config.AugmentConfig(recorded=recorded, time_masks=0, band_masks=0)
        drawn = Batches(dataclasses.replace(TWO_WORDS, augment=augment), clips).draw(np.random.default_rng(0))
        share[recorded] = np.mean([np.mean(batch.features == 0) for batch in drawn])
    assert share[0.0] == pytest.approx(0.25, abs=0.1)
    assert share[0.6] == pytest.approx(0.6 + 0.4 * 0.25, abs=0.1)


def test_the_threshold_allows_so_many_false_accepts_and_the_words_below_it_are_missed():
    settings = dataclasses.replace(TWO_WORDS, negatives=config.NegativesConfig(false_accepts_per_hour=3600 / 50))
    # Posteriors that are the first feature's hundredth: 100 s with a peak of its own height every ten seconds.
    features = np.zeros((5000, 40), np.int8)
    for number in range(10):
        features[500 * number + 210 : 500 * number + 240] = 10 * (number + 1)
    words = np.zeros((4, 2, 49, 40), np.int8)
    words[:, :, 10:40] = np.array([75, 85, 95, 99], np.int8)[:, None, None, None]
    words[3, 1] = 10
    negatives = NegativeFeatures(features, np.array([0, 5000]), np.array([0]), 100.0)
    pauses = np.zeros((3, 49, 40), np.int8)
    listening = Listening(settings, words, np.full(4, YES, np.int32), pauses, [negatives])

    def hear(pieces):
        for piece in pieces:
            posteriors = np.zeros((*piece.shape[:2], 4), np.float32)
            posteriors[:, :, YES] = piece[:, :, 0] / 100
            yield posteriors

    assert listening.hours == pytest.approx(100 / 3600)
    threshold = listening.threshold(hear)
    assert 0.8 < threshold < 0.9
    # 75 is missed twice, 99 in noise.
    assert listening.missed(hear) == 3 / 8


@pytest.mark.slow
def test_fewer_negatives_are_heard_as_words_after_training_with_them(data, others, tmp_path):
    settings = tones.experiment(epochs=30)
    settings = dataclasses.replace(
        settings, negatives=config.NegativesConfig(variants=2, false_accepts_per_hour=200, weight=1)
    )
    history = train(settings, data, tmp_path / "with", options=TrainOptions(others=others))
    without = dataclasses.replace(settings, negatives=dataclasses.replace(settings.negatives, share=0))
    train(without, data, tmp_path / "without", options=TrainOptions(others=others))
    assert history.best.missed == min(e.missed for e in history.epochs)
    found = sources.find(settings, [data], others)
    (recipe,) = (r for r in found.negatives if (r.kind, r.split) == ("speech", "validation"))
    heard = negative_features.features(recipe, tmp_path / "with" / runs.CACHE).features
    named = [runs.load_network(tmp_path / run).run(heard[None])[0, :, 2:].sum(axis=1) for run in ("with", "without")]
    assert named[0].mean() < 0.8 * named[1].mean()
    said = runs.load_json(tmp_path / "with" / runs.PROVENANCE)["data"]
    assert said["others"] == {"speech": ["speech"], "noise": ["noise"], "rooms": ["rooms"]}
    hours = {(n["kind"], n["split"]): n["hours"] for n in said["negatives"]}
    assert hours["speech", "training"] == {"one": round(40 / 3600, 3)}
    assert hours["noise", "validation"] == {"one": round(20 / 3600, 3)}
    info = convert(tmp_path / "with").model.require_info()
    assert info.collections == {"one"}
    assert set(info.provenance["data"]["negatives"]["training"]) == {"speech", "noise"}


def test_features_of_negatives_do_not_depend_on_the_number_of_processes_and_survive_damage(
    data, others, tmp_path, monkeypatch
):
    settings = tones.experiment()
    recipes = sources.find(settings, [data], others).negatives
    (recipe,) = (r for r in recipes if (r.kind, r.split) == ("speech", "training"))
    many = negative_features.features(recipe, tmp_path / "many")
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    one = negative_features.features(recipe, tmp_path / "one")
    np.testing.assert_array_equal(many.features, one.features)
    assert one.seconds == 40
    # Two parts in three variants.
    assert len(one.bounds) == 1 + 2 * settings.negatives.variants
    assert not np.array_equal(one.features[: one.bounds[1]], one.features[one.bounds[1] : one.bounds[2]])
    (path,) = (tmp_path / "one").glob("*.int8")
    path.write_bytes(path.read_bytes()[:1000])
    np.testing.assert_array_equal(negative_features.features(recipe, tmp_path / "one").features, many.features)


def test_folders_for_evaluation_are_refused_in_every_role(data, others, tmp_path):
    marked = tmp_path / "marked"
    marked.mkdir()
    (marked / "evaluation-only.txt").write_text("")
    soundfile.write(marked / "a.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE, "PCM_16")
    for role in ("speech", "noise", "rooms"):
        with pytest.raises(KwsError, match="never trained on"):
            sources.find(tones.experiment(), [data], dataclasses.replace(others, **{role: (marked,)}))


def test_what_epochs_were_compared_by_stands_beside_its_hours_and_limit(capsys):
    hours = [
        {"kind": "speech", "split": "training", "hours": {"corpus": 7.0}},
        {"kind": "speech", "split": "validation", "hours": {"corpus": 0.3, "other": 0.1}},
        {"kind": "noise", "split": "validation", "hours": {"rain": 0.1}},
    ]
    train_verb._tell_what_compared(4.0, hours)
    said = " ".join(capsys.readouterr().err.split())
    assert "4 false accepts per hour, which are 2 in 0.50 hours" in said
    assert "at most 12.6 per hour" in said
    train_verb._tell_what_compared(4.0, [])
    assert "which are 0 in 0.00 hours" in " ".join(capsys.readouterr().err.split())
