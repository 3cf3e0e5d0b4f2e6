"""Tensors of int16: at the ends of a model and between QUANTIZEs, exact in NumPy, TFLM and C, else refused in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import mostly_slow, needs
from oracle import assert_identical, check_board, random_inputs
from random_int16 import FLOAT, int16_graph, with_ends
from random_models import INT8, INT16, random_graph, spotting_model, wake_model

from kws.cli.main import main
from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TfliteEngine, TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.model.file import Model, with_info
from kws.tflite import Graph, Operator, Tensor, build

SEEDS = 40
# int16 at the output, and behind a float input; both have it inside, too.
IN_C = (2, 8)
VALUES = 2048
# Every way from one type to the other, the last of them saturating.
CHAIN = [
    (INT16, 0.00037, 5),
    (INT16, 0.00041, -700),
    (INT8, 0.08, 3),
    (INT16, 0.00047, -32768),
    (INT8, 0.02, -9),
    (INT16, 0.00005, 40),
]


def tensor(name, dtype, scale, zero_point, shape=(1, VALUES)):
    if dtype == FLOAT:
        return Tensor(name, shape, dtype)
    return Tensor(name, shape, dtype, np.array([scale], np.float32), np.array([zero_point], np.int64))


def quantizing(*tensors):
    """A model that takes its input through each of some tensors in turn."""
    names = ["DEQUANTIZE" if t.dtype == FLOAT else "QUANTIZE" for t in tensors[1:]]
    operators = [Operator(name, (i,), (i + 1,)) for i, name in enumerate(names)]
    return Model.from_bytes(build(Graph(list(tensors), operators, (0,), (len(tensors) - 1,))))


def every(dtype):
    """All values of a type, as the bytes of calls."""
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1).astype(dtype)
    return np.resize(values, (-(-values.size // VALUES), VALUES)).view(np.int8)


@pytest.mark.parametrize("seeds", [range(k, SEEDS, 2) for k in range(2)], ids=str)
def test_random_graphs(seeds):
    moving = 0
    for seed in seeds:
        model = int16_graph(seed).model
        x = with_ends(random_inputs(seed, 6, model.network.input_size), model.network)
        assert_identical(model, x, [TflmEngine(model)])
        moving += np.std(NumpyEngine(model).run_network(x).posteriors) > 1
    assert moving > len(seeds) * 2 // 3


@pytest.mark.parametrize("seed", IN_C)
def test_random_graphs_in_c(seed):
    model = int16_graph(seed).model
    x = with_ends(random_inputs(seed, 12, model.network.input_size), model.network)
    assert_identical(model, x, [CEngine(model), TflmEngine(model)], 8)


def test_every_way_is_drawn():
    drawn = [int16_graph(seed) for seed in range(SEEDS)]
    ways = {name for d in drawn for name in d.counts if "QUANTIZE" in name}
    assert ways >= {f"QUANTIZE {way}" for way in ("int8 to int16", "int16 to int8", "int16 to int16")}
    assert ways >= {"QUANTIZE float32 to int16", "DEQUANTIZE int16 to float32"}
    ends = {(d.model.network.input_type, d.model.network.output_type) for d in drawn}
    assert ends == {(a, b) for a in ("int8", "int16") for b in ("int8", "int16")}
    types = [int16_graph(seed).model.network for seed in IN_C]
    assert {n.input_type for n in types} == {n.output_type for n in types} == {"int8", "int16"}


# Scales whose quotients round, saturate, and shift to the left until sums wrap; zero points at the ends.
WAYS = {
    "int16 to int8": (INT16, 0.00037, -11, INT8, 0.09, 7),
    "int16 to int8, saturated": (INT16, 0.5, 32767, INT8, 0.013, -128),
    "int16 to int16": (INT16, 0.00037, -32768, INT16, 0.00091, 100),
    "int16 to int16, wrapped": (INT16, 1.0, 32767, INT16, 2.0**-20, -5),
    "int16 to int16, the sum with the zero point wrapped": (INT16, 1 - 2.0**-20, 0, INT16, 2.0**-16, -32768),
    "int8 to int16": (INT8, 0.031, -128, INT16, 0.00041, 321),
    "int8 to int16, saturated": (INT8, 1.0, 127, INT16, 0.001, -32768),
    "same scale": (INT8, 0.25, 3, INT16, 0.25, 3),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_value(way):
    source, a, za, target, b, zb = WAYS[way]
    model = quantizing(tensor("a", source, a, za), tensor("b", target, b, zb))
    (layer,) = model.network.layers
    assert (layer.name, model.network.input_type, model.network.output_type) == ("QUANTIZE", source.name, target.name)
    assert_identical(model, every(source), [TflmEngine(model)])


def test_every_value_in_c():
    """All ways, one behind another, of every int16."""
    model = quantizing(*(tensor(f"t{k}", *kind) for k, kind in enumerate(CHAIN)))
    assert len(model.network.layers) == len(CHAIN) - 1
    assert_identical(model, every(INT16), [CEngine(model), TflmEngine(model)])


@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("board", mostly_slow(["mps2_an386", "mps2_an385"], 1))
def test_on_boards(board):
    """On a core with the DSP extension's saturation, and on one without."""
    model = quantizing(*(tensor(f"t{k}", *kind, (1, 90)) for k, kind in enumerate(CHAIN)))
    check_board(model, board)


@pytest.mark.parametrize("engine", [TflmEngine, TfliteEngine])
def test_float_ends_of_int16_are_folded(engine):
    """The network's ends are the int16 tensors; a float that stands for each of them comes back as it was."""
    # Zero points of 0, without which desktop TFLite takes no int16.
    wide = tensor("wide", INT16, 0.0007, 0)
    narrow = tensor("narrow", INT8, 0.19, -7)
    back = tensor("back", INT16, 0.00083, 0)
    ends = (tensor("in", FLOAT, 0, 0), wide, narrow, back, tensor("out", FLOAT, 0, 0))
    model = quantizing(*ends)
    assert [layer.name for layer in model.network.layers] == ["QUANTIZE"] * 2
    inner = quantizing(*ends[1:4])
    x = every(INT16)
    expected = NumpyEngine(inner).run_network(x).posteriors
    assert np.array_equal(NumpyEngine(model).run_network(x).posteriors, expected)
    found = engine(model).run_network(x).posteriors.view(INT16)
    # Desktop TFLite rounds the quotient once, which now and then is one step of int8 more or less.
    far = np.abs(found.astype(int) - expected.view(INT16)).max()
    assert far == 0 if engine is TflmEngine else far <= 0.19 / 0.00083 + 1


def test_same_format_is_no_layer():
    same = [tensor(f"same{k}", INT16, 0.01, 3) for k in range(2)]
    model = quantizing(*same, tensor("narrow", INT8, 1.0, 0))
    assert len(model.network.layers) == 1


def test_bytes_are_counted():
    model = quantizing(tensor("a", INT16, 0.1, 0, (1, 3, 5)), tensor("b", INT8, 0.1, 0, (1, 3, 5)))
    network = model.network
    assert (network.input_shape, network.input_size, network.output_size) == ((1, 3, 5), 30, 15)
    with pytest.raises(KwsError, match=r"70000 values at once are more than 65535 \(an int16 counts for two\)"):
        quantizing(tensor("a", INT16, 0.1, 0, (1, 35000)), tensor("b", INT8, 0.1, 0, (1, 35000)))


def edited(change):
    """A network of int8 between QUANTIZEs from and to int16, with something changed."""
    graph = random_graph(1, units=(6,), inputs=7, outputs=5)
    source, sink = (graph.tensors[i] for i in (graph.inputs[0], graph.outputs[0]))
    at = len(graph.tensors)
    graph.tensors += [tensor("first", INT16, 0.001, 0, source.shape), tensor("last", INT16, 0.001, 0, sink.shape)]
    graph.operators.insert(0, Operator("QUANTIZE", (at,), graph.inputs))
    graph.operators.append(Operator("QUANTIZE", graph.outputs, (at + 1,)))
    graph.inputs, graph.outputs = (at,), (at + 1,)
    change(graph, at)
    return build(graph)


def byte_end(graph, at):
    graph.tensors[at] = replace(graph.tensors[at], dtype=np.dtype(np.uint8), zero_points=np.array([0]))
    behind = graph.operators[0].outputs[0]
    graph.tensors[behind] = replace(graph.tensors[behind], dtype=INT16)


def reshaped(graph, at):
    shape = graph.tensors[at + 1].shape
    graph.tensors.append(tensor("reshaped", INT8, 0.001, 0, shape))
    graph.operators.append(Operator("RESHAPE", (at + 1,), (at + 2,)))
    graph.outputs = (at + 2,)


def retyped(index):
    def change(graph, at):
        i = graph.operators[index].outputs[0]
        graph.tensors[i] = replace(graph.tensors[i], dtype=INT16)

    return change


REFUSED = {
    "an LSTM of int16": (retyped(0), r"UNIDIRECTIONAL_SEQUENCE_LSTM .*is int16, not int8; int16 only stands between"),
    "SOFTMAX to int16": (retyped(3), r"SOFTMAX .*its output .*is int16, not int8; int16 only stands between"),
    "uint8 to int16": (byte_end, r"is uint8, not int8"),
    "another type by RESHAPE": (reshaped, "RESHAPE .*its output is int8, its input int16"),
    "a zero point out of range": (
        lambda graph, at: setattr(graph.tensors[at], "zero_points", np.array([40000])),
        "zero point 40000, which is not an int16",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    change, message = REFUSED[name]
    Model.from_bytes(edited(lambda graph, at: None))
    with pytest.raises(KwsError, match=message):
        Model.from_bytes(edited(change))


@pytest.mark.parametrize("make", [spotting_model, wake_model])
def test_features_and_posteriors_stay_int8(make):
    model = make(1)
    graph = model.graph
    at = graph.outputs[0]
    wide = tensor("wide", INT16, 1 / 32768, 0, graph.tensors[at].shape)
    operators = [*graph.operators, Operator("QUANTIZE", (at,), (len(graph.tensors),))]
    graph = replace(graph, tensors=[*graph.tensors, wide], operators=operators, outputs=(len(graph.tensors),))
    with pytest.raises(KwsError, match="its output is int16; features and posteriors are int8"):
        Model.from_bytes(with_info(graph, model.info))


def test_verify_takes_recorded_int16(tmp_path, capsys):
    model = quantizing(*(tensor(f"t{k}", *kind, (1, 90)) for k, kind in enumerate(CHAIN)))
    path, inputs = tmp_path / "model.tflite", tmp_path / "inputs.npy"
    path.write_bytes(model.content)
    np.save(inputs, np.random.default_rng(0).integers(-32768, 32768, (3, 90)).astype(np.int16))
    assert main(["verify", str(path), str(inputs), "--engines", "numpy,tflm,c"]) == 0
    assert "identical" in capsys.readouterr().out
    np.save(inputs, np.zeros((3, 90), np.int8))
    assert main(["verify", str(path), str(inputs), "--engines", "numpy,tflm"]) == 3
    assert "the network takes int16 inputs of 90 values each" in capsys.readouterr().err
    assert main(["import", str(path)]) == 0
    assert "int16 [1, 90], scale 0.00037, zero point 5" in capsys.readouterr().out
