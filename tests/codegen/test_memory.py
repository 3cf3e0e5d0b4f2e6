"""The plan of a network's memory: nothing in use at the same time lies at the same place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from random_models import bare_model

from kws.codegen.layers import NetworkSource
from kws.codegen.memory import align4, plan_memory
from kws.fixedpoint.layers.kernel import Kernel, State
from kws.fixedpoint.network import Layer, Network
from kws.layers.kind import Arch


@dataclass(frozen=True)
class Nothing(Kernel):
    carried: tuple[State, ...] = ()

    @property
    def states(self):
        return self.carried

    def run(self, inputs, states):
        raise NotImplementedError


def network_of(layers):
    """A network from (inputs, size, states) of each layer; tensor 0 is the input, layer i writes i + 1."""
    made = [
        Layer(Nothing(states), "NOTHING", inputs, tuple((1, 1) for _ in inputs), i + 1, (1, size))
        for i, (inputs, size, states) in enumerate(layers)
    ]
    return Network(tuple(made), 0, (1, 4), 1.0, 0, (1, layers[-1][1]), 1.0, 0)


def drawn(rng):
    layers = []
    for i in range(int(rng.integers(1, 14))):
        inputs = {int(rng.integers(max(0, i - 4), i + 1)) for _ in range(int(rng.integers(1, 4)))} | {i}
        states = tuple(
            State(f"s{k}", str(rng.choice(["int8", "int16", "int32"])), (int(rng.integers(1, 30)),), 0)
            for k in range(int(rng.integers(0, 3)))
        )
        layers.append((tuple(inputs), int(rng.integers(1, 200)), states))
    scratch = [{Arch.DSP: int(rng.integers(1, 300))} if rng.random() < 0.4 else {} for _ in layers]
    return network_of(layers), scratch


@pytest.mark.parametrize("seed", range(200))
def test_nothing_overlaps(seed):
    network, scratch = drawn(np.random.default_rng(seed))
    memory = plan_memory(network, scratch)
    count = len(network.layers)
    # (start, end, first layer, last layer) of whatever lies there
    blocks = [
        (at, at + state.bytes, 0, count)
        for states, places in zip(network.states, memory.states, strict=True)
        for state, at in zip(states, places, strict=True)
    ]
    for index, layer in enumerate(network.layers):
        readers = [i for i, other in enumerate(network.layers) if layer.output in other.inputs]
        last = count if index == count - 1 else max(readers)
        at = memory.tensors[layer.output]
        blocks.append((at, at + layer.output_size, index, last))
        if scratch[index]:
            blocks.append((memory.scratch[index], memory.scratch[index] + scratch[index][Arch.DSP], index, index))
    assert all(start % 4 == 0 for start, *_ in blocks)
    for n, (start, end, first, last) in enumerate(blocks):
        assert end <= memory.sizes[Arch.DSP]
        for other_start, other_end, other_first, other_last in blocks[n + 1 :]:
            if first <= other_last and other_first <= last:
                assert end <= other_start or other_end <= start
    assert memory.sizes[Arch.PORTABLE] == memory.sizes[Arch.HELIUM] <= memory.sizes[Arch.DSP]


@pytest.mark.parametrize("seed", range(50))
def test_a_chain_needs_no_more_than_two_buffers_in_turn(seed):
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(1, 200, int(rng.integers(1, 9)))]
    network = network_of([((i,), size, ()) for i, size in enumerate(sizes)])
    in_turn = align4(max(sizes[0::2])) + align4(max(sizes[1::2], default=0))
    assert plan_memory(network, [{} for _ in sizes]).sizes[Arch.PORTABLE] <= in_turn


def test_a_tensor_that_is_read_late_stays():
    network = network_of([((0,), 40, ()), ((1,), 8, ()), ((2,), 8, ()), ((3, 1), 16, ())])
    memory = plan_memory(network, [{}, {}, {}, {}])
    # 40 for the first, which lives to the end; then 8 and 8 in turn; the last beside the first and the third.
    assert memory.tensors[1] == 0
    assert memory.sizes[Arch.PORTABLE] == 40 + 16 + 8


def test_every_layer_is_written_once():
    """However many texts of an export ask for it."""
    source = NetworkSource(bare_model(1, units=(8, 8)).network)
    first = source.constants
    assert source.text()
    assert source.size_macros()
    assert source.constants is first
