"""Several networks in one file that name together what they hear: the mean of their posteriors decides.

Networks that were trained apart err apart, so what one falsely accepts another seldom does, and their mean is more
often right than any of them (Hansen and Salamon 1990, doi:10.1109/34.58871). In the .tflite each keeps its operators
and its states; behind them CONCATENATION puts the posteriors side by side and AVERAGE_POOL_2D makes their mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import kws
from kws.decisions import DetectorConfig, GrammarConfig, SlidingMeanConfig
from kws.errors import KwsError
from kws.model.file import MEMBERS, Model, ModelInfo, with_info
from kws.model.folding import fold_ends
from kws.model.states import ends
from kws.network.lstm_layer import OPERATOR as LSTM
from kws.network.stack.tensors import INT8, Tensors, constant
from kws.tflite import Graph, Operator, build

_AXIS = 1
"""Time within a network, members behind them."""
_SETTINGS = ("data", "augment")
_BEHIND_LSTMS = ["FULLY_CONNECTED", "SOFTMAX"]


def ensemble(members: Sequence[tuple[str, Model]]) -> bytes:
    """The bytes of a model file whose posteriors are the mean of its members'.

    The longest frame among the members' is the ensemble's; stacked LSTMs whose frames are shorter hear several of
    theirs in a call. The decision and the voice gate are those of the first member with that frame, so their
    thresholds were chosen for one network alone: `kws tune` chooses them anew.

    Args:
        members: the models with their names, two or more.

    Raises:
        KwsError: fewer than two, a bare network, members that do not fit together, or a decision that transcribes.
    """
    if len(members) < 2:
        raise KwsError("an ensemble has two members or more")
    for name, model in members:
        if inside := model.require_info().provenance.get(MEMBERS):
            raise KwsError(f"{name} is an ensemble itself; name its {len(inside)} members instead")
    if len({build(replace(model.graph, metadata={})) for _, model in members}) < len(members):
        raise KwsError("two of the members are the same network, which is as good as one")
    lead, leader = max(members, key=lambda member: member[1].require_info().frontend.rows)
    info = leader.require_info()
    joined = _Joined(info)
    for number, (name, model) in enumerate(members):
        _require_alike(lead, info, name, model.require_info())
        joined.add(f"member_{number}", _stretched(fold_ends(model.graph), model, info.frontend.rows))
    told = [{**model.require_info().provenance, "name": name, "id": model.id} for name, model in members]
    settings = info.provenance.get("settings")
    # How clips are chosen, and how loud they may be; what else was set is each member's own.
    kept = {name: settings[name] for name in _SETTINGS if name in settings} if isinstance(settings, dict) else {}
    provenance = {"kws": kws.__version__, "settings": kept, MEMBERS: told}
    return with_info(joined.mean(), replace(info, provenance=provenance))


def _require_alike(lead: str, info: ModelInfo, name: str, other: ModelInfo) -> None:
    """Refuse a member that does not go with the one that leads.

    Raises:
        KwsError: it has other labels or another front end, or one of them transcribes.
    """
    for who, its in ((lead, info), (name, other)):
        if not isinstance(its.decision, DetectorConfig | GrammarConfig | SlidingMeanConfig):
            raise KwsError(
                f"{who} decides by {its.decision.kind}; two such networks name a word in other frames, so the mean of"
                " their posteriors has neither's"
            )
    if other.labels != info.labels:
        raise KwsError(f"{name} has the labels {', '.join(other.labels)}, but {lead} {', '.join(info.labels)}")
    # Rows may differ: LSTMs hear several in a call.
    if other.frontend.as_dict() | {"rows": 1} != info.frontend.as_dict() | {"rows": 1}:
        raise KwsError(f"{name} has another front end than {lead}; train both with the same [frontend]")


def _stretched(graph: Graph, model: Model, rows: int) -> Graph:
    """The graph with a call that hears ``rows`` windows; of stacked LSTMs the last frame's posteriors are told.

    Raises:
        KwsError: its calls hear fewer, and it is no stack of LSTMs that hear one.
    """
    has = model.require_info().frontend.rows
    if has == rows:
        return graph
    operators = list(graph.operators)
    count = sum(op.name == LSTM for op in operators)
    behind = [op.name for op in operators[count:]]
    shapes = {len(graph.tensors[i].shape) for i in (*graph.inputs, *graph.outputs)}
    if has != 1 or not count or behind != _BEHIND_LSTMS or shapes != {3} or len(graph.inputs) != 1:
        raise KwsError(
            f"{model.source} hears {has} windows of the front end in a call and another member {rows}; only stacked"
            " LSTMs hear several of theirs. Train both with the same frontend.rows"
        )
    tensors = list(graph.tensors)
    for i in (*graph.inputs, *(op.outputs[0] for op in operators[:count])):
        tensors[i] = replace(tensors[i], shape=(1, rows, tensors[i].shape[-1]))
    whole = tensors[operators[count - 1].outputs[0]]
    width = whole.shape[-1]
    last, limits = len(tensors), ([0, rows - 1, 0], [1, rows, width], [1, 1, 1])
    tensors.append(replace(whole, name=f"{whole.name}/last", shape=(1, 1, width)))
    tensors += [constant(f"{whole.name}/{what}", values) for what, values in zip("bes", limits, strict=True)]
    cut = Operator("STRIDED_SLICE", (operators[count - 1].outputs[0], last + 1, last + 2, last + 3), (last,))
    head = replace(operators[count], inputs=(last, *operators[count].inputs[1:]))
    return replace(graph, tensors=tensors, operators=[*operators[:count], cut, head, *operators[count + 1 :]])


class _Joined(Tensors):
    """Members' graphs side by side.

    Args:
        info: whose front end is heard.
    """

    def __init__(self, info: ModelInfo) -> None:
        super().__init__({})
        frontend = info.frontend
        shape = (1, frontend.rows, frontend.bands)
        self._source = self._tensor("features", shape, INT8, frontend.scale, frontend.zero_point)
        self._told: list[int] = []

    def add(self, name: str, graph: Graph) -> None:
        """Put a member's operators behind those that are there.

        Args:
            name: for its tensors and variables.
            graph: with calls of as many windows as the ensemble's.
        """
        end, tensors = ends(graph), self._graph.tensors
        source = graph.inputs[end.input]
        shape, place = graph.tensors[source].shape, {source: self._source}
        if self._shape(self._source) != shape:
            place[source] = self._renamed(self._source, f"{name}/features", shape)
        for i, tensor in enumerate(graph.tensors):
            if i != source:
                place[i] = len(tensors)
                tensors.append(replace(tensor, name=f"{name}/{tensor.name}"))
        self._graph.operators += [_moved(op, place, name) for op in graph.operators if op.name != "CALL_ONCE"]
        for number in graph.called_once:
            body = graph.subgraphs[number - 1]
            behind = {i: len(self._first.tensors) + i for i in range(len(body.tensors))}
            self._first.tensors += [replace(tensor, name=f"{name}/{tensor.name}") for tensor in body.tensors]
            self._first.operators += [_moved(op, behind, name) for op in body.operators]
        self._states += [(place[graph.inputs[a]], place[graph.outputs[b]]) for a, b in end.states]
        told = place[graph.outputs[end.output]]
        self._told.append(self._renamed(told, f"{name}/posteriors", (1, 1, 1, math.prod(self._shape(told)))))

    def _renamed(self, x: int, name: str, shape: tuple[int, ...]) -> int:
        """A tensor in another shape, with a name of its own."""
        out = self._like(name, x, shape)
        self._op("RESHAPE", (x, self._constant(f"{name}/shape", shape)), (out,))
        return out

    def mean(self) -> Graph:
        """The whole graph."""
        count, shape = len(self._told), self._shape(self._told[0])
        both = self._like("members", self._told[0], (1, count, *shape[2:]))
        self._op("CONCATENATION", tuple(self._told), (both,), Axis=_AXIS)
        return self._closed(self._source, self._pool(both, "posteriors", "AVERAGE_POOL_2D", (count, 1), (1, 1)))


def _moved(op: Operator, place: Mapping[int, int], name: str) -> Operator:
    """An operator of tensors elsewhere, its variable one of the member's own."""
    moved = op.moved(place)
    if op.name != "VAR_HANDLE":
        return moved
    shared = name.encode() + b"/" + (op.options.get("SharedName") or b"")
    return replace(moved, options={**op.options, "SharedName": shared})
