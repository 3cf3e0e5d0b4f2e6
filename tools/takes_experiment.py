"""Does `kws data takes` foretell what twice as many takes bring?

    python tools/takes_experiment.py --data data/speech_commands

Of each word, 30 takes are drawn again and again, the curve through them is fitted, and its value at 60 is compared with
the error rate that 60 other takes of each word really give on all that is left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kws.cli import console
from kws.config import SAMPLE_RATE
from kws.datasets import clips
from kws.datasets.fit import read_fitted
from kws.datasets.splits import speaker_of
from kws.evaluation import learning_curve as curves
from kws.training.start import ModelStart
from kws.types import Pcm

SETS = (("bed", "bird", "cat", "happy"), ("backward", "forward"), ("down", "five", "zero"), ("yes", "no"))
TAKES, POOL, DRAWS = 30, 140, 10


def _clips(paths: list[Path]) -> Pcm:
    return np.stack([read_fitted(path, SAMPLE_RATE) for path in paths])


def _states(start: ModelStart, pcm: Pcm) -> curves.Doubles:
    parts = [curves.last_states(start.network, start.frontend, pcm[i : i + 64]) for i in range(0, len(pcm), 64)]
    return np.concatenate(parts).astype(np.float64)


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--from", dest="start", type=Path, default=Path("models/commands12.tflite"), metavar="MODEL")
    a = parser.parse_args()
    start, rng = ModelStart.load(a.start), np.random.default_rng(1)
    rows = []
    for words in SETS:
        # One clip of a speaker: takes of one person in one breath are no independent trials.
        found = {word: {speaker_of(p): p for p in clips.audio_files(a.data / word)} for word in words}
        drawn = {w: [list(f.values())[i] for i in rng.permutation(len(f))[:POOL]] for w, f in found.items()}
        states = {word: _states(start, _clips(paths)) for word, paths in drawn.items()}
        others = _states(start, curves._sentences(words, SAMPLE_RATE, rng))
        wrong, tried = curves._errors(states, others, POOL, [TAKES, 2 * TAKES], rng)
        before, truth = (wrong.sum(axis=0) / tried.sum(axis=0)).tolist()
        told = []
        for _ in range(DRAWS):
            few = {word: x[rng.permutation(POOL)[:TAKES]] for word, x in states.items()}
            told.append(curves.fit_curve(few, others, rng))
        within = sum(c.twice.low <= truth <= c.twice.high for c in told)
        foretold = [c.twice.errors for c in told]
        rows.append(
            (
                ", ".join(words),
                f"{100 * before:.1f} %",
                f"{100 * truth:.1f} %",
                f"{100 * np.mean(foretold):.1f} %",
                f"{100 * min(foretold):.1f} to {100 * max(foretold):.1f} %",
                f"{within} of {DRAWS}",
            )
        )
    columns = ("words", f"at {TAKES}", f"at {2 * TAKES}", "foretold, mean", "foretold, range", "interval holds it")
    console.table(columns, rows, f"errors with {TAKES} and {2 * TAKES} takes, and what {TAKES} takes foretell")


if __name__ == "__main__":
    main()
