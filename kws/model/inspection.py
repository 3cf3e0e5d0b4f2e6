"""What a .tflite file from elsewhere is: its ends, its operators, and what to do about those that do not run."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kws.errors import KwsError
from kws.files import read_file
from kws.layers import reader_of
from kws.model import manifest
from kws.model.file import METADATA_NAME, Model
from kws.model.folding import VARIABLES
from kws.model.foreign import advice
from kws.model.states import ends
from kws.tflite import Graph, Tensor, parse

_IN_A_LOOP = "goes with the loop or branch that it is in"
_OTHERWISE = "leave it out, or build it of operators that run: docs/OPERATORS.md"


@dataclass(frozen=True)
class Used:
    """An operator of a file.

    Attributes:
        name: as the schema has it, or ``CUSTOM:name``.
        count: how often it is there, subgraphs included.
        runs: whether kws has it.
        advice: what to do where it has not.
    """

    name: str
    count: int
    runs: bool
    advice: str


@dataclass(frozen=True)
class Inspection:
    """What is told of a file.

    Attributes:
        inputs: each input's name, type, shape, scale and zero point, in words.
        outputs: likewise.
        operators: in order of their names.
        subgraphs: how many graphs are in the file.
        refusal: why kws cannot run it; empty where it can.
        model: the model, where kws can run it.
        manifest: name of the manifest beside it that makes it whole; empty where none does.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: tuple[Used, ...]
    subgraphs: int
    refusal: str
    model: Model | None
    manifest: str = ""

    @property
    def what(self) -> str:
        """In one sentence."""
        if self.model is None:
            return "kws cannot run it"
        network = self.model.network
        states = [state for declared in network.states for state in declared]
        held = f"{len(states)} states of {sum(state.bytes for state in states)} bytes" if states else "no state"
        whose = "a kws model" if self.model.info is not None else "a bare network"
        if self.manifest and self.model.info is not None:
            whose = f"the wake word {self.model.info.words[0]!a} of {self.manifest}"
        return (
            f"{whose} that runs: {len(network.layers)} layers, {held}, {network.weight_bytes} bytes of weights and"
            f" biases, {network.macs} multiply-accumulates a call"
        )


def inspect(path: Path) -> Inspection:
    """Read a file, and a manifest of microWakeWord beside it, and say what it is, whether kws can run it or not.

    Raises:
        KwsError: it cannot be read, or is no .tflite file.
    """
    try:
        content = read_file(path)
    except OSError as error:
        raise KwsError(f"cannot read {path}: {error.strerror or error}") from error
    source = os.fspath(path)
    graph = parse(content, source)
    model, refusal = None, ""
    try:
        model = Model.load(path)
    except KwsError as error:
        refusal = str(error).removeprefix(f"{source}: ")
    beside = manifest.beside(path) if model is not None and METADATA_NAME not in graph.metadata else None
    states = () if model is None else ends(graph).states
    inputs, outputs = ([_end(graph.tensors[i]) for i in end] for end in (graph.inputs, graph.outputs))
    for a, b in states:
        inputs[a] += ", a state that kws keeps"
        outputs[b] += f", what {graph.tensors[graph.inputs[a]].name!a} becomes"
    return Inspection(
        tuple(inputs),
        tuple(outputs),
        _operators(graph),
        1 + len(graph.subgraphs),
        refusal,
        model,
        "" if beside is None else beside.name,
    )


def _end(tensor: Tensor) -> str:
    name = f"{tensor.name!a} {tensor.dtype} {list(tensor.shape)}"
    return f"{name}, scale {tensor.scale:g}, zero point {tensor.zero_point}" if tensor.scales.size == 1 else name


def _operators(graph: Graph) -> tuple[Used, ...]:
    counts = Counter(op.name for each in (graph, *graph.subgraphs) for op in each.operators)
    outside = {op.name for op in graph.operators}
    folded = (*VARIABLES, "DEQUANTIZE")
    used = []
    for name, count in sorted(counts.items()):
        runs = reader_of(name) is not None or name in folded
        advised = _IN_A_LOOP if name not in outside else advice(name) or _OTHERWISE
        used.append(Used(name, count, runs, "" if runs else advised))
    return tuple(used)
