"""A wake word for other people's devices: the .tflite and its manifest that runtimes of microWakeWord read.

ESPHome's voice devices and the Linux voice assistant run such models. What their runtime takes is checked here,
where the reason can be told, and not on the device, where a component is "marked as failed".
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.decisions import SlidingMeanConfig
from kws.engines import arena
from kws.errors import KwsError
from kws.files import write_all
from kws.frontends import MicroFrontendConfig
from kws.model.file import Model, ModelInfo
from kws.model.manifest import VERSION, about
from kws.tflite import Graph, Operator, Tensor, build

OPERATORS = (
    *("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "RESHAPE", "STRIDED_SLICE", "CONCATENATION"),
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL", "ADD", "MEAN", "LOGISTIC", "QUANTIZE"),
    *("AVERAGE_POOL_2D", "MAX_POOL_2D", "PAD", "PACK", "SPLIT_V"),
)
"""The twenty that ESPHome's runtime registers."""
GREATEST_VARIABLES = 20
MARGIN = 1.5
"""The arena asked for, over what TFLM's reference kernels take: Espressif's take scratch memory of their own."""
VOICE = "vad"
"""What the runtime takes for a detector of voices, and not for a wake word."""
MINIMUM_ESPHOME = "2024.7.0"
"""The first version whose runtime reads manifests of version 2."""


@dataclass(frozen=True)
class Package:
    """What was written.

    Attributes:
        files: the .tflite and the manifest.
        arena_bytes: of the arena, as TFLM measures it on this machine.
        manifest: the manifest's values.
    """

    files: tuple[Path, ...]
    arena_bytes: int
    manifest: dict[str, object]


def export_esphome(model: Model, out: Path) -> Package:
    """Write the .tflite and the manifest of a wake word into the folder ``out``.

    Args:
        model: a wake word on the microfrontend, whose cut-off was tuned, or which has a manifest already.
        out: the folder.

    Raises:
        KwsError: the runtime would not take the model, every reason named; or the folder cannot be written.
        MissingError: TFLM, which measures the arena, is not installed.
    """
    graph = with_byte_output(model.graph)
    reasons = refusals(model, graph)
    if reasons:
        listed = "".join(f"\n- {reason}" for reason in reasons)
        raise KwsError(f"{model.source} would not run in ESPHome's micro_wake_word:{listed}")
    info = model.require_info()
    frontend, decision = info.frontend, info.decision
    assert isinstance(frontend, MicroFrontendConfig)
    assert isinstance(decision, SlidingMeanConfig)
    # Without metadata of kws: what the manifest says is then all that anybody reads, kws too.
    content = build(replace(graph, metadata={}))
    measured = arena.measure(content, model.source)
    stem = re.sub(r"[^a-z0-9]+", "_", info.words[0].lower()).strip("_") or "wake_word"
    # Somebody else's model stays somebody else's. ESPHome refuses a website that is empty.
    manifest: dict[str, object] = {
        "type": "micro",
        "wake_word": info.words[0],
        "author": "kws",
        "trained_languages": [],
        **_about(info),
        "model": f"{stem}.tflite",
        "version": VERSION,
        "micro": {
            "probability_cutoff": decision.cutoff,
            "feature_step_size": int(frontend.step_ms),
            "sliding_window_size": decision.window,
            "tensor_arena_size": math.ceil(measured * MARGIN / 256) * 256,
            "minimum_esphome_version": MINIMUM_ESPHOME,
        },
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    write_all(out, {f"{stem}.tflite": content, f"{stem}.json": text})
    return Package((out / f"{stem}.tflite", out / f"{stem}.json"), measured, manifest)


def _about(info: ModelInfo) -> dict[str, object]:
    said = info.provenance.get("manifest")
    return about(said) if isinstance(said, dict) else {}


def with_byte_output(graph: Graph) -> Graph:
    """The graph with a uint8 output, which the runtime reads: an int8 one gets a QUANTIZE behind it."""
    if len(graph.outputs) != 1 or graph.tensors[graph.outputs[0]].dtype != np.int8:
        return graph
    source = graph.tensors[graph.outputs[0]]
    made = Tensor("probability", source.shape, np.dtype(np.uint8), source.scales, source.zero_points + 128)
    op = Operator("QUANTIZE", graph.outputs, (len(graph.tensors),))
    return replace(
        graph,
        tensors=[*graph.tensors, made],
        operators=[*graph.operators, op],
        outputs=op.outputs,
    )


def refusals(model: Model, graph: Graph) -> list[str]:
    """Why the runtime would not take a model, or would never detect; empty where it would.

    Args:
        model: the model.
        graph: its graph, as :func:`with_byte_output` leaves it.
    """
    info = model.info
    if info is None:
        return ["it is a bare network: it has no wake word, front end and cut-off"]
    reasons = []
    if not isinstance(info.frontend, MicroFrontendConfig):
        reasons.append(
            f"its front end is {info.frontend.kind}, and the runtime's is {MicroFrontendConfig.kind}:"
            f' train with [frontend] kind = "{MicroFrontendConfig.kind}"'
        )
    if not isinstance(info.decision, SlidingMeanConfig):
        reasons.append(
            f"its decision is {info.decision.kind} over {len(info.labels)} labels, and the runtime has"
            f' {SlidingMeanConfig.kind} of one probability: train with [detector] kind = "{SlidingMeanConfig.kind}"'
        )
    elif not {"tuned", "manifest"} & info.provenance.keys():
        reasons.append("its cut-off was never tuned, so it may never trigger: run `kws tune` on it first")
    if info.words[0] == VOICE:
        reasons.append(f"its word is {VOICE!r}, by which the runtime knows its voice detector: call it otherwise")
    every = [graph, *graph.subgraphs]
    names = sorted({op.name for each in every for op in each.operators} - set(OPERATORS))
    if names:
        reasons.append(f"operator {', '.join(names)} is none of the runtime's twenty ({', '.join(OPERATORS)})")
    variables = {op.options.get("SharedName") for op in graph.operators if op.name == "VAR_HANDLE"}
    if len(variables) > GREATEST_VARIABLES:
        reasons.append(f"it has {len(variables)} variables, and the runtime has room for {GREATEST_VARIABLES}")
    reasons += _shapes(graph)
    return reasons


def _shapes(graph: Graph) -> list[str]:
    """What of the input and the output the runtime does not take."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return [f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, and must have one of each"]
    source, sink = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    bands = MicroFrontendConfig().bands
    reasons = []
    if source.dtype != np.int8 or len(source.shape) != 3 or source.shape[0] != 1 or source.shape[2] != bands:
        reasons.append(f"its input is {source.dtype} {list(source.shape)}, and must be int8 [1, rows, {bands}]")
    if sink.dtype != np.uint8 or sink.shape != (1, 1):
        reasons.append(f"its output is {sink.dtype} {list(sink.shape)}, and must be one probability, uint8 [1, 1]")
    return reasons
