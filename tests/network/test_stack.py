"""Stacks of layers: float, Keras and int8 say the same, and a stream is a whole clip, byte for byte."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kws import network
from kws.config import Experiment
from kws.engines import opening
from kws.errors import KwsError
from kws.frontends import LogMelConfig, MicroFrontendConfig
from kws.model.reader import to_network
from kws.network import CnnConfig, CrnnConfig, DnnConfig, DsCnnConfig, Frame, GruConfig, LstmConfig, RnnConfig
from kws.network.graphs import dequantized
from kws.network.stack.layers import Average, Depthwise, History, MaxPool
from kws.network.tensorflow import import_tensorflow
from kws.tflite import build

FRAMES, CLIPS, LABELS = 12, 3, 5
SMALL = {"channels": (12, 16, 10), "rows": (5, 3)}
CASES = {
    "crnn": (CrnnConfig(lstm_units=(20,), channels=8), LogMelConfig(rows=2)),
    "crnn of two LSTMs": (CrnnConfig(kernel=(3, 6), lstm_units=(12, 9), channels=6), MicroFrontendConfig()),
    "crnn without context": (CrnnConfig(kernel=(4, 40), lstm_units=(9,), batch_norm=False), LogMelConfig(rows=4)),
    "ds-cnn over time": (DsCnnConfig(**SMALL, last_rows=6), LogMelConfig()),
    "ds-cnn over bands": (
        DsCnnConfig(**SMALL, kernel=(5, 10), band_stride=4, bands=4, average=False, last_rows=3),
        LogMelConfig(),
    ),
    "wake word": (DsCnnConfig(**SMALL, average=False, last_rows=5, probability=True), MicroFrontendConfig(rows=3)),
    "cnn": (CnnConfig(window_rows=32, channels=(4, 6), units=(9, 8)), LogMelConfig(rows=4)),
    "dnn": (DnnConfig(window_rows=16, units=(12, 8)), LogMelConfig(rows=2, bands=20)),
    "gru": (GruConfig(units=(14, 9)), LogMelConfig(rows=2)),
    "rnn": (RnnConfig(units=(14, 9)), MicroFrontendConfig()),
}
STEPS = ("gru", "rnn")
"""Those whose states are inputs and outputs: `test_step_networks.py` has what a stream is for them."""


def case(name, seed=1):
    """Settings, what is read, the network in Keras after some steps of training, features."""
    config, frontend = CASES[name]
    frame = Frame.of(frontend)
    tf, _ = import_tensorflow()
    layers = config.build(frame, LABELS, seed)
    x = np.random.default_rng(seed).integers(-128, 128, (CLIPS, FRAMES, frame.size)).astype(np.int8)
    for _ in range(3):  # batch normalisation sees something
        layers.logits(tf.constant(x), layers.initial_state(CLIPS), tf.constant([1, 2]))
    return config, frame, layers, x


def test_each_kind_has_a_line_and_a_name():
    assert {config.kind for config, _ in CASES.values()} == set(network.KINDS) - {"lstm", "teacher"}


@pytest.fixture(params=CASES)
def made(request):
    pytest.importorskip("tf_keras", reason="building a network needs TensorFlow")
    return case(request.param)


def test_numpy_is_keras_and_pieces_are_the_whole(made):
    config, frame, layers, x = made
    tf, _ = import_tensorflow()
    net = layers.get()
    expected = net.run(x)
    logits, _ = layers.logits(tf.constant(x), layers.initial_state(CLIPS))
    np.testing.assert_allclose(expected, tf.nn.softmax(logits).numpy(), atol=1e-5)
    first, state = layers.logits(tf.constant(x[:, :5]), layers.initial_state(CLIPS))
    second, _ = layers.logits(tf.constant(x[:, 5:]), state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), logits, atol=1e-4)
    state = net.initial_state(CLIPS)
    pieces = [net.run(x[:, :1], state), net.run(x[:, 1:7], state), net.run(x[:, 7:], state)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), expected, atol=1e-5)
    again = type(net).from_arrays(net.arrays())
    assert np.array_equal(again.run(x), expected)
    assert net.sizes == config.sizes(frame, LABELS)
    other = config.build(frame, LABELS, seed=2)
    other.set(net)
    logits, _ = other.logits(tf.constant(x), other.initial_state(CLIPS), None)
    np.testing.assert_allclose(tf.nn.softmax(logits).numpy(), expected, atol=1e-4)
    # What was folded in stays in.
    other.logits(tf.constant(x), other.initial_state(CLIPS), tf.constant([1, 2]))
    np.testing.assert_allclose(other.get().run(x), expected, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in CASES if name not in STEPS])
def test_a_stream_is_a_whole_clip_on_tflm(name):
    """The converted network, a frame a call, against the same layers over the padded clip; and NumPy's twin."""
    pytest.importorskip("tf_keras", reason="building a network needs TensorFlow")
    pytest.importorskip("tflite_micro", reason="the oracle is the tflm extra")
    _, frame, layers, x = case(name)
    net = layers.get()
    ranges = net.ranges(x)
    graph = net.quantized(x)
    whole, step = opening.tflm(build(net.graph(ranges, FRAMES))), opening.tflm(build(graph))
    twin = to_network(graph)
    ours = twin.run(x, twin.initial_state(CLIPS)).outputs[-1]
    for clip, expected in zip(x, ours, strict=True):
        whole.reset()
        whole.set_input(clip.reshape(1, -1, frame.bands), 0)
        whole.invoke()
        assert np.array_equal(whole.get_output(0).reshape(expected.shape), expected)
        step.reset()
        for row, posteriors in zip(clip, expected, strict=True):
            step.set_input(row.reshape(1, frame.rows, frame.bands), 0)
            step.invoke()
            assert np.array_equal(step.get_output(0).reshape(-1), posteriors)


def test_int8_is_near_the_float_network_and_becomes_one_again(made):
    config, _, layers, x = made
    net = layers.get()
    graph = net.quantized(x)
    assert tuple(op.name for op in graph.operators) == net.operators
    twin = to_network(graph)
    ours = (twin.run(x, twin.initial_state(CLIPS)).outputs[-1].astype(np.float64) + 128) / 256
    expected = net.run(x)[..., -1:] if config.one_probability else net.run(x)
    assert np.abs(ours.reshape(expected.shape) - expected).max() < 0.04
    kind = network.of_graph(graph)
    assert kind is type(net)
    assert kind.objection(graph) is None
    back = kind.from_graph(graph)
    assert back.sizes == net.sizes
    assert np.abs(back.run(x)[..., -1] - net.run(x)[..., -1]).max() < 0.04
    for found in (net.settings, back.settings):
        assert found == {key: value for key, value in config.as_dict().items() if key in found}
        assert found.keys() == config.as_dict().keys() - {"kind", "dropout", "batch_norm", "round_state"}


def test_every_tensor_is_traced_in_the_shape_that_the_file_has(made):
    """As `kws.quantize.noise` compares them: values by clip and call."""
    _, _, layers, x = made
    net = layers.get()
    graph = net.quantized(x)
    twin = to_network(graph)
    heard = twin.run(x, twin.initial_state(CLIPS))
    outputs = {
        layer.output: values.reshape(CLIPS, FRAMES, -1)
        for layer, values in zip(twin.layers, heard.outputs, strict=True)
    }
    traced, formats, matrices = net.trace(x), net.formats(graph), net.matrices()
    assert set(net.tensors) == set(traced) | set(matrices)
    assert set(traced) == set(formats)
    for name, values in traced.items():
        found = formats[name]
        if found.state is None and found.place is not None:
            stored = dequantized(outputs[found.place], found.tensor)
            assert stored.shape == values.shape, name
            assert np.abs(stored - values).max() < 0.1 * max(1.0, np.abs(values).max()), name
    stored = type(net).from_graph(graph).matrices()
    for name, values in matrices.items():
        changed = net.with_matrix(name, np.zeros_like(values))
        assert not np.any(changed.matrices()[name])
        assert stored[name].shape == values.shape
        assert np.array_equal(changed.with_matrix(name, values).run(x), net.run(x)), name


def test_a_wake_words_posterior_is_its_own(made):
    config, _, layers, x = made
    posteriors = layers.get().run(x)
    np.testing.assert_allclose(posteriors.sum(axis=-1), 1, atol=1e-5)
    kernel, bias = layers.get().head
    changed = kernel.copy()
    changed[:, 0] += 1
    moved = layers.get().with_head(changed, bias).run(x)
    # The others share what it leaves; with softmax each pushes all.
    assert np.allclose(moved[..., -1], posteriors[..., -1], atol=1e-6) == config.one_probability


def test_what_the_settings_make():
    layers = DsCnnConfig(**SMALL, bands=3, last_rows=6).layers(Frame.of(LogMelConfig()), 4)
    assert sum(isinstance(layer, Depthwise) for layer in layers) == 2
    assert [layer.rows for layer in layers if isinstance(layer, History)] == [4, 4, 2, 5]
    assert any(isinstance(layer, Average) for layer in layers)
    assert any(isinstance(layer, MaxPool) for layer in CnnConfig().layers(Frame.of(LogMelConfig()), 4))
    assert not any(isinstance(layer, MaxPool) for layer in CnnConfig(pool_bands=1).layers(Frame.of(LogMelConfig()), 4))


@pytest.mark.parametrize(
    ("settings", "frontend", "says"),
    [
        (CrnnConfig(kernel=(1, 8)), LogMelConfig(rows=2), "less than frontend.rows = 2"),
        (CrnnConfig(kernel=(5, 41)), LogMelConfig(), "41 bands does not fit 40"),
        (CrnnConfig(kernel=(6, 8)), LogMelConfig(rows=4), None),
        (LstmConfig(), MicroFrontendConfig(), "hears the front end log_mel alone"),
        (CnnConfig(window_rows=47), LogMelConfig(rows=4), "does not fit the 47 rows of a call"),
    ],
)
def test_settings_that_do_not_go_together(settings, frontend, says):
    if says is None:
        assert Experiment(network=settings, frontend=frontend).network is settings
        return
    with pytest.raises(KwsError, match=says):
        Experiment(network=settings, frontend=frontend)


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (CrnnConfig, {"kernel": (5,)}, "kernel must be"),
        (CrnnConfig, {"lstm_units": ()}, "lstm_units must be 1 to 8"),
        (DsCnnConfig, {"rows": (3,)}, "network.rows one less"),
        (CnnConfig, {"channels": (3,)}, "must be two numbers each"),
        (DnnConfig, {"units": ()}, "units must be 1 to 8"),
    ],
)
def test_settings_that_are_refused(kind, values, says):
    with pytest.raises(KwsError, match=says):
        kind(**values)


def test_one_probability_is_for_one_word():
    with pytest.raises(KwsError, match="probability = true is for one word"):
        Experiment(network=DsCnnConfig(probability=True))


def test_foreign_graphs_are_no_stack(made):
    """A network of the same operators, but not as kws trains them, is refused with the reason."""
    _, _, layers, x = made
    net = layers.get()
    graph = net.quantized(x)
    position = next(
        i for i, op in enumerate(graph.operators) if op.name in ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D")
    )
    op = graph.operators[position]
    graph.operators[position] = dataclasses.replace(op, options={**op.options, "FusedActivationFunction": 3})
    assert "another activation than ReLU" in type(net).objection(graph)
