"""``kws ensemble``: several networks in one file, whose posteriors are the mean of theirs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import needs
from random_models import bare_model, spotting_model, wake_model
from random_stacks import stack_model

from kws import shipped
from kws.cli.exit_codes import BAD_INPUT, OK
from kws.cli.main import main
from kws.decisions import CtcConfig, DetectorConfig
from kws.frontends import LogMelConfig
from kws.model.file import Model, ModelInfo, with_decision, with_detector, with_info
from kws.network import CrnnConfig, DsCnnConfig, GruConfig
from kws.quantize.ensemble import ensemble

STACKS = (CrnnConfig(lstm_units=(9,), channels=6), DsCnnConfig(channels=(8, 9), rows=(3,)), GruConfig(units=(7,)))


def joined(*models):
    return Model.from_bytes(ensemble([(f"m{i}", model) for i, model in enumerate(models)]))


def posteriors(model, features):
    """Of frames of features, int8 [frames, features]."""
    heard = model.network.run(features[None], model.network.initial_state(1))
    return heard.outputs[-1][0].reshape(len(features), -1).astype(int)


def features_for(model, frames=24, seed=1):
    shape = (frames, model.network.input_size)
    return np.random.default_rng(seed).integers(-60, 90, shape).astype(np.int8)


def require_mean(model, members, features):
    """The model's posteriors are the members' mean; members with shorter frames hear the same rows one by one."""
    each = []
    for member in members:
        rows = features.reshape(-1, member.network.input_size)
        told = posteriors(member, rows)
        each.append(told[len(rows) // len(features) - 1 :: len(rows) // len(features)])
    mean = np.mean(each, axis=0)
    found = posteriors(model, features)
    assert np.abs(found - mean).max() <= 0.5
    assert len({array.tobytes() for array in (found, *each)}) == len(members) + 1


def test_the_mean_of_shipped_networks_of_other_kinds_and_frames():
    members = [Model.load(shipped.models()[name]) for name in ("commands12", "commands12-crnn", "commands12-tiny")]
    model = joined(*members)
    require_mean(model, members, features_for(model))
    info, lead = model.require_info(), members[1].require_info()
    assert (info.labels, info.frontend, info.decision) == (lead.labels, lead.frontend, lead.decision)
    assert model.network.weight_bytes == sum(member.network.weight_bytes for member in members)
    told = info.provenance["members"]
    assert [(m["name"], m["id"]) for m in told] == [(f"m{i}", member.id) for i, member in enumerate(members)]
    assert told[0]["settings"]["network"]["lstm_units"] == [80, 80]
    assert info.data == lead.data


def test_the_mean_of_random_lstms_and_of_wake_words():
    for members in ([spotting_model(s, units=(4 + s, 5)) for s in (1, 2)], [wake_model(s) for s in (3, 4, 5)]):
        model = joined(*members)
        require_mean(model, members, features_for(model))


def stack(config, seed):
    info = ModelInfo(("_silence_", "_unknown_", "yes", "no"), LogMelConfig(rows=2), DetectorConfig(3, 0.25, 5), {})
    return stack_model(config, info, seed)


@pytest.mark.slow
@needs("make", "cc")
def test_every_kind_of_state_on_three_engines(tmp_path):
    """Ring buffers of two members, carried states as inputs and outputs, LSTMs: NumPy, TFLM and C agree on each."""
    pytest.importorskip("tf_keras", reason="building a network needs TensorFlow")
    pytest.importorskip("tflite_micro", reason="the oracle is the tflm extra")
    lstm = Model.load(shipped.models()["yes-no"])
    members = [*(stack(config, 3) for config in STACKS), stack(STACKS[0], 4), stack(STACKS[2], 5), lstm]
    model = joined(*members)
    require_mean(model, members, features_for(model))
    path = tmp_path / "all.tflite"
    path.write_bytes(model.content)
    assert main(["verify", str(path), "--engines", "numpy,tflm,c", "--random", "1"]) == OK


def test_exact_on_tflm_and_the_same_bytes_again():
    pytest.importorskip("tflite_micro", reason="the oracle is the tflm extra")
    from kws.engines.interpreters import TflmEngine

    names = ("always-on/commands12-crnn", "always-on/commands12-large")
    members = [Model.load(shipped.models()[name]) for name in names]
    model = joined(*members)
    assert joined(*members).content == model.content
    features = features_for(model, 40)
    found = TflmEngine(model).run_network(features).posteriors
    assert np.array_equal(found.reshape(40, -1), posteriors(model, features))


@pytest.fixture
def files(tmp_path):
    made = {
        "a": spotting_model(1, units=(4,)),
        "b": spotting_model(2, units=(5,)),
        "words": spotting_model(3, words=("yes", "no"), units=(4,)),
        "bands": spotting_model(4, frontend=LogMelConfig(bands=20), units=(4,)),
        "wide": spotting_model(5, frontend=LogMelConfig(rows=2), units=(4,)),
        "wider": spotting_model(6, frontend=LogMelConfig(rows=4), units=(4,)),
        "bare": bare_model(7),
    }
    for name, model in made.items():
        (tmp_path / f"{name}.tflite").write_bytes(model.content)
    info = made["a"].require_info()
    (tmp_path / "ctc.tflite").write_bytes(with_decision(made["b"], CtcConfig()))
    (tmp_path / "same.tflite").write_bytes(with_info(made["a"].graph, replace(info, provenance={"note": "again"})))
    return tmp_path


def test_the_verb_writes_a_model_that_spots(files, capsys):
    out, nested = files / "both.tflite", files / "nested.tflite"
    options = [str(files / "a.tflite"), str(files / "b.tflite"), "--out", str(out)]
    assert main(["ensemble", *options]) == OK
    text = capsys.readouterr().out
    assert "the mean of 2 networks" in text
    assert f"kws tune {out}" in text.replace("\n", " ")
    assert main(["ensemble", *options, "--json"]) == OK
    told = json.loads(capsys.readouterr().out)
    model = Model.load(out)
    assert (told["id"], told["members"], told["call_ms"]) == (model.id, ["a", "b"], 20)
    assert (told["weight_bytes"], told["macs"]) == (model.network.weight_bytes, model.network.macs)
    assert [m["name"] for m in model.require_info().provenance["members"]] == ["a", "b"]
    assert main(["ensemble", str(out), str(files / "a.tflite"), "--out", str(nested)]) == BAD_INPUT
    assert "name its 2 members" in capsys.readouterr().err
    assert not nested.exists()


def test_the_shipped_one_is_what_the_verb_makes(tmp_path):
    """But for its thresholds: of members that go by their names among the models that come with kws."""
    (path,) = (path for name, path in shipped.models().items() if name.startswith(f"{shipped.ENSEMBLES}/"))
    told = Model.load(path).require_info()
    names = [member["name"] for member in told.provenance["members"]]
    out = tmp_path / "both.tflite"
    assert main(["ensemble", *(str(shipped.models()[name]) for name in names), "--out", str(out)]) == OK
    tuned = with_detector(Model.load(out), told.detector, told.provenance["tuned"])
    assert tuned == path.read_bytes()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a"], "two members or more"),
        (["a", "a"], "same network"),
        (["a", "same"], "same network"),
        (["a", "words"], "the labels"),
        (["a", "bands"], "another front end"),
        (["wide", "wider"], "Train both with the same frontend.rows"),
        (["a", "ctc"], "decides by ctc"),
        (["a", "bare"], "bare network"),
        (["a", "nothing"], "nothing.tflite"),
    ],
)
def test_refused_and_nothing_written(files, names, message, capsys):
    out = files / "out.tflite"
    assert main(["ensemble", *(str(files / f"{name}.tflite") for name in names), "--out", str(out)]) == BAD_INPUT
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not out.exists()
