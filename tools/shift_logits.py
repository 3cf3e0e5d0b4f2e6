"""Add to labels' logits, for good: how willingly a trained network names each, at no cost on a device.

A network that was taught with many negatives names too few words: what it is unsure of is silence or another word. Less
of these two moves the balance between words missed and words falsely heard without a new training. The result is a run
like any other, for kws convert.

    python tools/shift_logits.py RUN --add _silence_=-3 --add _unknown_=-4 --out SHIFTED
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path

import derived_run
import numpy as np

from kws import runs
from kws.errors import KwsError


def shift(run: Path, by: Mapping[str, float], out: Path) -> None:
    """Write a run whose last layer has other biases.

    Args:
        run: a run whose network ends with a dense layer of a value a label.
        by: what to add, by label.
        out: the new run's folder.

    Raises:
        KwsError: no run, a label that it lacks, a number that is none, or another kind of last layer.
    """
    experiment, network = runs.load_config(run), runs.load_network(run)
    labels = experiment.data.symbols
    for label, value in by.items():
        if label not in labels:
            raise KwsError(f"{run} has no label {label!r}; it has {', '.join(labels)}")
        if not math.isfinite(value):
            raise KwsError(f"{label}={value}: what is added to a logit is a number")
    arrays = network.arrays()
    last = [name for name in arrays if name.endswith("/bias")][-1:]
    if not last or arrays[last[0]].shape != (len(labels),):
        raise KwsError(f"{run}: the last layer has no bias for each label")
    arrays[last[0]] = arrays[last[0]] + np.array([by.get(label, 0.0) for label in labels], np.float32)
    said = runs.load_json(run / runs.PROVENANCE)
    derived_run.write(run, type(network).from_arrays(arrays), {**said, "logits": dict(by)}, out)


def _pair(text: str) -> tuple[str, float]:
    label, _, value = text.rpartition("=")
    return label, float(value)


def main() -> None:
    """Shift."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--add", type=_pair, action="append", required=True, metavar="LABEL=NUMBER")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN")
    a = parser.parse_args()
    shift(a.run, dict(a.add), a.out)


if __name__ == "__main__":
    main()
