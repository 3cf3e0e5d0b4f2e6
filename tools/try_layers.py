"""Random models of every operator through NumPy, TensorFlow Lite Micro and C, which must agree in every value.

    python tools/try_layers.py --count 1000 --seed 1

Each operator alone, ``count`` models of it, against TFLM; then as many step graphs with states, as many graphs with
int16 at their ends or inside, and graphs of twelve operators that branch, a tenth as many; these, and a tenth of the
others' graphs, against TFLM and C, which is compiled for each. The first difference ends it, and names the seed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from random_int16 import int16_graph, with_ends
from random_layers import OPERATORS, Drawn, alone, graph
from random_steps import step_graph
from rich.progress import Progress

from kws.engines.base import Engine
from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.verify.compare import EngineReport, compare

CALLS = 6


def differences(drawn: Drawn, engines: Sequence[Engine], seed: int) -> EngineReport:
    """Run a model from a reset, with both ends of the range and random inputs, twice."""
    model = drawn.model
    report = EngineReport("others", True)
    x = np.random.default_rng(seed).integers(-128, 128, (CALLS, model.network.input_size)).astype(np.int8)
    x = with_ends(x, model.network)
    reference = NumpyEngine(model)
    for _ in range(2):
        reference.reset()
        expected = reference.run_network(x)
        for engine in engines:
            engine.reset()
            compare(model, f"{model.source}, {engine.name}", expected, engine.run_network(x), report)
    return report


def main() -> int:
    """Parse the arguments and try; 1 where an engine differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="models of each operator alone")
    parser.add_argument("--seed", type=int, default=1, help="of the first model")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    graphs = seeds[: max(1, len(seeds) // 10)]
    drawings: list[tuple[Callable[[], Drawn], int, bool]] = [
        *((partial(alone, name, s), s, False) for name in OPERATORS for s in seeds),
        *((partial(step_graph, s), s, s in graphs) for s in seeds),
        *((partial(int16_graph, s), s, s in graphs) for s in seeds),
        *((partial(graph, s), s, True) for s in graphs),
    ]
    values, models = 0, Counter[str]()
    with Progress() as progress:
        task = progress.add_task("models", total=len(drawings))
        for draw, seed, in_c in drawings:
            drawn = draw()
            others: list[Engine] = [TflmEngine(drawn.model)]
            if in_c:
                others.append(CEngine(drawn.model))
            report = differences(drawn, others, seed)
            if report.first is not None:
                progress.stop()
                print(report.first)
                return 1
            values += report.values
            models.update(drawn.counts)
            progress.advance(task)
    for name, count in sorted(models.items()):
        print(f"{name:27} {count:6} of them")
    print(f"{values} values compared, 0 differ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
