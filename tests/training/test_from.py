"""Training that starts from another model, learns only the head, splits by take and merges folders."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tones
from random_models import bare_model, spotting_model

from kws import config, configs, runs, shipped
from kws.cli import main as cli
from kws.config import LogMelConfig
from kws.errors import KwsError
from kws.network import LstmConfig, TeacherConfig
from kws.training.start import ModelStart
from kws.training.train import TrainOptions, train

pytest.importorskip("tf_keras", reason="training needs TensorFlow")

OTHER = {"low": (400, 400), "dip": (1500, 700)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "tones")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data):
    run = tmp_path_factory.mktemp("run")
    train(tones.experiment(epochs=12), data, run)
    return run


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Fifteen takes of each of two words, one of them known to the model, by one person."""
    root = tones.write(tmp_path_factory.mktemp("own") / "mine", speakers=15, words=OTHER)
    for path in root.glob("*/*.wav"):
        path.rename(path.with_name(path.name.replace("_nohash_0", "").replace("s", "me_")))
    return root


def other_words(**training):
    settings = tones.experiment(**training)
    data = dataclasses.replace(settings.data, words=tuple(OTHER), split_by="take")
    return dataclasses.replace(settings, name="own", data=data)


STILL = other_words(epochs=1, learning_rate=1e-12, weight_decay=0.0)


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def started(trained, own, tmp_path_factory):
    """A run that started from another and hardly moved."""
    run = tmp_path_factory.mktemp("started")
    return run, train(STILL, own, run, options=TrainOptions(start=trained))


def test_starts_from_the_weights_of_a_run(trained, started):
    settings, (run, _) = STILL, started
    before, after = runs.load_network(trained), runs.load_network(run)
    for old, new in zip(before.lstms, after.lstms, strict=True):
        np.testing.assert_allclose(new.kernel, old.kernel, atol=1e-6)
        np.testing.assert_allclose(new.recurrent, old.recurrent, atol=1e-6)
    labels, known = settings.data.labels, tones.experiment().data.labels
    for label in ("_silence_", "_unknown_", "low"):
        np.testing.assert_allclose(
            after.kernel[:, labels.index(label)], before.kernel[:, known.index(label)], atol=1e-6, err_msg=label
        )
    fresh = after.kernel[:, labels.index("dip")]
    assert min(np.abs(fresh - column).max() for column in before.kernel.T) > 0.01
    start = runs.load_json(run / runs.PROVENANCE)["start"]
    assert start == {"name": "tones", "id": ModelStart.load(trained).id}
    assert str(trained) not in (run / runs.PROVENANCE).read_text()


@pytest.mark.slow
def test_starting_helps(trained, own, tmp_path):
    settings = other_words(epochs=3)
    from_there = train(settings, own, tmp_path / "from", options=TrainOptions(start=trained))
    from_nothing = train(settings, own, tmp_path / "scratch")
    assert from_there.epochs[-1].loss < 0.9 * from_nothing.epochs[-1].loss


def test_the_head_alone_learns(trained, own, tmp_path):
    history = train(other_words(epochs=8, trainable="head"), own, tmp_path, options=TrainOptions(start=trained))
    before, after = runs.load_network(trained), runs.load_network(tmp_path)
    for part in ("kernel", "recurrent", "bias"):
        np.testing.assert_array_equal(getattr(after.lstms[0], part), getattr(before.lstms[0], part))
    known = tones.experiment().data.labels.index("low")
    assert np.abs(after.kernel[:, 2] - before.kernel[:, known]).max() > 1e-3
    assert history.epochs[-1].loss < history.epochs[0].loss


def test_the_head_alone_needs_a_model(own, tmp_path):
    with pytest.raises(KwsError, match=r'trainable = "head" .* name one with --from'):
        train(other_words(trainable="head"), own, tmp_path)


def test_the_network_of_the_model_in_place_of_ones_own(trained, own, tmp_path, capsys):
    settings = dataclasses.replace(other_words(epochs=1), network=LstmConfig(lstm_units=(8,), dropout=0.25))
    runs.write_config(settings, tmp_path)
    command = ["train", str(tmp_path / runs.CONFIG), "--data", str(own), "--out", str(tmp_path / "run")]
    assert cli.main([*command, "--from", str(trained)]) == 3
    assert "write into [network]: lstm_units = [24]" in capsys.readouterr().err
    assert cli.main([*command, "--same-network"]) == 2
    assert "name one with --from" in capsys.readouterr().err
    assert cli.main([*command, "--from", str(trained), "--same-network"]) == 0
    assert runs.load_config(tmp_path / "run").network == LstmConfig(lstm_units=(24,), dropout=0.25)
    # The same command goes on with it.
    assert cli.main([*command, "--from", str(trained), "--same-network"]) == 0


@pytest.mark.parametrize("name", shipped.starts())
def test_every_network_that_comes_with_kws_is_a_start(name):
    start, settings = ModelStart.load(shipped.starts()[name]), config.load(configs.find("own-words"))
    taken = start.taken_over(settings)
    assert (taken.frontend, taken.data) == (start.frontend, settings.data)
    assert start.network_for(taken).head[0].shape[1] == len(settings.data.labels)


def test_an_ensemble_is_none_and_its_members_are_named():
    (name,) = set(shipped.models()) - set(shipped.starts())
    with pytest.raises(KwsError, match="ensemble of always-on/commands12-crnn and always-on/commands12-large"):
        ModelStart.load(shipped.models()[name])


def other_start(trained, folder):
    """The run of another network of the same name."""
    changed = runs.load_network(trained)
    changed = dataclasses.replace(changed, bias=changed.bias + 1)
    folder.mkdir()
    runs.write_config(runs.load_config(trained), folder)
    changed.save(folder / runs.WEIGHTS)
    return folder


def test_a_finished_run_has_one_start(trained, started, own, tmp_path):
    run, history = started
    with pytest.raises(
        KwsError, match=r"started from the model tones \(\w{16}\), not from random weights; .*--restart"
    ):
        train(STILL, own, run)
    with pytest.raises(KwsError, match=r"started from the model tones \(\w{16}\), not from the model tones \(\w{16}\)"):
        train(STILL, own, run, options=TrainOptions(start=other_start(trained, tmp_path / "other")))
    assert train(STILL, own, run, stop, options=TrainOptions(start=trained)) == history


@pytest.mark.slow
def test_a_run_goes_on_only_from_the_same_start(trained, own, tmp_path):
    run = tmp_path / "run"
    settings = other_words(epochs=2)

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "epoch 2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, own, run, interrupt, options=TrainOptions(start=trained))
    with pytest.raises(
        KwsError, match=r"started from the model tones \(\w{16}\), not from random weights; .*--restart"
    ):
        train(settings, own, run)
    other = other_start(trained, tmp_path / "other")
    with pytest.raises(KwsError, match=r"started from the model tones \(\w{16}\), not from the model tones \(\w{16}\)"):
        train(settings, own, run, options=TrainOptions(start=other))
    assert len(train(settings, own, run, options=TrainOptions(start=trained)).epochs) == 2


def test_a_run_from_before_a_setting_was_known_goes_on(trained, data, tmp_path):
    provenance = runs.load_json(trained / runs.PROVENANCE)
    settings = provenance["settings"]
    del settings["training"]["trainable"], settings["training"]["loss"], settings["data"]["split_by"]
    settings["training"]["gap_frames"] = round(settings["training"].pop("gap_ms") / 20)
    settings["augment"]["time_mask_frames"] = round(settings["augment"].pop("time_mask_ms") / 20)
    settings["network"]["channels"] = [24, 48, 72, 96]
    for path in trained.rglob("*"):
        if path.is_file():
            (tmp_path / path.relative_to(trained)).parent.mkdir(exist_ok=True)
            (tmp_path / path.relative_to(trained)).write_bytes(path.read_bytes())
    runs.save_json(provenance, tmp_path / runs.PROVENANCE)
    assert len(train(tones.experiment(epochs=12), data, tmp_path, stop).epochs) == 12


def start_of(tmp_path, **options):
    path = tmp_path / "model.tflite"
    path.write_bytes(spotting_model(1, **options).content)
    return ModelStart.load(path)


def test_a_model_file_is_a_start(tmp_path):
    start = start_of(tmp_path, units=(24, 16), words=("low", "up"))
    settings = other_words()
    with pytest.raises(KwsError, match=r"write into \[network\]: lstm_units = \[24, 16\]"):
        start.network_for(settings)
    fitting = dataclasses.replace(settings, network=LstmConfig(lstm_units=(24, 16)))
    network = start.network_for(fitting)
    assert network.kernel.shape == (16, 4)
    np.testing.assert_array_equal(network.kernel[:, :3], start.network.kernel[:, :3])
    assert not np.array_equal(network.kernel[:, 3], start.network.kernel[:, 3])
    assert network.lstms == start.network.lstms
    assert start.provenance()["id"] == start.id


def test_another_front_end_is_refused(tmp_path):
    start = start_of(tmp_path, units=(24,), frontend=LogMelConfig(bands=32, high_hz=7000))
    with pytest.raises(KwsError, match=r"write into \[frontend\]: bands = 32, high_hz = 7000"):
        start.network_for(other_words())


def test_what_cannot_be_started_from(tmp_path, own):
    (tmp_path / "bare.tflite").write_bytes(bare_model(1).content)
    with pytest.raises(KwsError, match="bare network"):
        ModelStart.load(tmp_path / "bare.tflite")
    teacher = dataclasses.replace(tones.experiment(), network=TeacherConfig())
    runs.write_config(teacher, tmp_path)
    with pytest.raises(KwsError, match="run of a teacher"):
        ModelStart.load(tmp_path)
    with pytest.raises(KwsError, match='is no network of the kind "teacher"'):
        start_of(tmp_path, units=(24,)).network_for(teacher)
    with pytest.raises(KwsError, match="cannot start from itself"):
        train(other_words(), own, tmp_path, options=TrainOptions(start=tmp_path))


def test_takes_are_held_out_where_one_person_speaks(own, tmp_path):
    by_speaker = dataclasses.replace(other_words(), data=dataclasses.replace(other_words().data, split_by="speaker"))
    with pytest.raises(KwsError, match=r'set data\.split_by = "take"'):
        train(by_speaker, own, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(other_words(), own, tmp_path, stop)
    clips = runs.load_json(tmp_path / runs.PROVENANCE)["data"]["clips"]
    assert clips["validation"]["dip"] > 0
    assert clips["training"]["dip"] > clips["validation"]["dip"]


def test_several_folders(own, tmp_path):
    synthetic = tones.write(tmp_path / "spoken", speakers=40, words=OTHER)
    (synthetic / "synthetic.json").write_text("{}")
    counts = {}
    for folders in ((own,), (own, synthetic)):
        run = tmp_path / str(len(folders))
        with pytest.raises(KeyboardInterrupt):
            train(other_words(), folders, run, stop)
        counts[len(folders)] = runs.load_json(run / runs.PROVENANCE)["data"]
    one, two = counts[1], counts[2]
    assert (one["name"], two["name"]) == ("mine", "mine + spoken")
    assert "folders" not in one
    assert two["folders"] == [{"name": "mine", "synthetic": False}, {"name": "spoken", "synthetic": True}]
    assert two["synthetic"] is False
    assert two["clips"]["training"]["dip"] > one["clips"]["training"]["dip"] + 20
    # What is measured is what people say.
    assert two["clips"]["validation"]["dip"] == one["clips"]["validation"]["dip"]
    with pytest.raises(KwsError, match="given twice"):
        train(other_words(), (own, own), tmp_path / "twice")


def test_the_command(tmp_path, own, capsys):
    """All that the command takes arrives: several folders, the model, and what is wrong with it."""
    synthetic = tones.write(tmp_path / "spoken", speakers=6, words=OTHER)
    (tmp_path / "model.tflite").write_bytes(spotting_model(1, units=(32,), words=("low", "up")).content)
    runs.write_config(other_words(epochs=1), tmp_path)
    config = str(tmp_path / runs.CONFIG)
    common = ["train", config, "--data", str(own), "--out", str(tmp_path / "run"), "--data"]
    assert cli.main([*common, str(own), "--from", str(tmp_path / "model.tflite")]) == 3
    assert "given twice" in capsys.readouterr().err
    assert cli.main([*common, str(synthetic), "--from", str(tmp_path / "model.tflite")]) == 3
    assert "write into [network]: lstm_units = [32]" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
