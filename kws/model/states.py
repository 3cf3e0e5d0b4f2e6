"""States that a file has as inputs and outputs: what a call writes, the caller gives to the next one.

Networks of GRUs and plain RNNs are such graphs, of one step each. kws keeps the states itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kws.errors import KwsError
from kws.files import parse_json
from kws.tflite import Graph, Operator, Tensor

METADATA_NAME = "kws.states"
"""Of a file's metadata that says which are paired: JSON, a list of [input's position, output's position]."""
OPERATOR = "CARRY"
"""What :func:`fold_states` makes of a pair."""


@dataclass(frozen=True)
class Ends:
    """What a graph's inputs and outputs are, by their positions.

    Attributes:
        input: what is heard.
        output: what is told.
        states: each state's input and output.
    """

    input: int
    output: int
    states: tuple[tuple[int, int], ...]


def ends(graph: Graph) -> Ends:
    """Tell a graph's states from what it hears and tells.

    An input and an output are a state where they have the same shape, type, scale and zero point. The file's
    metadata :data:`METADATA_NAME` say which are paired; or else each input with the output at the same place,
    the first of each being no state; or, where these are not alike, each input with the output that is like it, of
    several alike in their order, if that leaves one input and one output.

    Raises:
        KwsError: there is no such pairing; the message says why.
    """
    count = len(graph.inputs)
    if not count or count != len(graph.outputs):
        raise KwsError(
            f"has {count} inputs and {len(graph.outputs)} outputs where one of each is expected, and as many more of"
            " one as of the other, which are states"
        )
    if METADATA_NAME in graph.metadata:
        return _told(graph, graph.metadata[METADATA_NAME])
    pairs = [(k, k) for k in range(1, count)]
    if all(_alike(graph, pair) for pair in pairs):
        return Ends(0, 0, tuple(pairs))
    found = _by_likeness(graph)
    if found is None:
        # What differs in its scale alone is likely to be a state.
        every = ((a, b) for a in range(count) for b in range(count))
        likely = next((pair for pair in every if _differ_in_scale(graph, pair)), None)
        raise KwsError(_refusal(graph, likely or next(pair for pair in pairs if not _alike(graph, pair))))
    return found


def _end(graph: Graph, pair: tuple[int, int]) -> tuple[Tensor, Tensor]:
    return graph.tensors[graph.inputs[pair[0]]], graph.tensors[graph.outputs[pair[1]]]


def _likeness(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.shape, tensor.dtype.str, tensor.scales.tobytes(), tensor.zero_points.tobytes()


def _alike(graph: Graph, pair: tuple[int, int]) -> bool:
    a, b = _end(graph, pair)
    return _likeness(a) == _likeness(b)


def _by_likeness(graph: Graph) -> Ends | None:
    groups: dict[tuple[Any, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, indices in enumerate((graph.inputs, graph.outputs)):
        for position, i in enumerate(indices):
            groups[_likeness(graph.tensors[i])][side].append(position)
    pairs: list[tuple[int, int]] = []
    rest: tuple[list[int], list[int]] = ([], [])
    for inputs, outputs in groups.values():
        if inputs and outputs and len(inputs) != len(outputs):
            return None  # one of them is no state, and nothing says which
        if inputs and outputs:
            pairs += zip(inputs, outputs, strict=True)
        rest[0].extend(inputs if not outputs else [])
        rest[1].extend(outputs if not inputs else [])
    if (len(rest[0]), len(rest[1])) != (1, 1):
        return None
    return Ends(rest[0][0], rest[1][0], tuple(sorted(pairs)))


def _told(graph: Graph, content: bytes) -> Ends:
    refused = KwsError(f"its metadata {METADATA_NAME} are no list of [input, output], all but one of each named once")
    try:
        values = parse_json(content)
        pairs = [(int(a), int(b)) for a, b in values]
    except (ValueError, TypeError, RecursionError) as error:
        raise refused from error
    rest = [sorted(set(range(len(graph.inputs))) - {pair[side] for pair in pairs}) for side in (0, 1)]
    if len(pairs) != len(graph.inputs) - 1 or any(len(side) != 1 for side in rest):
        raise refused
    if unlike := next((pair for pair in pairs if not _alike(graph, pair)), None):
        raise KwsError(_refusal(graph, unlike))
    return Ends(rest[0][0], rest[1][0], tuple(pairs))


def _refusal(graph: Graph, pair: tuple[int, int]) -> str:
    a, b = _end(graph, pair)
    mend = f"say in the metadata {METADATA_NAME} which are paired"
    if _differ_in_scale(graph, pair):
        mend = "set the input tensor's scale and zero point in the file to the output's, or " + mend
    return (
        f"has {len(graph.inputs)} inputs and outputs, of which all but one of each would be states, but {_text(a)} is"
        f" not like {_text(b)}: a state's must have the same shape, type, scale and zero point; {mend}"
    )


def _differ_in_scale(graph: Graph, pair: tuple[int, int]) -> bool:
    a, b = _end(graph, pair)
    return (a.shape, a.dtype) == (b.shape, b.dtype) and not _alike(graph, pair)


def _text(tensor: Tensor) -> str:
    scales = f" at scale {tensor.scale:g} and zero point {tensor.zero_point}" if tensor.scales.size == 1 else ""
    return f"{tensor.name!a} ({tensor.dtype} {list(tensor.shape)}{scales})"


def fold_states(graph: Graph) -> Graph:
    """The graph with one input and one output, and an operator CARRY for each state.

    A CARRY reads a state's output and writes its input, which the operators before it read in the next call. So
    these come first, and what writes the network's output last, CARRY itself where that is a state.

    Raises:
        KwsError: inputs and outputs that are no states, or states that cannot be kept in such an order.
    """
    found = ends(graph)
    heard, told = graph.inputs[found.input], graph.outputs[found.output]
    carries = []
    for a, b in found.states:
        tensor = graph.tensors[graph.inputs[a]]
        if tensor.dtype != np.int8:
            raise KwsError(f"state {tensor.name!a} is {tensor.dtype}, and only int8 can run")
        carries.append(Operator(OPERATOR, (graph.outputs[b],), (graph.inputs[a],)))
    operators = _ordered(graph, carries, told) if carries else graph.operators
    return replace(graph, operators=operators, inputs=(heard,), outputs=(told,))


def _ordered(graph: Graph, carries: list[Operator], told: int) -> list[Operator]:
    """The operators, the CARRYs, and what writes the output.

    Raises:
        KwsError: there is no such order.
    """
    renamed = {
        op.outputs[0]: op.inputs[0] for op in graph.operators if op.name == "RESHAPE" and op.inputs and op.outputs
    }

    def origin(tensor: int) -> int:
        # As often as there are operators at most: a damaged file may have a circle of them.
        for _ in renamed:
            tensor = renamed.get(tensor, tensor)
        return tensor

    result = origin(told)
    states = {op.outputs[0] for op in carries}
    if result in states:
        raise KwsError(f"its output is state {graph.tensors[result].name!a} as the call before left it")
    carries = _in_turn(graph, carries, {op.outputs[0]: origin(op.inputs[0]) for op in carries})
    last = [op for op in carries if origin(op.inputs[0]) == result]
    if last:
        return [*graph.operators, *(op for op in carries if op not in last), *last]
    tail = [
        op
        for op in graph.operators
        if result in op.outputs or (op.name == "RESHAPE" and op.inputs and origin(op.inputs[0]) == result)
    ]
    body = [op for op in graph.operators if op not in tail]
    written = {i for op in tail for i in op.outputs}
    if any(written & set(op.inputs) for op in body):
        raise KwsError("its output is read within it, to make a state, and is none itself; only a state can be both")
    early = next((i for op in tail for i in op.inputs if origin(i) in states), None)
    if early is not None:
        raise KwsError(
            f"its last operator reads state {graph.tensors[origin(early)].name!a} as the call before left it;"
            " only those before it can"
        )
    return [*body, *carries, *tail]


def _in_turn(graph: Graph, carries: list[Operator], sources: dict[int, int]) -> list[Operator]:
    """The CARRYs so that none changes what a later one reads.

    Args:
        graph: for the names.
        carries: the operators.
        sources: the tensor that holds what each state becomes, by state.

    Raises:
        KwsError: there is no such order, or a state that never changes.
    """
    left, made = [*carries], []
    while left:
        free = [op for op in left if all(sources[o.outputs[0]] != op.outputs[0] for o in left)]
        if not free:
            names = ", ".join(ascii(graph.tensors[op.outputs[0]].name) for op in left)
            raise KwsError(f"state {names} never changes, or only changes places with others")
        made += free
        left = [op for op in left if op not in free]
    return made
