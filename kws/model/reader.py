"""From a .tflite graph to the harness's network; what cannot run on the device is refused here.

What an operator means, and which of its variants can run, is in :mod:`kws.layers`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from kws.errors import KwsError
from kws.fixedpoint.arithmetic import Factor
from kws.fixedpoint.layers.kernel import Shape, State
from kws.fixedpoint.network import Layer, Network
from kws.layers import reader_of
from kws.layers.kind import Kind, Operands, require_int8
from kws.model.folding import fold_ends, fold_variables
from kws.model.foreign import refusal
from kws.model.states import OPERATOR as CARRY
from kws.model.states import fold_states
from kws.tflite import Graph, Operator, Tensor

GREATEST_SIZE = 65535
"""The generated C holds sizes in 16 bits."""
TOO_LARGE = Factor.of(2.0**31)
"""What stands for all factors that need a left shift over 30; TFLM does not clamp them, and shifts by more."""


def to_network(graph: Graph) -> Network:
    """Build the network that a graph describes.

    Raises:
        KwsError: an operator, an option, a type or a shape that the firmware cannot run; the
            message names the operator.
    """
    graph = fold_ends(graph)
    if why := refusal(graph):
        raise KwsError(why)
    graph = fold_states(fold_variables(graph))
    if not graph.operators:
        raise KwsError("has no operator")
    source, sink = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    for tensor, what in ((source, "input"), (sink, "output")):
        require_int8(tensor, f"the {what}", wide=True)
        _require_computed(tensor)
    layers = _Layers(graph)
    for position, op in enumerate(graph.operators):
        try:
            layers.add(op)
        except KwsError as error:
            raise KwsError(f"operator {op.name} (number {position}): {error}") from error
    if not layers.made:
        raise KwsError("has no layer that computes anything")
    layers.check_use()
    return Network(
        tuple(layers.made),
        graph.inputs[0],
        source.shape,
        source.scale,
        source.zero_point,
        sink.shape,
        sink.scale,
        sink.zero_point,
        source.dtype.name,
        sink.dtype.name,
    )


def _require_computed(tensor: Tensor) -> None:
    """Refuse a constant or a state where an operator's, or the caller's, values go."""
    if tensor.data is not None or tensor.is_variable:
        what = "a state" if tensor.is_variable else "constant"
        raise KwsError(f"{tensor.name!r} is {what}, and values are written to it")
    if not tensor.shape or math.prod(tensor.shape) == 0:
        raise KwsError(f"{tensor.name!r} has no values: its shape is {list(tensor.shape)}")


def _factors(value: object) -> Iterator[Factor]:
    """Every factor in a kernel's parameters, however deep."""
    if isinstance(value, Factor):
        yield value
    elif isinstance(value, tuple):
        for element in value:
            yield from _factors(element)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _factors(getattr(value, field.name))


class _Layers:
    """The layers made of a graph's operators so far, and where each tensor's values come from."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.made: list[Layer] = []
        first = graph.inputs[0]
        self._shapes: dict[int, Shape] = {first: graph.tensors[first].shape}
        self._written = {i for op in graph.operators for i in op.outputs}
        self._read = {i for op in graph.operators for i in op.inputs} | set(graph.outputs)
        # The tensor that holds a tensor's values: another one where an operator only renames dimensions.
        self._origin = {first: first}
        self._states: list[int] = []
        self._fed = {op.outputs[0] for op in graph.operators if op.name == CARRY}
        for i in self._fed:
            self._shapes[i] = graph.tensors[i].shape
            self._origin[i] = i

    def add(self, op: Operator) -> None:
        """Read one operator.

        Raises:
            KwsError: the firmware cannot run it.
        """
        kind = reader_of(op.name)
        assert kind is not None
        if not op.outputs or (len(op.outputs) != 1 and not kind.many):
            raise KwsError(f"it writes {len(op.outputs)} tensors, not one")
        if not op.inputs or op.inputs[0] < 0:
            raise KwsError("it reads nothing")
        tensors = self._graph.tensors
        reads = [i for i in op.inputs if i in self._shapes]
        needed = () if kind.source is None else op.inputs[kind.source : kind.source + 1]
        for i in (*needed, *(i for i in op.inputs if i in self._written)):
            if i not in self._shapes:
                raise KwsError(f"it reads {tensors[i].name!r}, which no operator before it writes")
        if not reads:
            raise KwsError("it reads constants alone")
        for i in reads:
            require_int8(tensors[i], "its input", kind.wide)
        for number, index in enumerate(op.outputs):
            if len(op.outputs) == 1 or index in self._read:
                self._add(op, kind, reads, number)

    def _add(self, op: Operator, kind: Kind, reads: list[int], number: int) -> None:
        """Make a layer of one of an operator's outputs."""
        tensors = self._graph.tensors
        index = op.outputs[number]
        out = tensors[index]
        if index in self._shapes and op.name != CARRY:
            raise KwsError(f"it writes {out.name!r}, which is written already")
        require_int8(out, "its output", kind.wide)
        _require_computed(out)
        sizes = [math.prod(self._in_bytes(i)) for i in reads] + [math.prod(out.shape) * out.dtype.itemsize]
        if max(sizes) > GREATEST_SIZE:
            raise KwsError(f"{max(sizes)} values at once are more than {GREATEST_SIZE} (an int16 counts for two)")
        operands = Operands(
            op,
            tuple(tensors[i] if i >= 0 else None for i in op.inputs),
            tuple(self._shapes.get(i, tensors[i].shape) if i >= 0 else () for i in op.inputs),
            out,
            number,
        )
        kernel, shape = kind.read(operands)
        if shape != out.shape:
            raise KwsError(f"its output {out.name!r} has shape {list(out.shape)} where it computes {list(shape)}")
        if kernel is not None and any(f == TOO_LARGE for f in _factors(kernel)):
            raise KwsError("one of its scales is so far from the others that TFLM's shifts would leave 32 bits")
        self._check_states(op, () if kernel is None else kernel.states)
        self._shapes[index] = shape
        if kernel is None:
            self._origin[index] = self._origin[reads[0]]
            return
        self._origin[index] = index
        inputs = tuple(self._origin[i] for i in reads)
        shapes = tuple(self._in_bytes(i) for i in reads)
        self.made.append(Layer(kernel, op.name, inputs, shapes, index, self._in_bytes(index)))

    def _in_bytes(self, tensor: int) -> Shape:
        """A tensor's dimensions, the last one in bytes."""
        shape = self._shapes[tensor]
        return (*shape[:-1], shape[-1] * self._graph.tensors[tensor].dtype.itemsize)

    def _check_states(self, op: Operator, states: tuple[State, ...]) -> None:
        """Refuse states in the file that are not those of the kernel, in its order."""
        held = [i for i in op.inputs if i >= 0 and self._graph.tensors[i].is_variable]
        # A kernel may keep a state that the file has no tensor for.
        if held and len(held) != len(states):
            raise KwsError(f"it has {len(held)} states, not {len(states)}")
        for i, state in zip(held, states, strict=False):
            tensor, shape = self._graph.tensors[i], (1, *state.shape)
            if tensor.shape != shape:
                wrong = f"has shape {list(tensor.shape)}, not {list(shape)}"
            elif tensor.dtype != np.dtype(state.dtype):
                wrong = f"is {tensor.dtype}, not {state.dtype}"
            else:
                self._states.append(i)
                continue
            raise KwsError(f"its {state.name} state {tensor.name!r} {wrong}")

    def check_use(self) -> None:
        """Refuse layers that do not lead to the output, and states with two owners.

        Raises:
            KwsError: the last layer's output is not the network's, nobody reads another's, or two
                operators share a state.
        """
        end = self.made[-1]
        # A state that is the output, too, is kept by the last layer.
        last = end.inputs[0] if end.kernel.feeds_back else end.output
        if self._origin.get(self._graph.outputs[0]) != last:
            raise KwsError("the output is not the last operator's")
        read = {tensor for layer in self.made for tensor in layer.inputs}
        for layer in self.made[:-1]:
            if layer.output not in read:
                name = self._graph.tensors[layer.output].name
                raise KwsError(f"nothing reads {name!r}, which operator {layer.name} writes")
        carried = {layer.output: place for place, layer in enumerate(self.made) if layer.kernel.feeds_back}
        for place, layer in enumerate(self.made):
            late = next((i for i in layer.inputs if carried.get(i, place) < place), None)
            if late is not None:
                name = self._graph.tensors[late].name
                raise KwsError(f"operator {layer.name} reads state {name!r} after it has changed")
        for i in self._states:
            if self._states.count(i) > 1:
                raise KwsError(f"{self._graph.tensors[i].name!r} is the state of more than one operator")
