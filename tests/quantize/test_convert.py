"""Conversion of a run: the operators, the types, the metadata, and the same bytes as the clip-wise model."""

from __future__ import annotations

import dataclasses
import os
import shutil

import numpy as np
import pytest
import tones
from random_models import spotting_model

from kws import config, runs
from kws.errors import KwsError
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.frontends import LogMelConfig
from kws.model.file import METADATA_NAME, Model
from kws.network import Frame, LstmConfig, LstmNetwork
from kws.network.lstm_layer import CELL_CLIP, FloatLstm
from kws.network.tensorflow import import_tensorflow
from kws.quantize import convert as converter
from kws.quantize.convert import convert, quantize, single_step
from kws.tflite import parse

pytest.importorskip("tf_keras", reason="converting needs TensorFlow")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from kws.training.train import train

    data = tones.write(tmp_path_factory.mktemp("data") / "tones")
    folder = tmp_path_factory.mktemp("run")
    train(tones.experiment((20, 12), epochs=8), data, folder)
    return folder


@pytest.fixture(scope="module")
def result(run):
    return convert(run)


@pytest.fixture(scope="module")
def clipwise(run, result):
    """The converter's own file, over whole clips."""
    return quantize(run)


def test_operators_types_and_shapes(result):
    lstm = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert result.operators == (lstm, lstm, "FULLY_CONNECTED", "SOFTMAX")
    graph = parse(result.path.read_bytes())
    assert graph.tensors[graph.inputs[0]].shape == (1, 1, 40)
    assert graph.tensors[graph.outputs[0]].shape == (1, 1, 6)
    # Desktop TFLite wants the LSTM's intermediates, some of them float32, but not their values.
    assert {str(t.dtype) for t in graph.tensors if np.prod(t.shape)} == {"int8", "int16", "int32"}
    for op in graph.operators[:2]:
        kinds = [str(graph.tensors[i].dtype) for i in op.inputs if i >= 0]
        assert kinds == ["int8"] * 9 + ["int32"] * 4 + ["int8", "int16"]
    assert graph.tensors[graph.inputs[0]].scale == FEATURE_SCALE
    assert graph.tensors[graph.inputs[0]].zero_point == 0
    used = {i for op in graph.operators for i in (*op.inputs, *op.outputs, *op.intermediates)}
    assert used - {-1} == set(range(len(graph.tensors)))


def test_metadata(run, result):
    model = Model.load(run)
    info = model.require_info()
    settings = tones.experiment((20, 12), epochs=8)
    assert info.labels == settings.data.labels
    assert (info.frontend, info.detector) == (settings.frontend, settings.detector)
    best = runs.load_json(run / runs.PROVENANCE)["best"]
    assert info.provenance["best"] == best
    assert info.provenance["data"]["name"] == "tones"
    assert info.provenance["settings"]["training"]["seed"] == 1
    assert list(parse(model.content).metadata) == [METADATA_NAME]
    assert os.fspath(run).encode() not in model.content
    assert result.model.id == model.id
    assert result.size == (run / runs.MODEL).stat().st_size


def test_repeats_byte_for_byte(run, result):
    assert convert(run).path.read_bytes() == result.model.content


def test_single_step_is_the_clipwise_model_frame_by_frame(run, result, clipwise):
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime", reason="TFLM is not installed")
    clips = np.load(run / runs.CALIBRATION)[:10]
    rng = np.random.default_rng(1)
    clips = np.concatenate([clips, rng.integers(-128, 128, (10, *clips.shape[1:])).astype(np.int8)])
    interpreter = runtime.Interpreter.from_bytes(clipwise)
    expected = []
    for clip in clips:
        interpreter.reset()
        interpreter.set_input(clip[None], 0)
        interpreter.invoke()
        expected.append(interpreter.get_output(0)[0])
    network = result.model.network
    ours = network.run(clips, network.initial_state(len(clips))).outputs[-1].reshape(np.shape(expected))
    np.testing.assert_array_equal(ours, expected)
    stepwise = runtime.Interpreter.from_bytes(result.model.content)
    for clip, rows in zip(clips, expected, strict=True):
        stepwise.reset()
        for frame, row in zip(clip, rows, strict=True):
            stepwise.set_input(frame[None, None], 0)
            stepwise.invoke()
            np.testing.assert_array_equal(stepwise.get_output(0)[0, 0], row)


def test_int8_agrees_with_float(run, result):
    clips = np.load(run / runs.CALIBRATION)
    network = result.model.network
    ours = network.run(clips, network.initial_state(len(clips))).outputs[-1].reshape(*clips.shape[:2], -1)
    reference = runs.load_network(run).run(clips)
    assert np.mean(np.abs((ours + 128.0) / 256 - reference)) < 0.03
    assert np.mean(ours[:, -1].argmax(axis=1) == reference[:, -1].argmax(axis=1)) > 0.85


def test_float_reference_is_keras(run):
    tf, _ = import_tensorflow()
    network = runs.load_network(run)
    layers = LstmConfig((20, 12)).build(Frame.of(LogMelConfig()), 6, seed=3)
    layers.set(network)
    clips = np.load(run / runs.CALIBRATION)
    logits, _ = layers.logits(tf.constant(clips), layers.initial_state(len(clips)))
    np.testing.assert_allclose(network.run(clips), tf.nn.softmax(logits).numpy(), atol=1e-5)
    halves = network.initial_state(len(clips))
    parts = [network.run(clips[:, :11], halves), network.run(clips[:, 11:], halves)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), network.run(clips), atol=1e-6)


@pytest.mark.parametrize("clipped", [False, True])
def test_float_reference_and_stock_keras(clipped):
    """The same as Keras's own LSTM as long as no cell reaches the limit."""
    import tf_keras as keras

    rng = np.random.default_rng(4)
    lstm = FloatLstm(*(rng.normal(0, 0.3, shape).astype(np.float32) for shape in ((8, 24), (6, 24), (24,))))
    if clipped:
        # Input, forget and cell gates wide open: c grows by one a step.
        lstm.bias[:18] = 8
    x = rng.normal(0, 1, (5, 60, 8)).astype(np.float32)
    layer = keras.layers.LSTM(6, return_sequences=True, return_state=True)
    layer.build(x.shape)
    layer.set_weights([lstm.kernel, lstm.recurrent, lstm.bias])
    zero = np.zeros((5, 6), np.float32)
    hidden, _, c = lstm.run(x, zero, zero)
    their_hidden, _, their_c = (t.numpy() for t in layer(x))
    if clipped:
        assert np.abs(their_c).max() > 2 * CELL_CLIP
        assert np.abs(c).max() == CELL_CLIP
    else:
        np.testing.assert_allclose(hidden, their_hidden, atol=1e-5)
        np.testing.assert_allclose(c, their_c, atol=1e-5)


def test_weights_survive_the_file(run, tmp_path):
    network = runs.load_network(run)
    network.save(tmp_path / runs.WEIGHTS)
    for name, values in LstmNetwork.load(tmp_path / runs.WEIGHTS).arrays().items():
        np.testing.assert_array_equal(values, network.arrays()[name])
    (tmp_path / runs.WEIGHTS).write_bytes((run / runs.WEIGHTS).read_bytes()[:500])
    with pytest.raises(KwsError, match=r"does not hold a network's weights .*`kws train` with --restart"):
        LstmNetwork.load(tmp_path / runs.WEIGHTS)


def test_a_crash_is_an_error_with_the_last_lines(run, tmp_path, monkeypatch):
    (tmp_path / "crashing_converter.py").write_text(
        "import os, signal, sys\nprint('the last thing it said', file=sys.stderr)\n"
        "sys.stderr.flush()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setattr(converter, "_WORKER", "crashing_converter")
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    with pytest.raises(KwsError, match=r"converter crashed \(SIGKILL\); its last lines:\nthe last thing it said"):
        convert(run)


def test_a_place_that_cannot_be_written_is_told_before_the_converter_runs(run, tmp_path, monkeypatch):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / runs.MODEL).unlink(missing_ok=True)
    (tmp_path / "run" / runs.MODEL).mkdir()
    monkeypatch.setattr(converter, "_WORKER", "never_called")
    with pytest.raises(KwsError, match="it is a folder"):
        convert(tmp_path / "run")


def test_not_a_run(tmp_path):
    with pytest.raises(KwsError, match=r"is not the folder of a training run .* run `kws train` first"):
        convert(tmp_path)


def test_float_weights_are_those_of_the_model(result, run):
    """A training that went on since the conversion is another network."""
    model = Model.load(run)
    assert runs.network_of(model, run).lstms
    kept = (run / runs.WEIGHTS).read_bytes()
    try:
        network = runs.load_network(run)
        dataclasses.replace(network, bias=network.bias + np.float32(1)).save(run / runs.WEIGHTS)
        with pytest.raises(KwsError, match=r"is not what .* was converted from"):
            runs.network_of(model, run)
        dataclasses.replace(network, kernel=network.kernel[:, :-1], bias=network.bias[:-1]).save(run / runs.WEIGHTS)
        with pytest.raises(KwsError, match=r"is not what .* was converted from"):
            runs.network_of(spotting_model(1, units=(20, 12)), run)
    finally:
        (run / runs.WEIGHTS).write_bytes(kept)


def test_other_weights_than_the_settings(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    other = tones.experiment((20, 12), epochs=8)
    narrower = config.Experiment(data=other.data, network=LstmConfig(lstm_units=(20,)))
    runs.write_config(narrower, tmp_path / "run")
    with pytest.raises(KwsError, match=r"the weights are of a network of sizes \(40, 20, 12, 6\)"):
        convert(tmp_path / "run")


def test_an_unexpected_graph_is_refused(run, clipwise):
    network = runs.load_network(run)
    graph = parse(clipwise)
    graph.operators = graph.operators[:-1]
    with pytest.raises(KwsError, match=r"the converter made .* where .* was expected"):
        single_step(graph, network)
    graph = parse(clipwise)
    graph.tensors[graph.inputs[0]].zero_points = np.array([3])
    with pytest.raises(KwsError, match="the converter quantized the input"):
        single_step(graph, network)


def test_a_file_of_the_folder_is_no_module_of_the_converter(tmp_path, monkeypatch):
    """One converts in a project's folder, whoever made it: a json.py there is not what `import json` means."""
    (tmp_path / "json.py").write_text("raise SystemExit('run from the folder')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KwsError) as refused:
        quantize(tmp_path / "nothing")
    assert "run from the folder" not in str(refused.value)
