"""GRU and RNN from training to a board: states are the graph's inputs and outputs, and every engine keeps them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tones
from conftest import needs

from kws import codegen, network, runs
from kws.errors import KwsError
from kws.frontends import LogMelConfig
from kws.image.make import make_image
from kws.model.reader import to_network
from kws.network import Frame, GruConfig, RnnConfig
from kws.network.gru_layer import FloatGru
from kws.network.tensorflow import import_tensorflow
from kws.quantize import noise
from kws.quantize.convert import convert
from kws.quantize.dequantize import dequantize
from kws.training.train import TrainOptions, train
from kws.verify.compare import verify

KINDS = {"gru": GruConfig(units=(10, 7)), "rnn": RnnConfig(units=(16, 12))}


@pytest.fixture(params=KINDS)
def kind(request):
    pytest.importorskip("tf_keras", reason="building a network needs TensorFlow")
    return request.param


def built(kind, **settings):
    return dataclasses.replace(KINDS[kind], **settings).build(Frame.of(LogMelConfig()), 6, seed=1)


def features(frames=30, clips=4):
    return np.random.default_rng(1).integers(-128, 128, (clips, frames, 40)).astype(np.int8)


def test_a_gru_is_keras_own():
    """In the form with the reset behind the product, within the limits; gates are in another order there."""
    pytest.importorskip("tf_keras", reason="it is compared with Keras")
    _, keras = import_tensorflow()
    layer = keras.layers.GRU(5, return_sequences=True, reset_after=True)
    x = np.random.default_rng(2).normal(0, 0.5, (3, 9, 4)).astype(np.float32)
    layer.build(x.shape)
    weights = [np.random.default_rng(k).normal(0, 0.5, w.shape).astype(np.float32) for k, w in enumerate(layer.weights)]
    layer.set_weights(weights)
    kernel, recurrent, (of_x, of_h) = weights
    bias = of_x + np.concatenate([of_h[:10], np.zeros(5, np.float32)])
    ours = FloatGru(kernel, recurrent, bias, of_h[10:])
    found, last = ours.run(x, np.zeros((3, 5), np.float32))
    expected = layer(x).numpy()
    np.testing.assert_allclose(found["hidden"], expected, atol=1e-5)
    np.testing.assert_allclose(last, expected[:, -1], atol=1e-5)


def test_training_rounds_the_state_and_nothing_else_does(kind):
    tf, _ = import_tensorflow()
    x, made = (
        tf.constant(features()),
        {rounds: built(kind, round_state=rounds, dropout=0.0) for rounds in (True, False)},
    )
    for rounds, layers in made.items():
        plain, _ = layers.logits(x, layers.initial_state(4))
        trained, state = layers.logits(x, layers.initial_state(4), tf.constant([1, 2]))
        assert np.allclose(plain, trained, atol=1e-5) != rounds
        steps = np.concatenate([h.numpy().reshape(-1) for states in state for h in states]) * 128
        assert np.allclose(steps, np.rint(steps), atol=1e-3) == rounds
    with tf.GradientTape() as tape:
        logits, _ = made[True].logits(x, made[True].initial_state(4), tf.constant([1, 2]))
        total = tf.reduce_sum(logits**2)
    assert all(np.abs(g).max() > 0 for g in tape.gradient(total, made[True].trainable))


def test_the_int8_network_is_near_the_float_one_over_a_long_stream(kind):
    """Errors of the state do not add up: as near after 400 frames as at first."""
    net, x = built(kind).get(), features(400)
    graph = net.quantized(x[:, :100])
    twin = to_network(graph)
    int8 = (twin.run(x, twin.initial_state(4)).outputs[-1] + 128.0) / 256
    error = np.abs(int8 - net.run(x))
    assert error.max() < 0.06
    assert error[:, -50:].mean() < 0.01


def test_other_wiring_is_another_network(kind):
    graph = built(kind).get().quantized(features())
    float_network = network.of_graph(graph)
    assert float_network is KINDS[kind].float_network
    assert float_network.objection(graph) is None
    at = next(i for i, op in enumerate(graph.operators) if op.name == "ADD")
    op = graph.operators[at]
    graph.operators[at] = dataclasses.replace(op, inputs=op.inputs[::-1])
    assert "read one another otherwise" in float_network.objection(graph)


def test_there_is_no_graph_of_a_whole_clip(kind):
    net = built(kind).get()
    with pytest.raises(KwsError, match="its state is the caller's"):
        net.graph(net.ranges(features()), 12)


def test_frames_of_several_windows_are_read_whole():
    for settings in KINDS.values():
        assert settings.sizes(Frame.of(LogMelConfig(rows=2)), 6)[0] == 80


@pytest.mark.parametrize("settings", [GruConfig, RnnConfig])
@pytest.mark.parametrize(
    ("values", "says"), [({"units": ()}, "units must be 1 to 8 widths"), ({"units": (0,)}, "network.units")]
)
def test_settings_that_are_refused(settings, values, says):
    with pytest.raises(KwsError, match=says):
        settings(**values)


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    """A run of some seconds on tones, and its model."""
    pytest.importorskip("tf_keras", reason="training needs TensorFlow")
    folder = tmp_path_factory.mktemp(request.param)
    data, run = tones.write(folder / "tones"), folder / "run"
    settings = dataclasses.replace(tones.experiment(epochs=8), network=KINDS[request.param])
    history = train(settings, data, run)
    return settings, data, run, history, convert(run).model


@pytest.mark.slow
def test_from_training_to_an_exact_model(trained):
    settings, data, run, history, model = trained
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert runs.load_config(run) == settings
    assert model.info.words == tuple(tones.WORDS)
    report = verify(model, ["tflm", "c"], random=3)
    assert report.ok, [str(engine.first) for engine in report.engines]
    float_network = runs.network_of(model, run)
    assert dequantize(model).sizes == float_network.sizes
    measured = noise.of_run(run, model)
    assert [t.name for t in measured.tensors] == list(float_network.tensors)
    assert measured.posteriors_db > 15
    again = train(settings, data, run.parent / "again", options=TrainOptions(start=run / "model.tflite"))
    assert again.epochs[0].loss < history.epochs[0].loss


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
def test_on_an_emulated_board(trained, tmp_path):
    *_, model = trained
    codegen.export(model, tmp_path / "exported")
    assert make_image(tmp_path / "exported", tmp_path / "build", "mps2_an386", "spotter").is_file()
    report = verify(model, ["qemu"], random=1)
    assert report.ok, [str(engine.first) for engine in report.engines]
    assert report.engines[0].values > 10_000
