"""Training on tones: it learns, it goes on after an interrupt, and it refuses what it should."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tones

from kws import config, runs
from kws.errors import KwsError
from kws.extras import how_to_install
from kws.network import Frame, LstmConfig
from kws.network.tensorflow import import_tensorflow
from kws.training import features as feature_maker
from kws.training import sources
from kws.training.batches import TrainingSet
from kws.training.cuts import Negatives, Source
from kws.training.history import History
from kws.training.negative_features import NegativeFeatures
from kws.training.stream_trainer import StreamTrainer
from kws.training.train import TrainOptions, train

pytest.importorskip("tf_keras", reason="training needs TensorFlow")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "tones")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data):
    run = tmp_path_factory.mktemp("run")
    return run, train(tones.experiment(), data, run)


def interrupt_in(epoch: int):
    def progress(stage: str, done: int, total: int) -> None:
        if stage == f"epoch {epoch}" and done == 2:
            raise KeyboardInterrupt

    return progress


def files(run):
    return {p.relative_to(run): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}


def test_learns(trained):
    _, history = trained
    assert history.best.validation_accuracy > 0.8  # chance is 1/6
    assert history.best.stream_accuracy > 0.5
    assert history.epochs[-1].loss < history.epochs[0].loss / 1.5


def test_run_folder(trained, data):
    run, history = trained
    assert runs.load_config(run) == tones.experiment()
    assert History.from_dict(json.loads((run / runs.HISTORY).read_bytes())) == history
    assert (run / runs.PLOT).read_bytes().startswith(b"\x89PNG")
    provenance = runs.load_json(run / runs.PROVENANCE)
    assert provenance["data"]["name"] == "tones"
    assert provenance["data"]["synthetic"] is False
    assert set(provenance["data"]["clips"]) == {"training", "validation"}
    assert provenance["best"]["epoch"] == history.best.epoch
    assert str(data) not in (run / runs.PROVENANCE).read_text()
    assert np.load(run / runs.CALIBRATION).shape == (40, 24, 40)
    assert not list(run.rglob(".*"))


def measured(run, data):
    """Accuracy and cross-entropy of a run's weights on the validation clips."""
    recipe = sources.recipes(tones.experiment(), [data])["validation"]
    x = feature_maker.features(recipe, run / runs.CACHE).features[:, 0]
    labels = np.array([e.label for e in recipe.examples])
    posteriors = runs.load_network(run).run(x)[:, -1]
    return np.mean(posteriors.argmax(axis=1) == labels), -np.mean(np.log(posteriors[np.arange(len(labels)), labels]))


def test_best_weights_have_the_reported_accuracy(trained, data):
    run, history = trained
    assert measured(run, data)[0] == pytest.approx(history.best.validation_accuracy)


def test_the_last_epoch_may_be_what_is_kept(data, tmp_path):
    history = train(tones.experiment(epochs=60, patience=1, learning_rate=0.05, keep="last"), data, tmp_path)
    assert history.kept is history.epochs[-1]
    assert history.best is history.epochs[-2]
    assert measured(tmp_path, data)[1] == pytest.approx(history.kept.validation_loss, rel=1e-4)
    assert history.kept.validation_loss != pytest.approx(history.best.validation_loss, rel=1e-2)
    assert runs.load_json(tmp_path / runs.PROVENANCE)["best"]["epoch"] == history.kept.epoch
    assert History.from_dict(json.loads((tmp_path / runs.HISTORY).read_bytes())) == history


@pytest.mark.slow
def test_goes_on_after_an_interrupt_as_if_there_was_none(trained, data, tmp_path):
    run, history = trained
    for epoch in (3, 4, 9):
        with pytest.raises(KeyboardInterrupt):
            train(tones.experiment(), data, tmp_path, interrupt_in(epoch))
    assert train(tones.experiment(), data, tmp_path) == history
    before, after = runs.load_network(run).arrays(), runs.load_network(tmp_path).arrays()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)


def test_a_finished_run_is_left_as_it_is(trained, data):
    run, history = trained
    before = files(run)
    assert train(tones.experiment(), data, run, interrupt_in(1)) == history
    assert files(run) == before


def test_the_detector_may_change_without_training_again(trained, data):
    run, history = trained
    changed = dataclasses.replace(tones.experiment(), detector=config.DetectorConfig(threshold=0.5))
    assert train(changed, data, run, interrupt_in(1)) == history
    assert runs.load_config(run).detector.threshold == 0.5


def test_other_settings_are_refused(trained, data):
    run, _ = trained
    before = files(run)
    with pytest.raises(KwsError, match=r"training\.epochs is 25 there and 2 now\); train with --restart"):
        train(tones.experiment(epochs=2), data, run)
    assert files(run) == before


def test_restart_begins_afresh(trained, data, tmp_path):
    shutil.copytree(trained[0], tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    (tmp_path / "run" / runs.MODEL).write_text("old")
    assert (
        len(train(tones.experiment(epochs=2), data, tmp_path / "run", options=TrainOptions(restart=True)).epochs) == 2
    )
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "run" / runs.MODEL).exists()


def test_nothing_is_thrown_away_for_a_training_that_cannot_begin(trained, data, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained[0], run)
    before = files(run)
    for teacher, message in (
        (tmp_path / "nowhere", "nowhere is not the folder of a training run"),
        (trained[0], "is not the run of a teacher"),
        (run, "cannot learn from itself"),
    ):
        with pytest.raises(KwsError, match=message):
            train(tones.experiment(), data, run, options=TrainOptions(restart=True, teachers=(teacher,)))
        assert files(run) == before


def test_a_restart_that_is_cut_short_leaves_no_checkpoint_without_its_run(trained, data, tmp_path, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(trained[0], run)
    unlink, removed = Path.unlink, []

    def interrupted(path, missing_ok=False):
        if removed:
            raise KeyboardInterrupt
        removed.append(path)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tones.experiment(epochs=1), data, run, options=TrainOptions(restart=True))
    monkeypatch.undo()
    assert len(train(tones.experiment(epochs=1), data, run).epochs) == 1


@pytest.mark.slow
def test_two_trainings_of_one_run(data, tmp_path):
    run = tmp_path / "run"
    refused = []

    def again(stage: str, done: int, total: int) -> None:
        if stage == "epoch 1" and not refused:
            before = files(run)
            with pytest.raises(KwsError, match=r"another training is writing into .*run; wait for its"):
                train(tones.experiment(epochs=2), data, run, options=TrainOptions(restart=True))
            assert files(run) == before
            refused.append(stage)

    history = train(tones.experiment(epochs=1), data, run, again)
    assert refused
    assert not list(run.rglob(".*"))
    assert train(tones.experiment(epochs=1), data, run) == history


def test_clips_recorded_again_are_noticed(trained, data, tmp_path):
    """The same names and sizes, other contents."""
    shutil.copytree(data, tmp_path / data.name)
    path = next((tmp_path / data.name / "low").iterdir())
    content = path.read_bytes()
    path.write_bytes(content[:1000] + bytes(len(content) - 1000))
    with pytest.raises(KwsError, match="on other clips than"):
        train(tones.experiment(), tmp_path / data.name, trained[0])


def test_other_data_are_refused(trained, tmp_path):
    other = tones.write(tmp_path / "more", speakers=31)
    with pytest.raises(KwsError, match="on other clips than more has now; train with --restart"):
        train(tones.experiment(), other, trained[0])


def test_a_damaged_checkpoint_is_named(trained, data, tmp_path):
    shutil.copytree(trained[0], tmp_path / "run")
    (tmp_path / "run" / runs.CHECKPOINT).write_bytes(b"PK not a checkpoint")
    with pytest.raises(KwsError, match=r"last\.npz is damaged .* --restart"):
        train(tones.experiment(), data, tmp_path / "run")


@pytest.mark.slow
def test_early_stopping(data, tmp_path):
    history = train(tones.experiment(epochs=60, patience=1, learning_rate=0.05), data, tmp_path)
    assert len(history.epochs) < 60
    assert len(history.epochs) == history.best.epoch + 1


def test_no_validation_clips(data, tmp_path):
    settings = tones.experiment()
    none = dataclasses.replace(settings, data=dataclasses.replace(settings.data, validation_percent=0))
    with pytest.raises(KwsError, match=r"no clips are left for validation; .* raise data\.validation_percent"):
        train(none, data, tmp_path)


@pytest.mark.slow
def test_a_single_validation_clip(data, tmp_path):
    settings = tones.experiment(epochs=1)
    alone = dataclasses.replace(settings.data, silence_percent=0, unknown_percent=0)
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "validation_list.txt").write_text("low/s01_nohash_0.wav\n")
    history = train(dataclasses.replace(settings, data=alone), tmp_path / "data", tmp_path / "run")
    # In a stream nothing comes before it.
    assert history.best.stream_accuracy == history.best.validation_accuracy
    said = (tmp_path / "run" / runs.HISTORY).read_text()
    assert json.loads(said, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_word_without_training_clips(tmp_path):
    root = tones.write(tmp_path / "data", speakers=10)
    names = [f"low/{p.name}" for p in (root / "low").iterdir()]
    (root / "validation_list.txt").write_text("\n".join(names))
    with pytest.raises(KwsError, match="no clips of low are left for training"):
        train(tones.experiment(), root, tmp_path / "run")


def test_synthetic_data_are_marked(tmp_path):
    root = tones.write(tmp_path / "data")
    (root / "synthetic.json").write_text("{}")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tones.experiment(), root, tmp_path / "run", stop)
    assert runs.load_json(tmp_path / "run" / runs.PROVENANCE)["data"]["synthetic"] is True


def test_features_do_not_depend_on_the_number_of_processes(data, tmp_path, monkeypatch):
    recipe = sources.recipes(tones.experiment(), [data])["training"]
    monkeypatch.setattr(feature_maker, "_JOB_VARIANTS", 96)
    seen = []
    many = feature_maker.features(recipe, tmp_path / "many", lambda done, total: seen.append((done, total)))
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    one = feature_maker.features(recipe, tmp_path / "one")
    np.testing.assert_array_equal(many.features, one.features)
    np.testing.assert_array_equal(many.ends, one.ends)
    assert seen[-1] == (len(many.features) * 3,) * 2
    assert len(seen) > 2


def test_feature_variants(data, tmp_path):
    recipe = sources.recipes(tones.experiment(), [data])["training"]
    made = feature_maker.features(recipe, tmp_path).features
    plain = feature_maker.features(dataclasses.replace(recipe, variants=1), tmp_path).features
    spoken = np.array([e.clip is not None for e in recipe.examples])
    np.testing.assert_array_equal(made[spoken, 0], plain[spoken, 0])
    assert np.any(made[:, 1] != made[:, 2], axis=(1, 2))[spoken].all()
    assert np.mean(np.any(made[~spoken, 0] != made[~spoken, 1], axis=(1, 2))) > 0.8


def test_features_are_cached_and_a_damaged_cache_is_replaced(data, tmp_path):
    recipe = sources.recipes(tones.experiment(), [data])["validation"]
    seen = []
    first = feature_maker.features(recipe, tmp_path, lambda *now: seen.append(now))
    count = len(seen)
    again = feature_maker.features(recipe, tmp_path, lambda *now: seen.append(now))
    assert len(seen) == count > 0
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    repaired = feature_maker.features(recipe, tmp_path)
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.features, repaired.features)


def test_features_that_another_training_tidied_up_meanwhile(data, tmp_path, monkeypatch):
    recipe = sources.recipes(tones.experiment(), [data])["validation"]
    (tmp_path / "validation-old.npz").touch()
    unlink = Path.unlink

    def gone_by_now(path, missing_ok=False):
        if path.name == "validation-old.npz":
            unlink(path)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", gone_by_now)
    made = feature_maker.features(recipe, tmp_path)
    assert len(made.features) == len(recipe.examples)


@pytest.mark.parametrize(
    ("section", "change", "same"),
    [
        ("augment", {"gain_db": (-3.0, 3.0)}, False),
        ("augment", {"seed": 2}, False),
        ("augment", {"band_masks": 0}, True),
        ("frontend", {"high_hz": 7000.0}, False),
        ("training", {"seed": 9}, True),
        ("training", {"learning_rate": 0.1}, True),
        ("network", {"dropout": 0.3}, True),
    ],
)
def test_the_cache_knows_what_changes_features(data, section, change, same):
    settings = tones.experiment()
    changed = dataclasses.replace(settings, **{section: dataclasses.replace(getattr(settings, section), **change)})
    digests = {feature_maker.digest(sources.recipes(e, [data])["training"]) for e in (settings, changed)}
    assert (len(digests) == 1) is same


def test_carried_state_starts_where_asked():
    settings = config.Experiment(
        data=config.DataConfig(words=("yes",)),
        frontend=config.LogMelConfig(bands=8),
        network=LstmConfig(lstm_units=(6,), dropout=0.0),
    )
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, (4, 10, 8)).astype(np.int8)
    clips = TrainingSet(x[:, None], np.zeros((4, 1), np.int16), np.full(4, 2, np.int32))
    trainer = StreamTrainer(settings, clips)
    layers = settings.network.build(Frame.of(settings.frontend), 3, seed=1)
    tf, _ = import_tensorflow()
    joined, _ = layers.logits(tf.constant(np.concatenate([x, x], axis=1)), layers.initial_state(4))
    _, left = layers.logits(tf.constant(x), layers.initial_state(4))
    continued, _ = layers.logits(tf.constant(x), left)
    np.testing.assert_allclose(joined.numpy()[:, 10:], continued.numpy(), atol=1e-6)
    targets = np.full((4, 10, 3), 1 / 3, np.float32)
    ones = np.ones((4, 10), np.float32)
    trainer.train_step(x, (targets, ones, np.ones((4, 3), np.float32), ones), np.zeros(4, bool))
    assert np.any(trainer._carried[0][0].numpy() != 0)
    assert int(trainer.optimizer.iterations.numpy()) == 1


def test_clips_begin_at_once_only_after_a_reset(monkeypatch):
    """Among rows of negatives, too: which row a clip stands in is drawn."""
    settings = config.Experiment(
        data=config.DataConfig(words=("yes",)),
        frontend=config.LogMelConfig(bands=8),
        augment=config.AugmentConfig(time_masks=0, band_masks=0),
        network=LstmConfig(lstm_units=(4,), dropout=0.0),
        negatives=config.NegativesConfig(around=0),
        training=config.TrainingConfig(carry_state=0.5, gap_ms=160, at_once=1.0, batch_size=40),
    )
    # The marked clips are words, all else is silence: noise, and negatives.
    labels = np.repeat([0, 2], 20).astype(np.int32)
    features = np.zeros((40, 1, 20, 8), np.int8)
    features[20:] = 50
    speech = NegativeFeatures(np.zeros((90, 8), np.int8), np.array([0, 90]), np.array([0]), 1.0)
    negatives = Negatives(settings, {"speech": Source([speech])}, features[:0])
    trainer = StreamTrainer(settings, TrainingSet(features, np.full((40, 1), 10, np.int16), labels, None, negatives))
    heard = []
    monkeypatch.setattr(trainer, "train_step", lambda x, targets, carry: heard.append((x, carry)) or (0.0, 0.0))
    rng = np.random.default_rng(1)
    for step in range(1, 11):
        trainer.learn(next(trainer.batches.draw(rng)), step, rng)
    x, carry = (np.concatenate(values) for values in zip(*heard, strict=True))
    spoken = (x == 50).any(axis=(1, 2))
    at_once = x[:, 0, 0] == 50
    assert spoken.sum() == 200
    assert np.all(at_once[spoken & ~carry])
    # 9 places in the gap, so one in 9 of the others begins at once by chance.
    assert 0 < at_once[spoken & carry].mean() < 0.3


@pytest.mark.slow
def test_more_unknown_words_in_training_do_not_make_unknown_likelier():
    """Clips that tell nothing, "unknown" nine times as often as expected: the posteriors are those expected."""
    experiment = config.Experiment(
        data=config.DataConfig(words=("yes",), unknown_percent=10, training_unknown_percent=90),
        frontend=config.LogMelConfig(bands=8),
        network=LstmConfig(lstm_units=(4,), dropout=0.0),
        training=config.TrainingConfig(epochs=60, batch_size=38, gap_ms=0, carry_state=0, label_smoothing=0),
        augment=config.AugmentConfig(time_masks=0, band_masks=0),
    )
    assert experiment.data.labels.index(config.UNKNOWN) == 1
    labels = np.repeat([1, 2], [180, 200]).astype(np.int32)
    features = np.zeros((len(labels), 1, 6, 8), np.int8)
    trainer = StreamTrainer(experiment, TrainingSet(features, np.full((len(labels), 1), 2, np.int16), labels))
    for epoch in range(60):
        trainer.epoch(epoch, lambda done, total: None)
    posteriors, _ = trainer.predict(features[:2, 0], 2, features[:2, 0, :0])
    assert posteriors[0, 1] / posteriors[0, 2] == pytest.approx(0.1, rel=0.25)


def test_without_tensorflow_it_says_what_to_install(monkeypatch, data, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(KwsError, match=re.escape(how_to_install("train"))):
        train(tones.experiment(), data, tmp_path)
    assert not list(tmp_path.iterdir())
    import_tensorflow.cache_clear()
    with pytest.raises(KwsError, match=re.escape(how_to_install("train"))):
        import_tensorflow()
    import_tensorflow.cache_clear()


def test_config_survives_toml(tmp_path):
    odd = dataclasses.replace(
        tones.experiment(learning_rate=1e-5),
        name='a "quoted" näme\\',
        data=config.DataConfig(words=("grüß gott", "it's")),
    )
    runs.write_config(odd, tmp_path)
    assert runs.load_config(tmp_path) == odd
