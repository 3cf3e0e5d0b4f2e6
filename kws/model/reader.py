"""From a .tflite graph to the harness's network; what cannot run on the device is refused here.

What an operator means, and which of its variants can run, is in :mod:`kws.layers`.
"""

from __future__ import annotations

import math

from kws.errors import KwsError
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer, Network
from kws.layers import KINDS, reader_of
from kws.layers.kind import Operands, require_int8
from kws.tflite import Graph, Operator

GREATEST_SIZE = 65535
"""The generated C holds sizes in 16 bits."""


def to_network(graph: Graph) -> Network:
    """Build the network that a graph describes.

    Raises:
        KwsError: an operator, an option, a type or a shape that the firmware cannot run; the
            message names the operator.
    """
    for op in graph.operators:
        if reader_of(op.name) is None:
            names = ", ".join(name for kind in KINDS for name in kind.operators)
            raise KwsError(f"operator {op.name} is not one the firmware can run ({names})")
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise KwsError(f"has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs where one of each is expected")
    if not graph.operators:
        raise KwsError("has no operator")
    source, sink = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    for tensor, what in ((source, "input"), (sink, "output")):
        require_int8(tensor, f"the {what}")
        if not tensor.shape or math.prod(tensor.shape) == 0:
            raise KwsError(f"the {what} has no values: its shape is {list(tensor.shape)}")
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
    )


class _Layers:
    """The layers made of a graph's operators so far, and where each tensor's values come from."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.made: list[Layer] = []
        first = graph.inputs[0]
        self._shapes: dict[int, Shape] = {first: graph.tensors[first].shape}
        self._written = {i for op in graph.operators for i in op.outputs}
        # The tensor that holds a tensor's values: another one where an operator only renames dimensions.
        self._origin = {first: first}

    def add(self, op: Operator) -> None:
        """Read one operator.

        Raises:
            KwsError: the firmware cannot run it.
        """
        kind = reader_of(op.name)
        assert kind is not None
        if len(op.outputs) != 1:
            raise KwsError(f"it writes {len(op.outputs)} tensors, not one")
        if not op.inputs or op.inputs[0] < 0:
            raise KwsError("it reads nothing")
        tensors = self._graph.tensors
        reads = [i for i in op.inputs if i in self._shapes]
        for i in (op.inputs[0], *(i for i in op.inputs if i in self._written)):
            if i not in self._shapes:
                raise KwsError(f"it reads {tensors[i].name!r}, which no operator before it writes")
        index = op.outputs[0]
        out = tensors[index]
        if index in self._shapes:
            raise KwsError(f"it writes {out.name!r}, which is written already")
        for i in reads:
            require_int8(tensors[i], "its input")
        require_int8(out, "its output")
        sizes = [math.prod(self._shapes[i]) for i in reads] + [math.prod(out.shape)]
        if max(sizes) > GREATEST_SIZE:
            raise KwsError(f"{max(sizes)} values at once are more than {GREATEST_SIZE}")
        operands = Operands(
            op,
            tuple(tensors[i] if i >= 0 else None for i in op.inputs),
            tuple(self._shapes.get(i, tensors[i].shape) if i >= 0 else () for i in op.inputs),
            out,
        )
        kernel, shape = kind.read(operands)
        self._shapes[index] = shape
        if kernel is None:
            self._origin[index] = self._origin[op.inputs[0]]
            return
        self._origin[index] = index
        inputs = tuple(self._origin[i] for i in reads)
        self.made.append(Layer(kernel, op.name, inputs, tuple(self._shapes[i] for i in reads), index, shape))

    def check_use(self) -> None:
        """Refuse layers that do not lead to the output.

        Raises:
            KwsError: the last layer's output is not the network's, or nobody reads another's.
        """
        if self._origin.get(self._graph.outputs[0]) != self.made[-1].output:
            raise KwsError("the output is not the last operator's")
        read = {tensor for layer in self.made for tensor in layer.inputs}
        for layer in self.made[:-1]:
            if layer.output not in read:
                name = self._graph.tensors[layer.output].name
                raise KwsError(f"nothing reads {name!r}, which operator {layer.name} writes")
