"""How far is desktop TFLite from the harness, operator by operator? The last column of docs/OPERATORS.md.

    python tools/tflite_difference.py models/commands12.tflite RECORDING [RECORDING ...]

Each operator is cut out of the model into a model of its own, and gets exactly what the harness gives it,
so that no operator is blamed for what one before it did. The last line is the whole network. Each recording
is heard from a reset.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from kws import audio
from kws.cli import exit_codes
from kws.engines.interpreters import TfliteEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.model.file import Model
from kws.tflite import build, parse
from kws.types import Int8


@dataclasses.dataclass
class Difference:
    """Values of one operator over all recordings: how many, how many differ, and the greatest difference."""

    name: str
    values: int = 0
    different: int = 0
    greatest: int = 0

    def add(self, expected: Int8, found: Int8) -> None:
        """Count int8 arrays of the same size."""
        gap = np.abs(expected.astype(np.int16).ravel() - found.astype(np.int16).ravel())
        self.values += gap.size
        self.different += int(np.count_nonzero(gap))
        self.greatest = max(self.greatest, int(gap.max(initial=0)))


def alone(model: Model, layer: int) -> TfliteEngine:
    """TFLite with one layer of ``model`` as its whole model."""
    graph = parse(model.content)
    tensor = model.network.layers[layer].output
    operator = next(o for o in graph.operators if tensor in o.outputs)
    cut = dataclasses.replace(
        graph, operators=[operator], inputs=operator.inputs[:1], outputs=operator.outputs, metadata={}
    )
    return TfliteEngine(Model.from_bytes(build(cut), f"{operator.name} of {model.source}"))


def differences(model: Model, recordings: Sequence[Path]) -> tuple[list[Difference], list[Difference]]:
    """One difference a layer, given the harness's inputs; and the whole network's posteriors, decisions, streams.

    Raises:
        KwsError: the model has no front end, or a recording cannot be read.
    """
    reference, whole = NumpyEngine(model), TfliteEngine(model)
    engines = [alone(model, i) for i in range(len(model.network.layers))]
    by_layer = [Difference(layer.name) for layer in model.network.layers]
    posteriors, decisions, streams = (
        Difference(n) for n in ("the whole network", "label with the highest posterior, per frame", "recordings")
    )
    for path in recordings:
        reference.reset()
        expected = reference.process(audio.read(path))
        if expected.features is None:
            raise KwsError(f"{model.source} has no front end; this needs a whole model")
        x = expected.features
        for index, (engine, difference) in enumerate(zip(engines, by_layer, strict=True)):
            engine.reset()
            difference.add(expected.layers[index], engine.run_network(x).posteriors)
            x = expected.layers[index]
        whole.reset()
        found = whole.run_network(expected.features).posteriors
        posteriors.add(expected.posteriors, found)
        decisions.add(
            expected.posteriors.argmax(axis=1).astype(np.int8),
            found.argmax(axis=1).astype(np.int8),
        )
        streams.add(np.zeros(1, np.int8), np.array([not np.array_equal(expected.posteriors, found)], np.int8))
    return by_layer, [posteriors, decisions, streams]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="desktop TFLite against the harness, operator by operator")
    parser.add_argument("model", type=Path)
    parser.add_argument("recording", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    try:
        by_layer, overall = differences(Model.load(options.model), options.recording)
    except KwsError as error:
        print(f"tflite_difference: {error}", file=sys.stderr)
        return exit_codes.of(error)
    table = Table("operator", "values", "different", "greatest")
    for d in [*by_layer, *overall]:
        greatest = f"{d.greatest}" if d in by_layer or d is overall[0] else ""
        table.add_row(d.name, f"{d.values:,}", f"{d.different / max(d.values, 1):.3%}", greatest)
    Console(highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
