"""Mutations of .tflite files for ``fuzz_tflite.py``: of bytes, of the graph's fields, and of the metadata.

A case is a number. The number draws a model, a level and some edits, each with a number of its own, so that
any of them can be left out and the others stay as they are.
"""

from __future__ import annotations

import copy
import functools
import json
import math
import random
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_metadata import METADATA, Edit, edited
from random_int16 import int16_graph
from random_layers import graph
from random_models import bare_model, spotting_model
from random_steps import step_graph

from kws.layers import KINDS
from kws.model.file import METADATA_NAME
from kws.model.seal import build_sealed
from kws.tflite import Graph, Operator, build, parse

SHIPPED = sorted((Path(__file__).resolve().parents[1] / "models").glob("*.tflite"))
LEVELS = ("bytes", "fields", "metadata")
GREATEST_EDITS = 4

DIMENSIONS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 40, 255, 65535, 65536, 2**31 - 1, -1)
SCALES = (1e-45, 1e-38, 1e-30, 1e-20, 1e-9, 2.0**-28, 2.0**-15, 1 / 256, 0.1, 1.0, 8.0, 1e9, 3e38)
ZERO_POINTS = (-(2**62), -(2**31), -129, -128, -1, 0, 1, 127, 128, 2**31, 2**62)
NUMBERS = (0, 1, 2, 3, 4, 5, 6, 7, 127, -1, -128)
FLOATS = (0.0, -1.0, 1.0, 1e-30, 1e-5, 0.5, 10.0, 1e9, 1e30, math.inf, math.nan)
WORDS = (0, 1, 2, 4, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)


class CannotBuild(Exception):
    """The edits make something that no file can hold."""


@dataclass(frozen=True)
class Case:
    """A mutated file.

    Attributes:
        content: its bytes.
        level: of :data:`LEVELS`.
        edits: how many edits there were to choose from.
        what: the model and the edits made, for people.
    """

    content: bytes
    level: str
    edits: int
    what: str


@functools.cache
def bases() -> tuple[bytes, ...]:
    """The models that are mutated: the shipped ones, and small random ones that parse in no time."""
    small: dict[str, Any] = {"inputs": 5, "units": (4,), "outputs": 3}
    kinds: tuple[dict[str, Any], ...] = (
        {"head": "none"},
        {"head": "last", "steps": 3},
        {"head": "flatten", "steps": 2},
        {"head": "logistic", "steps": 2},
        {"head": "frame_dense", "steps": 2},
        {"head": "dense_softmax", "per_channel": True, "activation": 3},
        {"head": "dense_softmax", "per_channel": False, "activation": 1},
        {"units": (4, 3), "head": "none", "steps": 2, "time_major": True},
    )
    bare = [bare_model(n, **(small | options)) for n, options in enumerate(kinds)]
    whole = [spotting_model(n, units=(5, 4)[:n]) for n in (1, 2)]
    others = [*(graph(n, 5) for n in range(4)), *map(step_graph, range(3)), *map(int16_graph, range(3))]
    small_ones = (*bare, *whole, *(drawn.model for drawn in others))
    return (*(m.content for m in small_ones), *(path.read_bytes() for path in SHIPPED))


def make(seed: int, number: int, leave_out: Collection[int] = ()) -> Case:
    """Case ``number`` of the run ``seed``, without some of its edits.

    Raises:
        CannotBuild: no file can hold what the edits make.
    """
    rng = random.Random(f"{seed}/{number}")
    which = rng.randrange(len(bases()))
    # The large ones are slow, and have the same operators.
    if which >= len(bases()) - len(SHIPPED) and rng.random() < 0.7:
        which = rng.randrange(len(bases()) - len(SHIPPED))
    graph = parse(bases()[which])
    level = rng.choice(LEVELS if METADATA_NAME in graph.metadata else LEVELS[:2])
    if level == "fields" and METADATA_NAME in graph.metadata and rng.random() < 0.5:
        del graph.metadata[METADATA_NAME]
    sealed = rng.random() < 0.5
    editors: tuple[Edit, ...] = {"bytes": BYTES, "fields": FIELDS, "metadata": METADATA}[level]
    edits = [(rng.choice(editors), rng.randrange(2**32)) for _ in range(rng.randint(1, GREATEST_EDITS))]
    chosen = [edit for index, edit in enumerate(edits) if index not in leave_out]
    what = f"model {which}, {level}: " + ", ".join(f"{edit.__name__.strip('_')}({n})" for edit, n in chosen)
    if level == "bytes":
        data = bytearray(_unsealed(graph) if sealed else bases()[which])
        for edit, n in chosen:
            edit(data, random.Random(n))
        return Case(bytes(data), level, len(edits), what)
    if level == "metadata":
        graph.metadata[METADATA_NAME] = edited(_values(graph), chosen, BYTES)
        return Case(build(graph), level, len(edits), what)
    try:
        for edit, n in chosen:
            edit(graph, random.Random(n))
    except (OverflowError, ValueError, IndexError, TypeError) as error:
        raise CannotBuild from error
    return Case(_built(graph, sealed), level, len(edits), what)


def _built(graph: Graph, sealed: bool) -> bytes:
    try:
        if METADATA_NAME not in graph.metadata:
            return build(graph)
        return build_sealed(graph, METADATA_NAME) if sealed else _unsealed(graph)
    except Exception as error:
        raise CannotBuild from error


def _values(graph: Graph) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(graph.metadata[METADATA_NAME])
    values.pop("sha256", None)
    return values


def _unsealed(graph: Graph) -> bytes:
    if METADATA_NAME in graph.metadata:
        graph = copy.copy(graph)
        graph.metadata = {**graph.metadata, METADATA_NAME: json.dumps(_values(graph)).encode()}
    return build(graph)


# ---- bytes ----


def _flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _word(data: bytearray, rng: random.Random) -> None:
    if len(data) >= 8:
        at = rng.randrange(len(data) // 4 - 1) * 4
        data[at : at + 4] = struct.pack("<I", rng.choice(WORDS))


def _early_word(data: bytearray, rng: random.Random) -> None:
    # Tables lie at the ends of what kws writes.
    if len(data) >= 400:
        at = rng.choice((rng.randrange(50) * 4, len(data) // 4 * 4 - 4 * rng.randrange(1, 100)))
        data[at : at + 4] = struct.pack("<I", rng.choice(WORDS))


def _copy(data: bytearray, rng: random.Random) -> None:
    if data:
        size = rng.randrange(1, min(64, len(data)) + 1)
        source, target = (rng.randrange(len(data) - size + 1) for _ in range(2))
        data[target : target + size] = data[source : source + size]


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))


BYTES: tuple[Edit, ...] = (
    _flip, _flip, _byte, _word, _word, _early_word, _early_word, _copy, _cut, _insert,
)  # fmt: skip


# ---- fields ----


def _tensor(graph: Graph, rng: random.Random) -> Any:
    return rng.choice(graph.tensors)


def _operator(graph: Graph, rng: random.Random) -> Operator:
    if not graph.operators:
        raise CannotBuild
    return rng.choice(graph.operators)


def _index(graph: Graph, rng: random.Random) -> int:
    return rng.randrange(-1, len(graph.tensors))


def _dimension(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    shape = list(tensor.shape)
    if shape:
        shape[rng.randrange(len(shape))] = rng.choice(DIMENSIONS)
    tensor.shape = tuple(shape)


def _rank(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    shape = list(tensor.shape)
    change = rng.randrange(4)
    if change == 0:
        shape.insert(rng.randrange(len(shape) + 1), 1)
    elif change == 1:
        shape = shape[1:]
    elif change == 2:
        shape.reverse()
    else:
        shape = []
    tensor.shape = tuple(shape)


def _resize(graph: Graph, rng: random.Random) -> None:
    """Another shape, and as many data."""
    tensor = _tensor(graph, rng)
    if tensor.data is not None and tensor.data.ndim:
        shape = list(tensor.shape)
        shape[rng.randrange(len(shape))] = rng.choice((1, 2, 3, 4, 5, 8))
        tensor.shape = tuple(shape)
        tensor.data = np.resize(tensor.data, shape)


def _scale(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    count = rng.choice((1, 1, 1, 1, len(tensor.scales), 0, 2, 3))
    with np.errstate(all="ignore"):
        tensor.scales = np.array([rng.choice(SCALES) for _ in range(count)], np.float32)
    tensor.zero_points = np.resize(tensor.zero_points if tensor.zero_points.size else np.zeros(1, np.int64), count)


def _zero_point(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    tensor.zero_points = np.array([rng.choice(ZERO_POINTS) for _ in tensor.scales], np.int64)


def _channel_axis(graph: Graph, rng: random.Random) -> None:
    _tensor(graph, rng).channel_axis = rng.choice((0, 1, 2, 5, -1))


def _dtype(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    tensor.dtype = np.dtype(rng.choice(("int8", "int16", "int32", "int64", "uint8", "float32", "bool")))


def _drop_data(graph: Graph, rng: random.Random) -> None:
    _tensor(graph, rng).data = None


def _add_data(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    if all(0 <= n <= 1000 for n in tensor.shape) and math.prod(tensor.shape) <= 10000:
        tensor.data = np.zeros(tensor.shape, tensor.dtype)


def _extreme_data(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    if tensor.data is not None and tensor.dtype.kind == "i":
        limits = np.iinfo(tensor.dtype)
        value = rng.choice((limits.min, limits.max, -1, 0, limits.max // 3))
        data = tensor.data.copy().reshape(-1)
        data[rng.randrange(max(1, data.size)) :] = value
        tensor.data = data.reshape(tensor.shape) if data.size == math.prod(tensor.shape) else data


def _variable(graph: Graph, rng: random.Random) -> None:
    tensor = _tensor(graph, rng)
    tensor.is_variable = not tensor.is_variable


def _name(graph: Graph, rng: random.Random) -> None:
    _tensor(graph, rng).name = rng.choice(("", "x" * 5000, "\0", "*/", "ä\u2028", "[red]"))


def _swap_tensors(graph: Graph, rng: random.Random) -> None:
    a, b = (rng.randrange(len(graph.tensors)) for _ in range(2))
    graph.tensors[a], graph.tensors[b] = graph.tensors[b], graph.tensors[a]


def _operator_name(graph: Graph, rng: random.Random) -> None:
    names = [name for kind in KINDS for name in kind.operators]
    _operator(graph, rng).name = rng.choice((*names, "TANH", "ADD", "WHILE", "QUANTIZE", "CUSTOM:x"))


def _input(graph: Graph, rng: random.Random) -> None:
    op = _operator(graph, rng)
    inputs = list(op.inputs)
    if inputs:
        inputs[rng.randrange(len(inputs))] = _index(graph, rng)
    op.inputs = tuple(inputs)


def _inputs(graph: Graph, rng: random.Random) -> None:
    op = _operator(graph, rng)
    op.inputs = rng.choice((op.inputs[:-1], op.inputs[1:], (), (*op.inputs, _index(graph, rng)), op.inputs[::-1]))


def _outputs(graph: Graph, rng: random.Random) -> None:
    op = _operator(graph, rng)
    one = _index(graph, rng)
    op.outputs = rng.choice(((one,), (one,), (), (*op.outputs, one), op.outputs * 2, op.inputs[:1]))


def _cycle(graph: Graph, rng: random.Random) -> None:
    op, later = _operator(graph, rng), _operator(graph, rng)
    if op.inputs and later.outputs:
        op.inputs = (later.outputs[0], *op.inputs[1:])


def _operators(graph: Graph, rng: random.Random) -> None:
    ops = graph.operators
    op = copy.deepcopy(_operator(graph, rng))
    at = rng.randrange(len(ops))
    rng.choice((lambda: ops.insert(at, op), lambda: ops.pop(at), ops.reverse, ops.clear))()


def _option(graph: Graph, rng: random.Random) -> None:
    op = _operator(graph, rng)
    if op.options:
        name = rng.choice(sorted(op.options))
        value = op.options[name]
        new: Any = rng.choice(FLOATS) if isinstance(value, float) else rng.choice(NUMBERS)
        op.options[name] = not value if isinstance(value, bool) else new


def _ends(graph: Graph, rng: random.Random) -> None:
    one = rng.randrange(len(graph.tensors))
    values = rng.choice(((one,), (one,), (), (*graph.inputs, one), graph.inputs * 2, graph.outputs))
    if rng.random() < 0.5:
        graph.inputs = values
    else:
        graph.outputs = values


def _subgraph(graph: Graph, rng: random.Random) -> None:
    # Seldom with operators: each such file crashes TFLM, and the process that tried must start anew.
    other = copy.deepcopy(graph) if rng.random() < 0.05 else Graph([], [], (), ())
    other.metadata, other.subgraphs = {}, []
    graph.subgraphs = [other] * rng.choice((0, 1, 20))


FIELDS: tuple[Edit, ...] = (
    _dimension, _dimension, _rank, _resize, _resize, _scale, _scale, _zero_point, _channel_axis, _dtype, _drop_data,
    _add_data, _extreme_data, _extreme_data, _variable, _name, _swap_tensors, _operator_name, _input, _input, _inputs,
    _outputs, _cycle, _operators, _option, _option, _option, _ends, _subgraph,
)  # fmt: skip
