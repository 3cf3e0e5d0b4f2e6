"""A graph of layers: the part of the pipeline that a .tflite file describes.

Twin of ``firmware/src/network.c``. Layers run in the file's order; each reads tensors of int8 that are
the network's input or another layer's output, and writes one. A tensor of int16 is held as its bytes. What a
layer carries from call to call it declares as states, and a reset is a loop over them. A layer may read what a
later one, which feeds back, left in the call before.
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
        input_shapes: their dimensions as this layer sees them, batch 1 included, the last one in bytes.
        output: index of the tensor that it writes.
        output_shape: that tensor's dimensions, the last one in bytes.
    """

    kernel: Kernel
    name: str
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    output: int
    output_shape: Shape

    @property
    def output_size(self) -> int:
        """Values in the output of one call, of an int16 both bytes."""
        return math.prod(self.output_shape)

    @property
    def shown(self) -> int:
        """Index of the tensor in which an interpreter that runs the file leaves the output."""
        # What a state becomes is written elsewhere in the file than what it was.
        return self.inputs[0] if self.kernel.feeds_back else self.output

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
        input_scale: scale of the input.
        input_zero_point: zero point of the input.
        output_shape: the output tensor's shape in the file.
        output_scale: scale of the output.
        output_zero_point: zero point of the output.
        input_type: ``int8`` or ``int16``.
        output_type: likewise.
    """

    layers: tuple[Layer, ...]
    input: int
    input_shape: Shape
    input_scale: float
    input_zero_point: int
    output_shape: Shape
    output_scale: float
    output_zero_point: int
    input_type: str = "int8"
    output_type: str = "int8"

    @property
    def input_size(self) -> int:
        """Values in one call's input, of an int16 both bytes."""
        return math.prod(self.input_shape) * np.dtype(self.input_type).itemsize

    @property
    def output_size(self) -> int:
        """Values in one call's output, of an int16 both bytes."""
        return math.prod(self.output_shape) * np.dtype(self.output_type).itemsize

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

    @cached_property
    def stages(self) -> tuple[tuple[int, ...], ...]:
        """The layers in an order in which each stage can run over all calls at once.

        A stage is one layer, or the layers of a loop: those that read, directly or through others, what one of them
        feeds back, and lead to it. These run call by call.
        """
        count = len(self.layers)
        writers = self._writers
        reads = [{writers[tensor] for tensor in layer.inputs if tensor in writers} for layer in self.layers]
        before = [_reached(i, reads) for i in range(count)]
        stages: list[tuple[int, ...]] = []
        done: set[int] = set()
        while len(done) < count:
            for i in range(count):
                loop = tuple(k for k in range(count) if k == i or (k in before[i] and i in before[k]))
                if i not in done and before[i] <= done | set(loop):
                    stages.append(loop)
                    done |= set(loop)
        return tuple(stages)

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
        held = [[np.empty((streams, calls + 1, *s.shape), s.dtype) for s in k] for k in self.states]
        for index, every in enumerate(held):
            for values, first in zip(every, state[index], strict=True):
                values[:, 0] = first
        outputs: dict[int, Int8] = {}
        for stage in self.stages:
            if len(stage) == 1 and not self._reads_own(stage[0]):
                self._run_layers(stage, x, outputs, held, slice(0, calls))
                continue
            for index in stage:
                outputs[index] = np.empty((streams, calls, self.layers[index].output_size), np.int8)
            for call in range(calls):
                self._run_layers(stage, x, outputs, held, slice(call, call + 1))
        for index, every in enumerate(held):
            state[index] = [values[:, -1].copy() for values in every]
        return Trace(
            [outputs[i] for i in range(len(self.layers))],
            [tuple(values[:, 1:] for values in every) for every in held],
        )

    def _reads_own(self, index: int) -> bool:
        return self.layers[index].output in self.layers[index].inputs

    def _run_layers(
        self, indices: tuple[int, ...], x: Int8, outputs: dict[int, Int8], held: list[list[Values]], calls: slice
    ) -> None:
        """Run some layers over the calls ``calls``, into ``outputs`` and the states held."""
        size = (len(x), calls.stop - calls.start)
        for index in indices:
            layer = self.layers[index]
            inputs = [
                self._read(tensor, index, x, outputs, held, calls).reshape(*size, *shape)
                for tensor, shape in zip(layer.inputs, layer.input_shapes, strict=True)
            ]
            own = [values[:, calls.start : calls.stop + 1] for values in held[index]]
            y = layer.kernel.run(inputs, own).reshape(*size, layer.output_size)
            if index in outputs:
                outputs[index][:, calls] = y
            else:
                outputs[index] = y

    def _read(
        self, tensor: int, reader: int, x: Int8, outputs: dict[int, Int8], held: list[list[Values]], calls: slice
    ) -> Int8:
        """A tensor's values as a layer finds them."""
        if tensor == self.input:
            return x[:, calls]
        writer = self._writers[tensor]
        if writer < reader:
            return outputs[writer][:, calls]
        return held[writer][0][:, calls]

    @cached_property
    def _writers(self) -> dict[int, int]:
        return {layer.output: i for i, layer in enumerate(self.layers)}


def _reached(start: int, reads: list[set[int]]) -> set[int]:
    """All layers whose values come, directly or not, to layer ``start``; itself only through a loop."""
    found: set[int] = set()
    left = [*reads[start]]
    while left:
        i = left.pop()
        if i not in found:
            found.add(i)
            left += reads[i]
    return found
