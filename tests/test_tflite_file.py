"""Reading and writing .tflite files: round trips, damaged files, refused networks."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
import tflite
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import bare_model, random_graph, spotting_model

from kws.errors import KwsError
from kws.model.file import METADATA_NAME, Model, ModelInfo
from kws.model.reader import to_network
from kws.tflite import Graph, Operator, Tensor, build, parse


def test_round_trip_is_byte_identical():
    content = build(random_graph(1, units=(16, 8), steps=3, head="last"))
    graph = parse(content)
    assert build(graph) == content
    assert [op.name for op in graph.operators] == [
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "STRIDED_SLICE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    assert graph.operators[0].options["FusedActivationFunction"] == 4
    assert graph.operators[0].options["CellClip"] == 10.0


def test_constant_data_is_aligned():
    """TFLM uses weights where they lie in the file."""
    content = build(random_graph(1))
    for tensor in parse(content).tensors:
        if tensor.data is not None and tensor.data.nbytes >= 64:
            assert content.find(tensor.data.tobytes()) % 16 == 0


def test_metadata_round_trip():
    model = spotting_model(1)
    again = Model.from_bytes(model.content)
    assert again.info == model.info
    assert ModelInfo.from_json(model.info.to_json()) == model.info
    assert again.id == model.id


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 100, b"RIFF1234WAVEfmt ", "naïve text".encode()])
def test_not_a_model(content):
    with pytest.raises(KwsError, match=r"not a .tflite file"):
        Model.from_bytes(content, "it")


@settings(max_examples=150)
@given(st.data())
def test_damaged_files_never_crash(data):
    """A cut or overwritten file is refused with a KwsError, or reads as some valid network."""
    content = bytearray(spotting_model(1, units=(8,)).content)
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(8, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            place = data.draw(st.integers(8, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(KwsError):
        Model.from_bytes(bytes(content))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_truncated_file_is_refused(share):
    content = spotting_model(1).content
    with pytest.raises(KwsError):
        Model.from_bytes(content[: int(len(content) * share)])


def changed(change, **options):
    graph = random_graph(1, **options)
    change(graph)
    return graph


def rename(old, new):
    def change(graph):
        for op in graph.operators:
            if op.name == old:
                op.name = new

    return change


def test_unsupported_operator_is_named():
    graph = changed(rename("SOFTMAX", "HARD_SWISH"))
    with pytest.raises(KwsError, match="operator HARD_SWISH is not one the firmware can run"):
        Model.from_bytes(build(graph))


def test_the_greater_of_two_operator_codes_counts():
    """TFLM runs a hard swish here, whatever the older field says."""
    content = bytearray(build(random_graph(1)))
    model = tflite.Model.GetRootAs(content, 0)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    (softmax,) = (code for code in codes if code.DeprecatedBuiltinCode() == tflite.BuiltinOperator.SOFTMAX)
    place = softmax._tab.Pos + softmax._tab.Offset(10)
    assert struct.unpack_from("<i", content, place) == (tflite.BuiltinOperator.SOFTMAX,)
    struct.pack_into("<i", content, place, tflite.BuiltinOperator.HARD_SWISH)
    assert [op.name for op in parse(bytes(content)).operators][-1] == "HARD_SWISH"


def edit_tensor(index, **values):
    def change(graph):
        for name, value in values.items():
            setattr(graph.tensors[index], name, value)

    return change


def set_input(op, position, tensor):
    def change(graph):
        inputs = list(graph.operators[op].inputs)
        inputs[position] = tensor
        graph.operators[op].inputs = tuple(inputs)

    return change


def set_option(op, name, value):
    def change(graph):
        graph.operators[op].options[name] = value

    return change


# In random_graph: tensor 0 is the input, 1-4 input weights, 5-8 recurrent weights, 9-12 biases,
# 13 h, 14 c, 15 the LSTM's output.
REFUSED = {
    "float input": (edit_tensor(0, dtype=np.dtype(np.float32)), "it is a float model with some weights in int8"),
    "unquantized input": (edit_tensor(0, scales=np.zeros(0, np.float32)), "no per-tensor quantization"),
    "cell clip": (set_option(0, "CellClip", 1e-6), "would clip everything"),
    "CIFG": (set_input(0, 1, -1), "CIFG"),
    "peephole": (set_input(0, 9, 9), "peephole"),
    "projection": (set_input(0, 16, 1), "projection"),
    "layer norm": (set_input(0, 20, 9), "layer normalisation"),
    "relu cell": (set_option(0, "FusedActivationFunction", 1), "cell activation is not tanh"),
    "cell scale": (edit_tensor(14, scales=np.array([0.0003], np.float32)), "not a power of two"),
    "int8 cell": (edit_tensor(14, dtype=np.dtype(np.int8)), "not symmetric int16"),
    "hidden scale": (edit_tensor(13, scales=np.array([0.5], np.float32)), "different quantization"),
    "weight zero point": (edit_tensor(1, zero_points=np.array([3])), "zero point that is not 0"),
    "huge bias": (edit_tensor(9, data=np.full(32, 2**31 - 1, np.int32)), "could leave int32"),
    "dense activation": (set_option(1, "FusedActivationFunction", 5), "fused activation"),
    "shuffled weights": (set_option(1, "WeightsFormat", 1), "shuffled"),
    "no weights": (lambda g: setattr(g.operators[1], "inputs", g.operators[1].inputs[:1]), "weights are missing"),
    "softmax scale": (lambda g: edit_tensor(g.outputs[0], scales=np.array([0.5], np.float32))(g), "1/256"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_networks_say_why(name):
    change, message = REFUSED[name]
    with pytest.raises(KwsError, match=message):
        to_network(changed(change))


def test_batch_is_refused():
    graph = random_graph(1, head="none")
    for index in (0, 15):
        graph.tensors[index].shape = (3, *graph.tensors[index].shape[1:])
    with pytest.raises(KwsError, match="batch is 3"):
        to_network(graph)


def int8_tensor(graph, name, shape):
    graph.tensors.append(Tensor(name, shape, np.dtype(np.int8), np.array([0.1], np.float32), np.array([0])))
    return len(graph.tensors) - 1


def test_what_nobody_reads_is_refused():
    graph = random_graph(1)
    lstm = graph.operators[0]
    extra = int8_tensor(graph, "extra", graph.tensors[lstm.outputs[0]].shape)
    graph.tensors[extra].scales = graph.tensors[lstm.outputs[0]].scales
    graph.tensors[extra].zero_points = graph.tensors[lstm.outputs[0]].zero_points
    graph.operators.insert(0, Operator(lstm.name, lstm.inputs, (extra,), lstm.options))
    with pytest.raises(KwsError, match="nothing reads 'extra', which operator UNIDIRECTIONAL_SEQUENCE_LSTM writes"):
        to_network(graph)


def test_what_nobody_writes_is_refused():
    graph = random_graph(1)
    extra = int8_tensor(graph, "extra", (1, 32))
    set_input(1, 0, extra)(graph)
    with pytest.raises(KwsError, match=r"FULLY_CONNECTED \(number 1\): it reads 'extra', which no operator before it"):
        to_network(graph)


def test_operators_out_of_order_are_refused():
    graph = random_graph(1)
    graph.operators.reverse()
    with pytest.raises(KwsError, match="which no operator before it writes"):
        to_network(graph)


def test_a_tensor_is_written_once():
    graph = random_graph(1)
    graph.operators[1].outputs = graph.operators[0].outputs
    with pytest.raises(KwsError, match="which is written already"):
        to_network(graph)


def test_another_subgraph_is_kept():
    """A file may have more; only an operator that needs them is refused, by its name."""
    graph = random_graph(1)
    graph.metadata = {"note": b"of the file"}
    graph.subgraphs = [random_graph(2, units=(3,)), Graph([], [], (), ())]
    content = build(graph)
    again = parse(content)
    assert [len(g.operators) for g in again.subgraphs] == [3, 0]
    assert again.metadata == graph.metadata
    assert build(again) == content
    assert len(to_network(again).layers) == 3
    again.operators.insert(0, Operator("CALL_ONCE", (), (), {"InitSubgraphIndex": 1}))
    called = parse(build(again))
    assert called.operators[0].options == {"InitSubgraphIndex": 1}
    with pytest.raises(KwsError, match="CALL_ONCE runs UNIDIRECTIONAL_SEQUENCE_LSTM"):
        to_network(called)


def test_options_of_operators_that_kws_does_not_run_are_kept():
    graph = random_graph(1)
    options = {"Padding": 1, "StrideW": 2, "StrideH": 3, "FusedActivationFunction": 1}
    names = {"Container": b"a", "SharedName": b"b"}
    graph.operators.append(Operator("CONV_2D", (0, 1), (2,), options, version=5))
    graph.operators.append(Operator("AVERAGE_POOL_2D", (0,), (2,), {"FilterWidth": 4}, options_table="Pool2DOptions"))
    graph.operators.append(Operator("VAR_HANDLE", (), (3,), names))
    graph.operators.append(Operator("CUSTOM:own", (0,), (2,)))
    *_, conv, pool, variable, own = parse(build(graph)).operators
    assert {name: conv.options[name] for name in options} == options
    assert (conv.options["DilationWFactor"], conv.version) == (1, 5)
    assert (pool.options["FilterWidth"], pool.options_table) == (4, "Pool2DOptions")
    assert (variable.options, own.name) == (names, "CUSTOM:own")


def test_dropped_zero_bias_is_zeros():
    """The converter leaves out a bias that is all zeros."""
    graph = random_graph(1, bias=False)
    dropped = random_graph(1, bias=False)
    dense = graph.operators[1]
    assert dense.inputs[2] == -1
    zeros = Tensor("zeros", (12,), np.dtype(np.int32), data=np.zeros(12, np.int32))
    graph.tensors.append(zeros)
    dense.inputs = (*dense.inputs[:2], len(graph.tensors) - 1)
    x = np.random.default_rng(0).integers(-128, 128, (1, 5, 40)).astype(np.int8)
    a, b = (n.run(x, n.initial_state()).outputs[-1] for n in map(to_network, (graph, dropped)))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("index", [9, 12])
def test_a_bias_without_data_is_refused(index):
    """TFLM takes whatever its arena holds in that place, so that no engine could agree with it."""
    graph = random_graph(1, head="none", bias=False)
    graph.tensors[index].data = None
    with pytest.raises(KwsError, match=r"gate biases .* have no data"):
        to_network(graph)


def test_overlapping_tables_are_refused():
    """A vector of tables that are all the same one claims the square of the file's size."""
    graph = random_graph(1, units=(32,))
    first = Tensor("much", (2**16,), np.dtype(np.int8), data=np.arange(2**16).astype(np.int8))
    graph.tensors = [first, *(Tensor("x", (1,), np.dtype(np.int8)) for _ in range(2000))]
    graph.operators, graph.inputs, graph.outputs = [], (), ()
    content = bytearray(build(graph))
    subgraph = tflite.Model.GetRootAs(content, 0).Subgraphs(0)
    place = subgraph.Tensors(0)._tab.Pos
    vector = subgraph._tab.Vector(subgraph._tab.Offset(4))
    for i in range(subgraph.TensorsLength()):
        struct.pack_into("<I", content, vector + 4 * i, place - vector - 4 * i)
    with pytest.raises(KwsError, match="its tables overlap"):
        parse(bytes(content))


def test_scales_without_zero_points_are_none():
    """TFLM takes such a tensor for one that is not quantized."""
    graph = random_graph(1)
    graph.tensors[14].zero_points = np.zeros(0, np.int64)
    with pytest.raises(KwsError, match="not symmetric int16"):
        Model.from_bytes(build(graph))


METADATA_DAMAGE = {
    "not JSON": (lambda text: text[:-5], "metadata is damaged"),
    "version": (lambda text: text.replace(b'"version":1', b'"version":99'), "version 99"),
    "unknown key": (lambda text: text.replace(b'"hop_ms"', b'"hop_mm"'), "unknown key 'frontend.hop_mm'"),
    "range": (lambda text: text.replace(b'"average_frames":3', b'"average_frames":0'), "average_frames"),
    "labels": (lambda text: text.replace(b'"up",', b""), "outputs for 5 labels"),
    # What the fuzzer found: an FFT with no bin in a band, which no setting by itself tells.
    "narrow band": (
        lambda text: text.replace(b'"low_hz":60.0', b'"low_hz":7500.0'),
        r"mel band \d+ of 40 is too narrow",
    ),
    "bands": (lambda text: text.replace(b'"bands":40', b'"bands":30'), "front end makes 30"),
}


@pytest.mark.parametrize("name", METADATA_DAMAGE)
def test_damaged_metadata(name):
    damage, message = METADATA_DAMAGE[name]
    graph = parse(spotting_model(1).content)
    before = graph.metadata[METADATA_NAME]
    graph.metadata[METADATA_NAME] = damage(before)
    assert graph.metadata[METADATA_NAME] != before
    with pytest.raises(KwsError, match=message):
        Model.from_bytes(build(graph))


def test_metadata_needs_matching_features():
    graph = parse(spotting_model(1).content)
    graph.tensors[0].scales = np.array([0.03], np.float32)
    with pytest.raises(KwsError, match="expects features at scale"):
        Model.from_bytes(build(graph))


def test_bare_model_says_what_it_cannot_do():
    model = bare_model(1)
    assert model.info is None
    with pytest.raises(KwsError, match="bare network"):
        model.require_info()


def test_missing_file(tmp_path):
    with pytest.raises(KwsError, match="cannot read"):
        Model.load(tmp_path / "none.tflite")
    with pytest.raises(KwsError, match="kws convert"):
        Model.load(tmp_path)


def test_limits_of_the_kernels():
    """What TFLM's kernels do not define is refused instead of computed in some way."""
    with pytest.raises(KwsError, match="at most 511"):
        to_network(random_graph(1, units=(8,), outputs=512))
    to_network(random_graph(1, units=(8,), outputs=511))
    for scale in (8.0, 2.0**-29):
        graph = random_graph(1, units=(8,), head="logistic")
        graph.tensors[graph.operators[-1].inputs[0]].scales = np.array([scale], np.float32)
        with pytest.raises(KwsError, match="input scale"):
            to_network(graph)
    graph = random_graph(1, steps=3, head="last")
    graph.operators[1].inputs = graph.operators[1].inputs[:2]
    with pytest.raises(KwsError, match="2 inputs, not 4"):
        to_network(graph)
    graph = random_graph(1, steps=3, head="last")
    strides = graph.tensors[graph.operators[1].inputs[3]]
    strides.data, strides.shape = strides.data[:2], (2,)
    with pytest.raises(KwsError, match="different lengths"):
        to_network(graph)
