"""Print what single layers cost on each emulated core: instructions per multiply-accumulate, set-up included.

Run ``python tools/bench_layers.py``; ``make bench-firmware`` runs it, too. The shapes are those of a DS-CNN for
keyword spotting, 64 channels over 25 by 5 pixels. Each layer is a network of its own, random weights and a factor
per channel, and what is counted is a whole call of that network. Instructions are counted by an emulator: they are
not cycles, and the same on every machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from bench_firmware import wide_console
from random_images import Images
from random_models import INT8, INT32
from rich import box
from rich.table import Table

from kws.boards import BOARDS, EMULATED
from kws.cli import exit_codes
from kws.cli.console import messages
from kws.errors import KwsError
from kws.files import write_atomic
from kws.image.bench import Cost, measure
from kws.model.file import Model
from kws.tflite import build

Shape = tuple[int, int, int]
DEPTHWISE = "depthwise"
LAYERS: dict[str, tuple[Shape, tuple[int, int], tuple[int, int], int | str]] = {
    "1x1, 64 to 64, 25x5": ((25, 5, 64), (1, 1), (1, 1), 64),
    "3x3, 64 to 64, 25x5": ((25, 5, 64), (3, 3), (1, 1), 64),
    "3x3 depthwise, 64, 25x5": ((25, 5, 64), (3, 3), (1, 1), DEPTHWISE),
    "10x4, 1 to 64, 49x10, stride 2": ((49, 10, 1), (10, 4), (2, 2), 64),
}
"""Image, kernel, stride, and outputs; SAME padding."""


def layer_model(name: str) -> Model:
    """A network of one layer of :data:`LAYERS`: seeded weights, a ReLU, a factor per channel."""
    image, kernel, stride, outputs = LAYERS[name]
    layers = Images(np.random.default_rng(0))
    depthwise = outputs == DEPTHWISE
    channels = image[2] if depthwise else int(outputs)
    depth = 1 if depthwise else image[2]
    x = layers.tensor("input", (1, *image), INT8, 0.05, -128)
    shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth)
    data = np.clip(np.round(layers.rng.normal(0, 45, shape)), -127, 127).astype(np.int8)
    scales = layers.rng.uniform(0.5, 2.0, channels) / 100
    w = layers.tensor("weights", shape, INT8, scales, 0, data)
    layers.graph.tensors[w].channel_axis = 3 if depthwise else 0
    bias = layers.rng.integers(-2000, 2000, channels).astype(np.int32)
    b = layers.tensor("bias", (channels,), INT32, 0.05 * scales, 0, bias)
    size = [-(-n // s) for n, s in zip(image[:2], stride, strict=True)]
    spread = 0.05 * 0.01 * 60 * 60 * (kernel[0] * kernel[1] * depth) ** 0.5 / 50
    out = layers.tensor("output", (1, *size, channels), INT8, spread, -128)
    options = {"Padding": 0, "StrideH": stride[0], "StrideW": stride[1], "FusedActivationFunction": 1}
    options |= {"DilationHFactor": 1, "DilationWFactor": 1, **({"DepthMultiplier": 1} if depthwise else {})}
    layers.add_op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", (x, w, b), (out,), **options)
    layers.graph.inputs, layers.graph.outputs = (x,), (out,)
    return Model.from_bytes(build(layers.graph), name)


def table(costs: list[Cost]) -> Table:
    """A row a layer and core."""
    result = Table(box=box.SIMPLE_HEAD)
    for name in ("layer", "core"):
        result.add_column(name)
    for name in ("MACs", "instructions", "per MAC", "weights", "RAM"):
        result.add_column(name, justify="right")
    for c in costs:
        result.add_row(
            c.model, c.core, f"{c.macs:,}", f"{c.network:,.0f}", f"{c.per_mac:.2f}", f"{c.weights:,}", f"{c.ram:,}"
        )
    return result


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--boards", nargs="+", choices=tuple(EMULATED), default=list(EMULATED), help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    a = parser.parse_args()
    costs = []
    try:
        with tempfile.TemporaryDirectory(prefix="kws-bench-") as folder:
            for index, name in enumerate(LAYERS):
                model = layer_model(name)
                for board in a.boards:
                    messages.print(f"{name} on {BOARDS[board].core}")
                    costs.append(measure(model, name, board, Path(folder) / str(index)))
        if a.json:
            write_atomic(a.json, json.dumps([{**asdict(c), "per_mac": c.per_mac} for c in costs], indent=1) + "\n")
    except KwsError as error:
        print(f"bench_layers: {error}", file=sys.stderr)
        return exit_codes.of(error)
    console = wide_console()
    console.print(table(costs))
    console.print(
        "instructions of one call of a network of that layer alone, mean over the exported test vectors; bytes"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
