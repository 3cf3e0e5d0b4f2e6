"""Float and uint8 ends and variables of foreign files: folded where they can be, else refused in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracle import assert_identical, random_inputs
from random_layers import alone
from random_models import random_graph

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.model.file import Model
from kws.model.folding import fold_variables
from kws.tflite import Operator, Tensor, build

FLOAT, UINT8 = np.dtype(np.float32), np.dtype(np.uint8)


def with_ends(first, last, seed=1):
    """A network whose input comes through QUANTIZE and whose output leaves through QUANTIZE or DEQUANTIZE."""
    graph = random_graph(seed, units=(6,), inputs=7, outputs=5)
    for dtype, at_input in ((first, True), (last, False)):
        old = (graph.inputs if at_input else graph.outputs)[0]
        tensor = graph.tensors[old]
        zero = tensor.zero_points + 128 if dtype == UINT8 else tensor.zero_points[:0]
        scales = tensor.scales if dtype == UINT8 else tensor.scales[:0]
        graph.tensors.append(Tensor("end", tensor.shape, dtype, scales, zero))
        new = len(graph.tensors) - 1
        if at_input:
            graph.operators.insert(0, Operator("QUANTIZE", (new,), (old,)))
            graph.inputs = (new,)
        else:
            name = "QUANTIZE" if dtype == UINT8 else "DEQUANTIZE"
            graph.operators.append(Operator(name, (old,), (new,)))
            graph.outputs = (new,)
    return graph


@pytest.mark.parametrize("last", [FLOAT, UINT8], ids=str)
@pytest.mark.parametrize("first", [FLOAT, UINT8], ids=str)
def test_ends_are_folded(first, last):
    model = Model.from_bytes(build(with_ends(first, last)))
    inner = Model.from_bytes(build(random_graph(1, units=(6,), inputs=7, outputs=5)))
    assert [layer.name for layer in model.network.layers] == [layer.name for layer in inner.network.layers]
    x = random_inputs(1, 40, 7)
    x[0], x[1] = -128, 127
    assert_identical(model, x, [TflmEngine(model), CEngine(model)] if first == last else [TflmEngine(model)], 20)
    assert np.array_equal(NumpyEngine(model).run_network(x).posteriors, NumpyEngine(inner).run_network(x).posteriors)


def test_a_uint8_end_at_another_scale_is_a_layer():
    graph = with_ends(UINT8, UINT8)
    graph.tensors[graph.outputs[0]].scales = np.array([0.005], np.float32)
    graph.tensors[graph.outputs[0]].zero_points = np.array([3])
    model = Model.from_bytes(build(graph))
    assert model.network.layers[-1].name == "QUANTIZE"
    assert model.network.output_zero_point == 3 - 128
    assert_identical(model, random_inputs(2, 20, 7), [TflmEngine(model)])


@pytest.mark.parametrize("make", [NumpyEngine, TflmEngine, CEngine])
def test_a_variable_is_a_state(make):
    """It is kept from call to call however the calls are cut, and a reset gives it its first values."""
    model = alone("READ_VARIABLE", 3).model
    (layer,) = model.network.layers
    (state,) = layer.kernel.states
    assert (layer.name, state.name, state.dtype) == ("HISTORY", "history", "int8")
    x = random_inputs(3, 12, model.network.input_size)
    engine = make(model)
    engine.reset()
    whole = engine.run_network(x).posteriors
    assert np.all(whole[0, : state.size] == state.reset)
    engine.reset()
    parts = [engine.run_network(part).posteriors for part in (x[:1], x[1:6], x[6:])]
    assert np.array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(engine.run_network(x).posteriors, whole)
    engine.reset()
    assert np.array_equal(engine.run_network(x).posteriors, whole)


def test_streams_have_histories_of_their_own():
    network = alone("READ_VARIABLE", 3).model.network
    x = random_inputs(4, 12, network.input_size).reshape(3, 4, -1)
    together = network.run(x, network.initial_state(3)).outputs[-1]
    for i in range(3):
        assert np.array_equal(network.run(x[i : i + 1], network.initial_state()).outputs[-1][0], together[i])


def changed(operator, **values):
    """The graph of a variable, with one operator changed."""
    graph = alone("READ_VARIABLE", 3).model.graph
    operators = [
        replace(op, **{k: v(op) if callable(v) else v for k, v in values.items()}) if op.name == operator else op
        for op in graph.operators
    ]
    return replace(graph, operators=operators)


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        ("CONCATENATION", {"inputs": lambda op: op.inputs[::-1]}),
        ("CONCATENATION", {"options": {"Axis": 0}}),
        ("STRIDED_SLICE", {"options": {"BeginMask": 2}}),
        ("ASSIGN_VARIABLE", {"name": "READ_VARIABLE"}),
        ("READ_VARIABLE", {"name": "CUSTOM:other"}),
    ],
)
def test_another_use_of_a_variable_is_refused(operator, values):
    with pytest.raises(KwsError, match="variable 'states_0' is not used as a buffer of earlier rows"):
        fold_variables(changed(operator, **values))


def test_first_values_are_alike():
    graph = alone("READ_VARIABLE", 3).model.graph
    body = graph.subgraphs[0]
    data = body.tensors[1].data.copy()
    data += 1
    body.tensors[1] = replace(body.tensors[1], data=data)
    with pytest.raises(KwsError, match=r"begins with .* which is not its zero point"):
        fold_variables(graph)
    data = data.copy()
    data.reshape(-1)[0] ^= 1
    body.tensors[1] = replace(body.tensors[1], data=data)
    with pytest.raises(KwsError, match="not constants alike"):
        fold_variables(graph)
    graph.subgraphs[0] = replace(body, operators=[])
    with pytest.raises(KwsError, match="variable 'states_0' is never given its first values"):
        fold_variables(graph)
    with pytest.raises(KwsError, match="a subgraph that there is not"):
        fold_variables(changed("CALL_ONCE", options={"InitSubgraphIndex": 2}))
