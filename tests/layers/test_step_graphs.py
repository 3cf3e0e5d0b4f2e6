"""Graphs whose states are inputs and outputs: paired by a rule, kept by every engine, or refused in words."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from oracle import agree, assert_identical, random_inputs
from random_models import INT8
from random_steps import Steps, step_graph

from kws import codegen
from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TfliteEngine, TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.model.file import Model
from kws.model.reader import to_network
from kws.model.states import METADATA_NAME, Ends, ends
from kws.tflite import Operator, Tensor, build, parse

ALONE, IN_C = 60, 5


@pytest.mark.parametrize("seeds", [range(k, ALONE, 4) for k in range(4)], ids=str)
def test_random_step_graphs(seeds):
    moving = 0
    for seed in seeds:
        model = step_graph(seed).model
        x = random_inputs(seed, 12, model.network.input_size)
        x[0], x[1] = -128, 127
        assert_identical(model, x, [TflmEngine(model)], 8)
        moving += np.std(NumpyEngine(model).run_network(x).posteriors) > 1
    assert moving > len(seeds) * 2 // 3


@pytest.mark.parametrize("seed", range(IN_C))
def test_random_step_graphs_in_c(seed):
    model = step_graph(1000 + seed).model
    assert_identical(model, random_inputs(seed, 30, model.network.input_size), [CEngine(model), TflmEngine(model)], 20)


def cell(seed=3, units=6, inputs=5, outputs=4, kind="gru", states=1):
    """A step graph of stacked cells under a dense layer: heard and states in, told and states out."""
    steps = Steps(np.random.default_rng(seed))
    x = heard = steps.tensor("heard", (1, inputs), INT8, 0.05, 3)
    pairs = []
    for number in range(states):
        h = steps.tensor(f"state_{number}", (1, units), INT8, 1 / 128, 2)
        x = getattr(steps, kind)(x, h, units)
        pairs.append((h, x))
    told = steps.product(x, outputs)
    steps.graph.inputs = (heard, *(h for h, _ in pairs))
    steps.graph.outputs = (told, *(after for _, after in pairs))
    return steps.graph


def model_of(graph):
    return Model.from_bytes(build(graph), "step graph")


@pytest.mark.parametrize("make", [NumpyEngine, TflmEngine, CEngine])
@pytest.mark.parametrize("kind", ["rnn", "gru"])
def test_a_state_is_kept_until_a_reset(make, kind):
    """However the calls are cut; a reset gives it real 0, its zero point."""
    model = model_of(cell(kind=kind))
    (carry,) = (layer for layer in model.network.layers if layer.kernel.feeds_back)
    (state,) = carry.kernel.states
    assert (carry.name, state.name, state.dtype, state.shape, state.reset) == ("CARRY", "carried", "int8", (6,), 2)
    x = random_inputs(3, 12, 5)
    engine = make(model)
    engine.reset()
    whole = engine.run_network(x).posteriors
    engine.reset()
    parts = [engine.run_network(part).posteriors for part in (x[:1], x[1:1], x[1:6], x[6:])]
    assert np.array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(engine.run_network(x).posteriors, whole)
    engine.reset()
    assert np.array_equal(engine.run_network(x).posteriors, whole)


def test_streams_have_states_of_their_own():
    network = model_of(cell(states=2)).network
    x = random_inputs(4, 12, 5).reshape(3, 4, -1)
    together = network.run(x, network.initial_state(3))
    for i in range(3):
        alone = network.run(x[i : i + 1], network.initial_state())
        assert all(np.array_equal(a[i], b[0]) for a, b in zip(together.outputs, alone.outputs, strict=True))


def test_what_the_state_does_not_reach_runs_over_all_calls_at_once():
    network = model_of(cell(states=2)).network
    names = [[network.layers[i].name for i in stage] for stage in network.stages]
    loops = [stage for stage in names if len(stage) > 1]
    assert len(loops) == 2
    assert all(stage[-1] == "CARRY" and "TANH" in stage for stage in loops)
    assert names[-1] == ["FULLY_CONNECTED"]


def test_desktop_tflite_gets_its_states_back():
    """Its rounding is its own, so only that the states move it."""
    model = model_of(cell())
    x = np.repeat(random_inputs(5, 1, 5), 6, axis=0)
    engine = TfliteEngine(model)
    engine.reset()
    first = engine.run_network(x).posteriors
    assert np.ptp(first, axis=0).max() > 0
    engine.reset()
    assert np.array_equal(engine.run_network(x).posteriors, first)
    assert np.abs(first.astype(int) - NumpyEngine(model).run_network(x).posteriors).max() < 8


def test_c_keeps_states_in_the_models_memory(tmp_path):
    """A row of the table of states, whose place is also what the layers read and what is written."""
    codegen.export(model_of(cell()), tmp_path)
    source, header = ((tmp_path / f"kws_model.{end}").read_text() for end in "ch")
    assert "{2, 0, 6, 1}, /* carried of carry_" in source
    assert "KWS_CARRY" in source
    assert "#define KWS_MODEL_NETWORK_BYTES" in header


# Which input belongs to which output.


def test_pairs_by_place_by_likeness_and_as_told():
    graph = cell(states=2)
    heard, *_ = graph.inputs
    assert ends(graph) == Ends(0, 0, ((1, 1), (2, 2)))
    x, a, b = graph.inputs
    y, after_a, after_b = graph.outputs
    graph.inputs, graph.outputs = (a, x, b), (after_a, after_b, y)
    # Two alike in their order; what is left is heard and told.
    assert ends(graph) == Ends(1, 2, ((0, 0), (2, 1)))
    agree(model_of(graph), with_c=False)
    graph.outputs = (after_b, after_a, y)
    graph.metadata[METADATA_NAME] = json.dumps([[0, 1], [2, 0]]).encode()
    assert ends(graph) == Ends(1, 2, ((0, 1), (2, 0)))
    told = agree(model_of(graph), with_c=False)
    plain = agree(model_of(cell(states=2)), with_c=False)
    assert np.array_equal(told.posteriors, plain.posteriors)
    assert graph.inputs[1] == heard


def changed(index, **values):
    """A step graph with something else about its state's input."""
    graph = cell()
    graph.tensors[graph.inputs[index]] = replace(graph.tensors[graph.inputs[index]], **values)
    return graph


def refused(graph, says):
    with pytest.raises(KwsError, match=says):
        to_network(graph)


def test_another_scale_is_refused_with_what_to_do():
    says = r"'state_0' \(int8 \[1, 6\] at scale 0.01 .* set the input tensor's scale and zero point in the file"
    refused(changed(1, scales=np.array([0.01], np.float32)), says)
    refused(changed(1, zero_points=np.array([7])), "a state's must have the same shape, type, scale and zero point")


def test_an_input_without_an_output_is_refused():
    graph = cell()
    graph.outputs = graph.outputs[:1]
    refused(graph, "has 2 inputs and 1 outputs where one of each is expected")


@pytest.mark.parametrize("content", [b"{", b"[[1]]", b"[[1, 1], [1, 1]]", b"[[7, 1]]", b"[]", b'["ab"]'])
def test_metadata_that_say_nothing_are_refused(content):
    graph = cell()
    graph.metadata[METADATA_NAME] = content
    refused(graph, r"metadata kws.states are no list of \[input, output\]")


def test_metadata_that_pair_what_is_unlike_are_refused():
    graph = cell()
    graph.metadata[METADATA_NAME] = b"[[0, 1]]"
    refused(graph, "'heard' .* is not like 'next'")


def test_more_alike_on_one_side_are_refused():
    """Of two inputs like one output nobody knows which is the state."""
    graph = cell(inputs=6)
    heard, state = graph.inputs
    graph.tensors[heard] = replace(
        graph.tensors[heard], scales=graph.tensors[state].scales, zero_points=graph.tensors[state].zero_points
    )
    graph.inputs, graph.outputs = (state, heard), graph.outputs
    graph.tensors[graph.outputs[1]] = replace(graph.tensors[graph.outputs[1]])
    assert ends(graph).states == ((1, 1),)  # by place: what is alike there is a state
    graph.outputs = graph.outputs[::-1]
    refused(graph, "say in the metadata kws.states which are paired")


# In which order.


def test_the_output_may_be_a_state():
    graph = cell(states=2)
    graph.outputs = (graph.outputs[2], *graph.outputs[1:])
    graph.operators = graph.operators[:-1]
    network = model_of(graph).network
    assert [layer.name for layer in network.layers[-2:]] == ["CARRY", "CARRY"]
    agree(model_of(graph))


def test_the_output_may_come_before_the_state():
    """Operators behind the output's are put before it."""
    steps = Steps(np.random.default_rng(5))
    heard = steps.tensor("heard", (1, 5), INT8, 0.05, 3)
    h = steps.tensor("state", (1, 6), INT8, 1 / 128, 0)
    told = steps.softmax(steps.product(h, 4))
    after = steps.rnn(heard, h, 6)
    steps.graph.inputs, steps.graph.outputs = (heard, h), (told, after)
    model = model_of(steps.graph)
    assert [layer.name for layer in model.network.layers[-2:]] == ["CARRY", "SOFTMAX"]
    agree(model)


def test_states_may_be_handed_on():
    """What one was the next becomes: a delay line, in which the later state changes first."""
    steps = Steps(np.random.default_rng(6))
    heard = steps.tensor("heard", (1, 6), INT8, 1 / 128, 0)
    first, second = (steps.tensor(name, (1, 6), INT8, 1 / 128, 0) for name in ("first", "second"))
    told = steps.softmax(steps.product(steps.pair("ADD", second, heard), 4))
    steps.graph.inputs, steps.graph.outputs = (heard, first, second), (told, heard, first)
    model = model_of(steps.graph)
    carries = [layer for layer in model.network.layers if layer.name == "CARRY"]
    assert [layer.output for layer in carries] == [second, first]
    out = agree(model)
    assert len({tuple(row) for row in out.posteriors}) > 10


def bare(make):
    """A step graph whose operators ``make(steps, heard, h)`` puts together; it returns told and what h becomes."""
    steps = Steps(np.random.default_rng(7))
    heard, h = (steps.tensor(name, (1, 6), INT8, 1 / 128, 0) for name in ("heard", "state"))
    told, after = make(steps, heard, h)
    steps.graph.inputs, steps.graph.outputs = (heard, h), (told, after)
    return steps.graph


def read_within(steps, heard, h):
    told = steps.product(steps.pair("ADD", heard, h), 4)
    return told, steps.kept(steps.product(told, 6), h)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda s, x, h: (s.pair("ADD", x, h), h), "state 'state' never changes"),
        (lambda s, x, h: (h, s.rnn(x, h, 6)), "its output is state 'state' as the call before left it"),
        (lambda s, x, h: (s.product(h, 4), s.kept(s.product(x, 6), h)), "its last operator reads state 'state'"),
        (read_within, "its output is read within it"),
        (lambda s, x, h: (s.product(x, 4), s.kept(s.product(x, 6), h)), "nothing reads 'state', which operator CARRY"),
    ],
)
def test_what_cannot_be_kept_is_refused(make, says):
    refused(bare(make), says)


def test_states_that_change_places_are_refused():
    graph = cell(states=2)
    a, b = graph.inputs[1:]
    graph.outputs = (graph.outputs[0], b, a)
    refused(graph, "only changes places with others")


def test_float_states_are_folded_as_other_ends_are():
    """As TensorFlow's converter leaves them unless it is told otherwise."""
    graph = cell()
    for outward in (False, True):
        places = list(graph.outputs if outward else graph.inputs)
        for k, old in enumerate(places):
            graph.tensors.append(Tensor(f"float {k}", graph.tensors[old].shape, np.dtype(np.float32)))
            new = len(graph.tensors) - 1
            if outward:
                graph.operators.append(Operator("DEQUANTIZE", (old,), (new,)))
            else:
                graph.operators.insert(0, Operator("QUANTIZE", (new,), (old,)))
            places[k] = new
        if outward:
            graph.outputs = tuple(places)
        else:
            graph.inputs = tuple(places)
    model = model_of(graph)
    out = agree(model)
    assert np.array_equal(out.posteriors, agree(model_of(cell()), with_c=False).posteriors)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gru", "rnn"])
def test_a_step_of_tensorflows_converter(kind):
    """A step in tf_keras: refused while its state has two scales, as an RNN's has, and with one, exact."""
    pytest.importorskip("tf_keras", reason="the converter is TensorFlow's")
    import tensorflow as tf
    from tf_keras import Input, Model, layers

    units, rng = 16, np.random.default_rng(1)
    x, h = Input((20,), batch_size=1, name="heard"), Input((units,), batch_size=1, name="state")
    if kind == "gru":
        both = layers.Add()([layers.Dense(2 * units)(x), layers.Dense(2 * units)(h)])
        update, reset = tf.split(layers.Activation("sigmoid")(both), 2, axis=1)
        total = layers.Add()([layers.Dense(units)(x), layers.Multiply()([reset, layers.Dense(units)(h)])])
        candidate = layers.Activation("tanh")(total)
        after = layers.Add()([candidate, layers.Multiply()([update, layers.Subtract()([h, candidate])])])
    else:
        after = layers.Activation("tanh")(layers.Add()([layers.Dense(units)(x), layers.Dense(units)(h)]))
    step = Model([x, h], [layers.Dense(5, activation="softmax")(after), after])
    state = np.zeros((1, units), np.float32)
    seen = []
    for _ in range(100):
        heard = rng.normal(0, 1, (1, 20)).astype(np.float32)
        seen.append({"heard": heard, "state": state})
        state = step([heard, state])[1].numpy()
    converter = tf.lite.TFLiteConverter.from_keras_model(step)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # By name: the converter has an order of its own.
    converter.representative_dataset = lambda: iter(seen)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    graph = parse(converter.convert())
    state_in = next(i for i in graph.inputs if graph.tensors[i].shape == (1, units))
    state_out = next(i for i in graph.outputs if graph.tensors[i].shape == (1, units))
    if kind == "rnn":
        refused(graph, "set the input tensor's scale and zero point in the file to the output's")
    source = graph.tensors[state_out]
    graph.tensors[state_in] = replace(graph.tensors[state_in], scales=source.scales, zero_points=source.zero_points)
    model = model_of(graph)
    assert sum(layer.name == "CARRY" for layer in model.network.layers) == 1
    agree(model, calls=100)
