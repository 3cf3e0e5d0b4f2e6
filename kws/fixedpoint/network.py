"""A graph of layers: the part of the pipeline that a .tflite file describes.

Twin of ``firmware/src/network.c``. Layers run in the file's order; each reads tensors of int8 that are
the network's input or another layer's output, and writes one. What a layer carries from call to call it
declares as states, and a reset is a loop over them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Shape, State, Values

States = list[list[Values]]
"""The states of a network's layers, [streams, *shape] each, by layer and by state."""


@dataclass(frozen=True)
class Layer:
    """One kernel and the tensors that it reads and writes.

    Attributes:
        kernel: what is computed.
        name: the .tflite operator's name.
        inputs: indices of the tensors that it reads, in the .tflite file.
        input_shapes: their dimensions as this layer sees them, batch 1 included.
        output: index of the tensor that it writes.
        output_shape: that tensor's dimensions.
    """

    kernel: Kernel
    name: str
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    output: int
    output_shape: Shape

    @property
    def output_size(self) -> int:
        """Values in the output of one call."""
        return math.prod(self.output_shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of weights and values in one call."""
        return self.output_size * self.kernel.macs_per_output


@dataclass
class Trace:
    """What one or more calls computed.

    Attributes:
        outputs: the output of each layer, int8 [streams, calls, values].
        states: the states of each layer after each call, [streams, calls, *shape] for each.
    """

    outputs: list[Int8]
    states: list[tuple[Values, ...]]


@dataclass(frozen=True)
class Network:
    """A graph of layers with its input and output quantization.

    Attributes:
        layers: in order of execution; the last one's output is the network's.
        input: index of the input tensor in the .tflite file.
        input_shape: the input tensor's shape in the file, batch 1 included.
        input_scale: scale of the int8 input.
        input_zero_point: zero point of the int8 input.
        output_shape: the output tensor's shape in the file.
        output_scale: scale of the int8 output.
        output_zero_point: zero point of the int8 output.
    """

    layers: tuple[Layer, ...]
    input: int
    input_shape: Shape
    input_scale: float
    input_zero_point: int
    output_shape: Shape
    output_scale: float
    output_zero_point: int

    @property
    def input_size(self) -> int:
        """Values in one call's input."""
        return math.prod(self.input_shape)

    @property
    def output_size(self) -> int:
        """Values in one call's output."""
        return math.prod(self.output_shape)

    @property
    def is_single_step(self) -> bool:
        """Whether every layer reads and writes one row a call."""
        shapes = [shape for layer in self.layers for shape in (*layer.input_shapes, layer.output_shape)]
        return all(math.prod(shape[:-1]) == 1 for shape in shapes)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of weights and values in one call."""
        return sum(layer.macs for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights and biases as the generated C holds them."""
        return sum(layer.kernel.weight_bytes for layer in self.layers)

    @cached_property
    def states(self) -> tuple[tuple[State, ...], ...]:
        """What each layer carries from call to call."""
        return tuple(layer.kernel.states for layer in self.layers)

    def initial_state(self, streams: int = 1) -> States:
        """The layers' states after a reset."""
        return [[state.initial(streams) for state in states] for states in self.states]

    def run(self, x: Int8, state: States) -> Trace:
        """Call the network several times in a row, carrying the state.

        Args:
            x: int8 [streams, calls, input_size].
            state: the layers' states, updated in place.
        """
        streams, calls, _ = x.shape
        if calls == 0:
            nothing = [np.zeros((streams, 0, layer.output_size), np.int8) for layer in self.layers]
            return Trace(nothing, [tuple(np.empty((streams, 0, *s.shape), s.dtype) for s in k) for k in self.states])
        tensors = {self.input: x}
        trace = Trace([], [])
        for index, layer in enumerate(self.layers):
            held = [np.empty((streams, calls + 1, *s.shape), s.dtype) for s in self.states[index]]
            for k, values in enumerate(held):
                values[:, 0] = state[index][k]
            inputs = [
                tensors[tensor].reshape(streams, calls, *shape)
                for tensor, shape in zip(layer.inputs, layer.input_shapes, strict=True)
            ]
            y = layer.kernel.run(inputs, held).reshape(streams, calls, layer.output_size)
            tensors[layer.output] = y
            trace.outputs.append(y)
            trace.states.append(tuple(values[:, 1:] for values in held))
            state[index] = [values[:, -1].copy() for values in held]
        return trace
