"""Blend the weights of a fine-tuned run with those of the model that it started from.

A model fine-tuned on much noise and other speech hears fewer words where there are none, and loses a little on clean
clips. On the line between both sets of weights most of the one is kept and most of the other gained (Wortsman 2022,
arXiv:2109.01903). The result is a run like any other, for kws convert.

    python tools/blend_weights.py RUN models/commands12.tflite --share 0.5 --out BLENDED
"""

from __future__ import annotations

import argparse
from pathlib import Path

import derived_run
import numpy as np

from kws import runs
from kws.errors import KwsError
from kws.network import FloatNetwork
from kws.training.start import ModelStart


def blended(tuned: FloatNetwork, start: FloatNetwork, share: float) -> FloatNetwork:
    """Weights ``share`` of the way from ``start`` to ``tuned``.

    Raises:
        KwsError: they have other shapes.
    """
    ours, theirs = tuned.arrays(), start.arrays()
    if {name: a.shape for name, a in ours.items()} != {name: a.shape for name, a in theirs.items()}:
        raise KwsError("the weights have other shapes than those of the model; name the one that the run started from")
    return type(tuned).from_arrays(
        {name: (share * a + (1 - share) * theirs[name]).astype(np.float32) for name, a in ours.items()}
    )


def blend(run: Path, model: Path, share: float, out: Path) -> None:
    """Write a run whose weights are blended.

    Args:
        run: the fine-tuned run.
        model: what it, or the run that it started from, began with: a .tflite file or a run.
        share: of the fine-tuned weights.
        out: the new run's folder.

    Raises:
        KwsError: no run, no such model, or the model has other labels or shapes.
    """
    experiment, start = runs.load_config(run), ModelStart.load(model)
    if start.labels != experiment.data.symbols:
        raise KwsError(f"{model} has other labels than {run}")
    network = blended(runs.load_network(run), start.network, share)
    said = runs.load_json(run / runs.PROVENANCE)
    # The figures of the best epoch were those of the weights that are blended here.
    said.pop("best", None)
    derived_run.write(run, network, {**said, "blend": {"share": share, **start.provenance()}}, out)


def main() -> None:
    """Blend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--share", type=float, default=0.5, help="of the run's weights, 0 to 1 (default: 0.5)")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN")
    a = parser.parse_args()
    blend(a.run, a.model, a.share, a.out)


if __name__ == "__main__":
    main()
