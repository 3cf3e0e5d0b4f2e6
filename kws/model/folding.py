"""What stands around a network in foreign files, folded away: float or uint8 ends, and variables.

The result is a graph that computes the same values in the same tensors, so that an interpreter which runs the
file as it is can be compared layer by layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kws.errors import KwsError
from kws.layers.kind import Operands
from kws.layers.strided_slice import picked
from kws.tflite import Graph, Operator, Tensor

VARIABLES = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")
"""Operators that :func:`fold_variables` makes HISTORY of."""
AXIS = 1
"""Time."""


def fold_ends(graph: Graph) -> Graph:
    """The graph without float and uint8 ends.

    A float input that QUANTIZE alone reads, and a float output that DEQUANTIZE writes, go: the network's ends
    are the int8 tensors behind and before. A uint8 tensor at scale s and zero point z holds the same real
    values as an int8 one at s and z - 128 whose values are 128 less, bit for bit, and becomes that.
    """
    return _ends(_bytes(graph))


def _readers(graph: Graph, tensor: int) -> list[Operator]:
    return [op for op in graph.operators if tensor in op.inputs]


def _ends(graph: Graph) -> Graph:
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    gone: list[Operator] = []
    for k, tensor in enumerate(inputs):
        readers = _readers(graph, tensor)
        if graph.tensors[tensor].dtype == np.float32 and [op.name for op in readers] == ["QUANTIZE"]:
            inputs[k] = readers[0].outputs[0]
            gone += readers
    for k, tensor in enumerate(outputs):
        writers = [op for op in graph.operators if tensor in op.outputs]
        alone = not _readers(graph, tensor) and [op.name for op in writers] == ["DEQUANTIZE"]
        if graph.tensors[tensor].dtype == np.float32 and alone:
            outputs[k] = writers[0].inputs[0]
            gone += writers
    kept = [op for op in graph.operators if not any(op is other for other in gone)]
    return replace(graph, operators=kept, inputs=tuple(inputs), outputs=tuple(outputs))


def _bytes(graph: Graph) -> Graph:
    """uint8 tensors that only QUANTIZE and DEQUANTIZE read and write, as int8."""
    tensors: list[Tensor] = []
    for i, tensor in enumerate(graph.tensors):
        users = [op for op in graph.operators if i in op.inputs or i in op.outputs]
        edge = all(op.name in ("QUANTIZE", "DEQUANTIZE") for op in users)
        # TFLM's QUANTIZE has no kernel from one of uint8 and int16 to the other.
        ends = {graph.tensors[k].dtype for op in users for k in (*op.inputs, *op.outputs) if k >= 0}
        edge = edge and np.dtype(np.int16) not in ends
        if tensor.dtype == np.uint8 and tensor.data is None and tensor.scales.size == 1 and users and edge:
            tensors.append(replace(tensor, dtype=np.dtype(np.int8), zero_points=tensor.zero_points - 128))
        else:
            tensors.append(tensor)
    return replace(graph, tensors=tensors)


def _name(op: Operator) -> tuple[object, object]:
    return op.options.get("Container"), op.options.get("SharedName")


def _initial(graph: Graph) -> dict[tuple[object, object], int]:
    """What CALL_ONCE gives every element of each variable.

    Raises:
        KwsError: the elements are not constant and alike.
    """
    values: dict[tuple[object, object], int] = {}
    for number in graph.called_once:
        if not 1 <= number <= len(graph.subgraphs):
            raise KwsError("CALL_ONCE calls a subgraph that there is not")
        body = graph.subgraphs[number - 1]
        handles = {op.outputs[0]: _name(op) for op in body.operators if op.name == "VAR_HANDLE"}
        for op in body.operators:
            if op.name == "VAR_HANDLE":
                continue
            data = body.tensors[op.inputs[1]].data if op.name == "ASSIGN_VARIABLE" and len(op.inputs) == 2 else None
            if data is None or data.dtype != np.int8 or op.inputs[0] not in handles or np.ptp(data) != 0:
                raise KwsError(f"CALL_ONCE runs {op.name}, and not constants alike into int8 variables alone")
            values[handles[op.inputs[0]]] = int(data.reshape(-1)[0])
    return values


def fold_variables(graph: Graph) -> Graph:
    """The graph with an operator HISTORY for each variable.

    A variable is one if it is read, put before new rows, and given the last rows of both.

    Raises:
        KwsError: a variable is used otherwise.
    """
    handles = {op.outputs[0]: _name(op) for op in graph.operators if op.name == "VAR_HANDLE" and op.outputs}
    if not handles and not any(op.name in VARIABLES for op in graph.operators):
        return graph
    initial = _initial(graph)
    made: dict[int, Operator] = {}
    gone = [op for op in graph.operators if op.name in ("CALL_ONCE", "VAR_HANDLE")]
    for handle, name in handles.items():
        if name not in initial:
            raise KwsError(f"variable {_text(name)} is never given its first values by CALL_ONCE")
        joined, others = _pattern(graph, handle, name)
        x = joined.inputs[1]
        if initial[name] != graph.tensors[joined.outputs[0]].zero_point:
            raise KwsError(
                f"variable {_text(name)} begins with {initial[name]}, which is not its zero point"
                f" {graph.tensors[joined.outputs[0]].zero_point}; TFLM's reset would not give it that again"
            )
        rows = graph.tensors[joined.inputs[0]].shape[AXIS]
        made[joined.outputs[0]] = Operator("HISTORY", (x,), joined.outputs, {"Rows": rows, "Reset": initial[name]})
        gone += [joined, *others]
    operators = []
    for op in graph.operators:
        if op.outputs and op.outputs[0] in made and op.name == "CONCATENATION":
            operators.append(made[op.outputs[0]])
        elif not any(op is other for other in gone):
            operators.append(op)
    return replace(graph, operators=operators)


def _text(name: tuple[object, object]) -> str:
    shared = name[1]
    return ascii(shared.decode(errors="replace")) if isinstance(shared, bytes) else "without a name"


def _pattern(graph: Graph, handle: int, name: tuple[object, object]) -> tuple[Operator, list[Operator]]:
    """A variable's CONCATENATION, and its READ_VARIABLE, STRIDED_SLICE and ASSIGN_VARIABLE.

    Raises:
        KwsError: it is used otherwise.
    """
    refused = KwsError(
        f"variable {_text(name)} is not used as a buffer of earlier rows (READ_VARIABLE, CONCATENATION with new"
        " rows behind, STRIDED_SLICE of the last ones, ASSIGN_VARIABLE), the only use that kws runs"
    )
    users = {op.name: op for op in _readers(graph, handle)}
    if len(_readers(graph, handle)) != 2 or users.keys() != {"READ_VARIABLE", "ASSIGN_VARIABLE"}:
        raise refused
    read, assign = users["READ_VARIABLE"], users["ASSIGN_VARIABLE"]
    readers = _readers(graph, read.outputs[0]) if len(read.outputs) == 1 else []
    if [op.name for op in readers] != ["CONCATENATION"] or len(assign.inputs) != 2:
        raise refused
    joined, kept = readers[0], assign.inputs[1]
    slices = [op for op in graph.operators if kept in op.outputs]
    shape = graph.tensors[read.outputs[0]].shape
    fits = (
        len(joined.inputs) == 2
        and joined.inputs[0] == read.outputs[0]
        and joined.options.get("Axis") in (AXIS, AXIS - len(shape))
        and [op.name for op in slices] == ["STRIDED_SLICE"]
        and slices[0].inputs[0] == joined.outputs[0]
        and _readers(graph, kept) == [assign]
        and kept not in graph.outputs
        and graph.operators.index(read) < graph.operators.index(assign)
    )
    if not fits:
        raise refused
    whole = graph.tensors[joined.outputs[0]].shape
    tensors = tuple(graph.tensors[i] if i >= 0 else None for i in slices[0].inputs)
    shapes = tuple(() if t is None else t.shape for t in tensors)
    indices, dims = picked(Operands(slices[0], tensors, shapes, graph.tensors[kept]))
    expected = [range(n) for n in whole]
    expected[AXIS] = range(whole[AXIS] - shape[AXIS], whole[AXIS])
    if indices != expected or tuple(dims) != shape:
        raise refused
    return joined, [read, slices[0], assign]
