"""``kws data takes``: how well the takes of each word tell it from the others, and what more would bring."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import config, configs
from kws.cli import console, exit_codes
from kws.cli.options import A_CONFIGURATION, A_DATA_FOLDER, add_json, add_seed
from kws.evaluation.learning_curve import Curve, Point, learning_curve
from kws.training.start import ModelStart


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data takes``."""
    parser.add_argument("dir", type=Path, metavar="DIR", help=A_DATA_FOLDER)
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        metavar="CONFIG",
        help=f"settings that name the words: {A_CONFIGURATION}",
    )
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        required=True,
        metavar="MODEL",
        help="the model that the training will start from: a .tflite file or a run, which has not heard the takes",
    )
    add_seed(parser, "of every draw")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data takes``."""
    experiment = config.load(configs.meant(a.config))
    start = ModelStart.load(a.start)
    with console.progress("hearing takes") as progress:
        curve = learning_curve(a.dir, experiment.data, start.frontend, start.network, a.seed, progress)
    if a.json:
        console.print_json(curve.as_dict())
    else:
        _print(curve)
    return exit_codes.OK


def _print(curve: Curve) -> None:
    rows = [("measured", *_row(point)) for point in curve.measured]
    rows += [("all there are", *_row(curve.now)), ("twice as many", *_row(curve.twice))]
    title = f"takes of {', '.join(curve.words)} that are held out and heard as something else"
    console.table(("", "takes of each word", "errors", "95 % interval"), rows, title)
    console.out.print(
        f"{curve.advice}. Fitted is the last layer alone, on the model that training starts from: the whole training"
        " hears better, the slope is what to read. It is about the people who spoke, and no others.",
        markup=False,
    )


def _row(point: Point) -> tuple[str, str, str]:
    return str(point.takes), f"{100 * point.errors:.1f} %", f"{100 * point.low:.1f} to {100 * point.high:.1f} %"
