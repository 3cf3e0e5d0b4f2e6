"""Teachers: trained like any run, and a student learns from their posteriors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tones

from kws import config, runs, shipped
from kws.errors import KwsError
from kws.network import ClipWeights, TeacherConfig
from kws.quantize.convert import convert
from kws.training import features as feature_maker
from kws.training import sources
from kws.training.train import TrainOptions, train

pytest.importorskip("tf_keras", reason="training needs TensorFlow")

from kws.training.distillation import Teacher, as_labels

STUDENT = tones.experiment(epochs=1, distillation=1.0)


def teacher_experiment(**training: object) -> config.Experiment:
    settings = tones.experiment(epochs=40, patience=40, carry_state=0.0, learning_rate=0.01, **training)
    return dataclasses.replace(settings, name="teacher", network=TeacherConfig(channels=(8, 16)))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    root = tmp_path_factory.mktemp("teacher")
    data = tones.write(root / "tones")
    return data, root / "run", train(teacher_experiment(), data, root / "run")


@pytest.fixture(scope="module")
def student(teacher, tmp_path_factory):
    """The run of a student that learned from the teacher for an epoch."""
    data, run, _ = teacher
    own = tmp_path_factory.mktemp("student") / "run"
    return own, train(STUDENT, data, own, options=TrainOptions(teachers=(run,)))


@pytest.mark.slow
def test_a_teacher_learns_and_is_loaded_again(teacher):
    data, run, history = teacher
    assert history.best.validation_accuracy > 0.6  # chance is 1/6
    teacher, settings = Teacher.load(run)
    assert settings == teacher_experiment()
    recipe = sources.recipes(settings, [data])["validation"]
    x = feature_maker.features(recipe, run / runs.CACHE).features[:, 0]
    posteriors = teacher.posteriors(x)
    labels = np.array([e.label for e in recipe.examples])
    np.testing.assert_allclose(posteriors.sum(axis=1), 1, atol=1e-5)
    assert np.mean(posteriors.argmax(axis=1) == labels) == pytest.approx(history.best.validation_accuracy)


@pytest.mark.slow
def test_a_teacher_goes_on_after_an_interrupt_as_if_there_was_none(tmp_path):
    data = tones.write(tmp_path / "tones", speakers=20)
    settings = dataclasses.replace(tones.experiment(epochs=3), network=TeacherConfig(channels=(4, 4)))

    def interrupted(stage: str, done: int, total: int) -> None:
        if stage == "epoch 2" and done == 2:
            raise KeyboardInterrupt

    history = train(settings, data, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(settings, data, tmp_path / "run", interrupted)
    assert train(settings, data, tmp_path / "run") == history
    before, after = (Teacher.load(tmp_path / name)[0] for name in ("whole", "run"))
    x = np.random.default_rng(0).integers(-128, 128, (8, 24, 40)).astype(np.int8)
    np.testing.assert_array_equal(before.posteriors(x), after.posteriors(x))


@pytest.mark.slow
def test_a_student_names_its_teachers(teacher, student):
    data, _, _ = teacher
    own, _ = student
    provenance = runs.load_json(own / runs.PROVENANCE)
    assert [t["name"] for t in provenance["teachers"]] == ["teacher"]
    with pytest.raises(KwsError, match="with other teachers; train with --restart"):
        train(STUDENT, data, own)


@pytest.mark.slow
def test_a_student_learns_from_it(teacher, student, tmp_path):
    without = train(STUDENT, teacher[0], tmp_path / "without")
    assert student[1].epochs[-1].loss != without.epochs[-1].loss


@pytest.mark.slow
def test_it_teaches_students_that_hear_two_rows_a_frame(teacher, tmp_path):
    data, run, _ = teacher
    hears = dataclasses.replace(tones.experiment(epochs=1), frontend=config.LogMelConfig(rows=2))
    train(hears, data, tmp_path / "run", options=TrainOptions(teachers=(run,)))
    recipe = sources.recipes(hears, [data])["training"]
    clips = feature_maker.features(recipe, tmp_path / "run" / runs.CACHE).features
    found = np.load(next((tmp_path / "run" / runs.CACHE).glob("distilled-*.npy")))
    rows = clips.reshape(-1, 2 * clips.shape[2], clips.shape[3] // 2)
    wanted = Teacher.load(run, rows.shape[1])[0].posteriors(rows)
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-6)


@pytest.mark.slow
def test_a_teacher_starts_from_another_whose_words_are_others(teacher, tmp_path):
    data, run, _ = teacher
    settings = teacher_experiment()
    other = dataclasses.replace(
        settings,
        name="other",
        data=dataclasses.replace(settings.data, words=("low", "dip")),
        training=dataclasses.replace(settings.training, epochs=1, learning_rate=1e-12, weight_decay=0.0),
    )
    words = tones.write(tmp_path / "words", words={"low": (400, 400), "dip": (1500, 700)})
    train(other, words, tmp_path / "run", options=TrainOptions(start=run))
    before, after = (ClipWeights.load(path / runs.WEIGHTS) for path in (run, tmp_path / "run"))
    labels, known = other.data.labels, settings.data.labels
    for label in ("_silence_", "_unknown_", "low"):
        for old, new in zip(before.head, after.head, strict=True):
            np.testing.assert_allclose(new[..., labels.index(label)], old[..., known.index(label)], atol=1e-6)
    fresh = after.head[0][:, labels.index("dip")]
    assert min(np.abs(fresh - column).max() for column in before.head[0].T) > 0.01
    # Averages of the normalisation go on moving, convolutions do not at such a rate.
    for old, new in zip(before.arrays[:-2], after.arrays[:-2], strict=True):
        if old.ndim == 4:
            np.testing.assert_allclose(new, old, atol=1e-6)
    start = runs.load_json(tmp_path / "run" / runs.PROVENANCE)["start"]
    assert start == {"name": "teacher", "id": runs.digest(run / runs.WEIGHTS)}
    wider = dataclasses.replace(other, network=TeacherConfig(channels=(8, 24)))
    with pytest.raises(KwsError, match=r"write into \[network\]: channels = \[8, 16\]"):
        train(wider, words, tmp_path / "wider", options=TrainOptions(start=run))
    with pytest.raises(KwsError, match="which only a teacher can start from"):
        train(STUDENT, data, tmp_path / "student", options=TrainOptions(start=run))


def test_what_a_teacher_cannot_start_from(tmp_path):
    settings = teacher_experiment()
    data = tones.write(tmp_path / "tones", speakers=20)
    student = tmp_path / "student"
    student.mkdir()
    runs.write_config(STUDENT, student)
    for path in (student, shipped.models()["commands12"]):
        with pytest.raises(KwsError, match="is not the run of a teacher"):
            train(settings, data, tmp_path / "run", options=TrainOptions(start=path))
    head = dataclasses.replace(settings, training=dataclasses.replace(settings.training, trainable="head"))
    with pytest.raises(KwsError, match="a teacher learns whole"):
        train(head, data, tmp_path / "run")


@pytest.mark.slow
def test_refusals(teacher, student, tmp_path):
    data, run, _ = teacher
    with pytest.raises(KwsError, match="teacher"):
        convert(run)
    with pytest.raises(KwsError, match="is not the run of a teacher"):
        Teacher.load(student[0])
    other = dataclasses.replace(tones.experiment(epochs=1), frontend=config.LogMelConfig(high_hz=7000))
    with pytest.raises(KwsError, match="another front end or clip length"):
        train(other, data, tmp_path / "other", options=TrainOptions(teachers=(run,)))


def test_labels_that_the_student_does_not_spot_are_unknown():
    teacher = dataclasses.replace(config.Experiment(), data=config.DataConfig(words=("yes", "no", "up")))
    student = dataclasses.replace(config.Experiment(), data=config.DataConfig(words=("up", "yes")))
    got = as_labels(np.array([[0.1, 0.2, 0.3, 0.15, 0.25]], np.float32), teacher, student)
    np.testing.assert_allclose(got, [[0.1, 0.35, 0.25, 0.3]], atol=1e-6)
    with pytest.raises(KwsError, match="does not know no"):
        as_labels(np.zeros((1, 4), np.float32), student, teacher)
