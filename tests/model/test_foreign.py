"""Files that kws did not make and cannot run: each refused before anything runs, in words that help.

``foreign/`` holds what converters really wrote, and files whose shapes lie.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from random_models import random_graph

from kws import audio
from kws.cli.main import main
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.model.file import Model
from kws.model.reader import to_network
from kws.tflite import Graph, Operator, build, parse
from kws.verify.compare import EngineReport, compare

FILES = Path(__file__).parent / "foreign"
REFUSED = {
    "b_fc_out_mismatch": r"FULLY_CONNECTED \(number 0\): its output 't' has shape \[1, 7\] where it computes \[1, 4\]",
    "b_softmax_out_shape": r"SOFTMAX \(number 0\): its output 't' has shape \[1, 50000\] where it computes \[1, 5\]",
    "gru_float": "it is a GRU as a loop.*convert one step of it",
    "keras3_lstm_float": "it is an LSTM as a loop.*Keras 3.*tf_keras.*TFLITE_BUILTINS_INT8",
    "lstm_small_range": r"cell scale is 2\^-25.*convert it again",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name):
    with pytest.raises(KwsError, match=REFUSED[name]):
        Model.load(FILES / f"{name}.tflite")


def test_every_file_is_tried():
    assert {path.stem for path in FILES.glob("*.tflite")} == {*REFUSED, "lstm_float_io"}


def test_float_ends_run_as_the_oracle_runs_them():
    """TensorFlow's default conversion: QUANTIZE at the input and DEQUANTIZE at the output."""
    model = Model.load(FILES / "lstm_float_io.tflite")
    assert [layer.name for layer in model.network.layers][:1] == ["UNIDIRECTIONAL_SEQUENCE_LSTM"]
    x = np.random.default_rng(1).integers(-128, 128, (60, model.network.input_size)).astype(np.int8)
    x[0], x[1] = -128, 127
    expected, found = NumpyEngine(model), TflmEngine(model)
    report = EngineReport("tflm", True)
    for _ in range(2):
        expected.reset()
        found.reset()
        compare(model, "float ends", expected.run_network(x), found.run_network(x), report)
    assert report.first is None, str(report.first)
    assert report.posteriors[0] > 0


def test_operators_of_tensorflow_itself():
    graph = random_graph(1)
    graph.operators[1].name = "CUSTOM:FlexErf"
    with pytest.raises(KwsError, match=r"operators of TensorFlow itself \(Erf; SELECT_TF_OPS\)"):
        to_network(graph)


def test_dynamic_range_is_named():
    """Weights in int8 and everything else in float: what a conversion without representative data gives."""
    graph = random_graph(1)
    for tensor in graph.tensors:
        if tensor.data is None or tensor.dtype != np.int8:
            tensor.dtype, tensor.data = np.dtype(np.float32), None
    with pytest.raises(KwsError, match=r"some weights in int8 \(dynamic range\).*convert it wholly to int8"):
        to_network(graph)


@pytest.mark.parametrize("name", ["b_fc_out_mismatch", "b_softmax_out_shape"])
@pytest.mark.parametrize("verb", ["verify", "export"])
def test_nothing_runs_and_nothing_is_written(verb, name, tmp_path, capsys):
    out = [] if verb == "verify" else ["--out", str(tmp_path / "out")]
    assert main([verb, str(FILES / f"{name}.tflite"), *out]) != 0
    assert "where it computes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


WORDS = ("evaluate", "stream-test", "tune", "compare", "clips")
TAKING = {
    **{verb: ["--data", "DATA"] for verb in WORDS},
    **{"spot": ["WAV"], "listen": ["--input", "WAV"], "verify": [], "gate": [], "phrases": []},
    **{"export": ["--out", "OUT"], "build": ["--out", "OUT"]},
}


@pytest.mark.parametrize("verb", TAKING)
def test_every_verb_says_what_import_says(verb, spoken, tmp_path, capsys):
    """The file, and the reason; nothing is written."""
    path = str(FILES / "keras3_lstm_float.tflite")
    audio.write(tmp_path / "x.wav", np.zeros(16000, np.int16))
    named = {"DATA": str(spoken), "WAV": str(tmp_path / "x.wav"), "OUT": str(tmp_path / "out")}
    model = ["nrf52840", "--model", path] if verb == "build" else [path]
    assert main(["import", path]) == 3
    said = capsys.readouterr().err
    assert re.search(REFUSED["keras3_lstm_float"], said)
    assert main([verb, *model, *(named.get(option, option) for option in TAKING[verb])]) == 3
    assert capsys.readouterr().err == said
    assert not (tmp_path / "out").exists()


def test_a_float_model_is_named_as_one():
    graph = random_graph(1)
    for tensor in graph.tensors:
        tensor.dtype = np.dtype(np.float32)
        tensor.data = None
    graph.operators[1].name = "ELU"
    with pytest.raises(KwsError, match=r"float model.*convert it wholly to int8.*operator ELU"):
        to_network(graph)


def test_a_loop_of_something_else():
    graph = random_graph(1)
    graph.operators.insert(0, Operator("WHILE", (0,), (1,)))
    graph.subgraphs = [Graph([], [Operator("ADD", (), ())], (), ())]
    with pytest.raises(KwsError, match="holds a loop"):
        to_network(graph)


def edited(change, **options):
    graph = random_graph(1, **options)
    change(graph, graph.tensors)
    return graph


def of_operator(name, position, **values):
    """Edit what an operator reads (0 and up) or writes (-1)."""

    def change(graph, tensors):
        op = next(op for op in graph.operators if op.name == name)
        tensor = tensors[op.outputs[0] if position < 0 else op.inputs[position]]
        for key, value in values.items():
            setattr(tensor, key, value)

    return change


LSTM, DENSE = "UNIDIRECTIONAL_SEQUENCE_LSTM", "FULLY_CONNECTED"
SHAPES = {
    "LSTM's output": (LSTM, -1, (1, 1, 31), r"shape \[1, 1, 31\] where it computes \[1, 1, 32\]"),
    "another rank": (DENSE, -1, (1, 1, 12), r"shape \[1, 1, 12\] where it computes \[1, 12\]"),
    "softmax": ("SOFTMAX", -1, (1, 13), r"shape \[1, 13\] where it computes \[1, 12\]"),
    "hidden state": (LSTM, 18, (1, 33), r"hidden state 'lstm_0_h' has shape \[1, 33\], not \[1, 32\]"),
    "cell state": (LSTM, 19, (2, 32), r"cell state 'lstm_0_c' has shape \[2, 32\], not \[1, 32\]"),
    "batch": (LSTM, 0, (2, 1, 40), "batch is 2"),
    "input": (LSTM, 0, (1, 1, 41), r"shape \[1, 1, 41\], not \[1, steps, 40\]"),
    "no values": (LSTM, 0, (1, 0, 40), "no values"),
    "no dimensions": (LSTM, 0, (), "no values"),
    "huge": (LSTM, 0, (1, 2**31 - 1, 40), "at once are more than"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_declared_shapes_are_the_computed_ones(name):
    op, position, shape, message = SHAPES[name]
    with pytest.raises(KwsError, match=message):
        to_network(edited(of_operator(op, position, shape=shape)))


@pytest.mark.parametrize(("position", "shape"), [(1, (8, 160)), (2, (6,)), (2, (12, 1))])
def test_constants_too(position, shape):
    graph = edited(lambda *_: None)
    tensor = graph.tensors[graph.operators[1].inputs[position]]
    tensor.shape, tensor.data = shape, np.resize(tensor.data, shape)
    with pytest.raises(KwsError, match=DENSE):
        to_network(parse(build(graph)))


def test_data_fill_their_shape():
    graph = edited(of_operator(LSTM, 1, shape=(2**31 - 1, 2**31 - 1, 2**31 - 1)))
    with pytest.raises(KwsError, match=r"tensor 'lstm_0_wi' of shape .* is \d+ bytes; its data are 1280"):
        parse(build(graph))


@pytest.mark.parametrize(("steps", "keep"), [(1, 0), (4, 1)])
def test_rows_as_long_as_the_weights(steps, keep):
    """With its dimensions kept, a dense layer cannot cut rows anew: the C would read past the input."""
    graph = random_graph(1, steps=4, units=(6,), head="frame_dense")
    dense = graph.operators[1]
    weights = graph.tensors[dense.inputs[1]]
    weights.shape, weights.data = (12, 12), np.resize(weights.data, (12, 12))
    graph.tensors[dense.outputs[0]].shape = graph.tensors[graph.outputs[0]].shape = (1, 4, 12)
    with pytest.raises(KwsError, match=r"rows of 6; its weights are for 12"):
        to_network(graph)


OTHERS = {
    "constant output": (of_operator(DENSE, -1, data=np.zeros((1, 12), np.int8)), "is constant, and values are"),
    "constant input": (of_operator(LSTM, 0, data=np.zeros((1, 1, 40), np.int8)), "is constant, and values are"),
    "state as output": (of_operator(DENSE, -1, is_variable=True), "is a state, and values are written to it"),
    "plain state": (of_operator(LSTM, 18, is_variable=False), "not variable tensors"),
    "state of a dense layer": (of_operator(DENSE, 1, is_variable=True), "it has 1 states, not 0"),
    "far scales": (of_operator(LSTM, 6, scales=np.array([3e38], np.float32)), "shifts would leave 32 bits"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_malformed_models(name):
    change, message = OTHERS[name]
    with pytest.raises(KwsError, match=message):
        to_network(edited(change))


def test_a_state_has_one_owner():
    graph = random_graph(1, units=(40, 40))
    first, second = graph.operators[:2]
    second.inputs = (*second.inputs[:18], first.inputs[18], *second.inputs[19:])
    h, out = (graph.tensors[i] for i in (first.inputs[18], second.outputs[0]))
    out.scales, out.zero_points = h.scales, h.zero_points
    with pytest.raises(KwsError, match="'lstm_0_h' is the state of more than one operator"):
        to_network(graph)


@pytest.mark.parametrize("wanted", [(2, 3), (1, 7), (0,), (-1, -1), (2**31 - 1, 2)])
def test_reshape_makes_what_its_operand_says(wanted):
    graph = random_graph(1, units=(3,), steps=2, head="flatten")
    shape = graph.tensors[graph.operators[1].inputs[1]]
    shape.shape, shape.data = (len(wanted),), np.array(wanted, np.int32)
    with pytest.raises(KwsError, match="RESHAPE"):
        to_network(graph)


def test_reshape_may_leave_one_dimension_open():
    graph = random_graph(1, units=(3,), steps=2, head="flatten")
    graph.tensors[graph.operators[1].inputs[1]].data = np.array((1, -1), np.int32)
    assert to_network(graph).output_shape == (1, 12)


@pytest.mark.parametrize("activation", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-45, 1e-38, 4e-10, 2.5e-9, 3e-9, 1e-3])
def test_tiny_scales_under_an_activation(scale, activation):
    """The quantized limit must fit int32: where TFLM's Prepare fails, kws refuses; elsewhere they agree."""
    graph = random_graph(1, units=(4,), inputs=5, outputs=3, activation=activation, head="frame_dense")
    out = graph.tensors[graph.operators[1].outputs[0]]
    weights = graph.tensors[graph.operators[1].inputs[1]]
    out.scales = np.array([scale], np.float32)
    # So that the factor itself stays in range.
    weights.scales = weights.scales * np.float32(max(scale, 1e-35))
    graph.operators.pop()
    graph.outputs = graph.operators[-1].outputs
    limit = {1: 0.0, 2: 1.0, 3: 6.0}[activation]
    content = build(graph)
    accepted = float(np.float32(limit)) / float(np.float32(scale)) < 2**31
    assert accepted == _tflm_loads(content)
    if not accepted:
        with pytest.raises(KwsError, match="leaves int32; TFLM refuses it too"):
            Model.from_bytes(content)
        return
    model = Model.from_bytes(content)
    x = np.random.default_rng(1).integers(-128, 128, (20, 5)).astype(np.int8)
    network = model.network
    ours = network.run(x[None], network.initial_state()).outputs[-1][0]
    assert np.array_equal(TflmEngine(model).run_network(x).posteriors, ours)


def _tflm_loads(content):
    from kws.engines import opening

    try:
        opening.tflm(content)
    except RuntimeError:
        return False
    return True
