"""``kws sweep``: trainings over settings and seeds."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from kws import runs
from kws.cli import console, exit_codes, trainings
from kws.cli.options import add_cluster, add_json, jobs, on_cluster, shortened
from kws.errors import UsageError
from kws.files import write_atomic
from kws.training import sweep, sweep_report

TABLE, VALUES, PLOT = "sweep.tsv", "sweep.json", "sweep.png"


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws sweep``."""
    trainings.add_options(parser, "DIR/cache")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the sweep")
    parser.add_argument(
        "--grid",
        type=_values,
        action="append",
        required=True,
        metavar="KEY=VALUE,...",
        help="values to try, such as training.seed=1,2,3 or network.lstm_units=[[40,36],[80,80]]; may be given several"
        " times: every combination is trained",
    )
    parser.add_argument(
        "--jobs", type=jobs, metavar="N", help="trainings side by side, each in one thread (default: one a core)"
    )
    add_cluster(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws sweep``."""
    experiment = trainings.experiment(a.config)
    grid: dict[str, list[Any]] = {}
    for key, values in a.grid:
        if key in grid:
            raise UsageError(f"--grid names {key} twice; put all its values into one")
        grid[key] = values
    a.out.mkdir(parents=True, exist_ok=True)
    try:
        with on_cluster(a), console.stages() as progress:
            results = sweep.sweep(experiment, grid, a.data, a.out, trainings.train_options(a), a.jobs, progress)
    except KeyboardInterrupt:
        console.messages.print(f"kws: interrupted; the same command goes on from {a.out}")
        return exit_codes.INTERRUPTED
    found = sweep_report.groups(results)
    values = {"name": experiment.name, "groups": [g.as_dict() for g in found], "runs": [_plain(r) for r in results]}
    runs.save_json(values, a.out / VALUES)
    write_atomic(a.out / TABLE, sweep_report.table(found))
    sweep_report.plot(found, a.out / PLOT, experiment.name)
    if a.json:
        console.print_json({"out": str(a.out), **values})
        return exit_codes.OK
    columns, rows = sweep_report.rows(found)
    console.table(columns, rows, "mean and standard deviation over seeds, of each training's best epoch")
    console.out.print(f"{a.out / PLOT}, {a.out / TABLE}; runs in {a.out / sweep.RUNS}")
    return exit_codes.OK


def _plain(result: sweep.Result) -> dict[str, Any]:
    told = {"name": result.name, "settings": dict(result.settings), "measures": result.measures}
    return {**told, "best_epoch": result.best, "epochs": result.epochs, "weights": result.weights}


def _values(text: str) -> tuple[str, list[Any]]:
    """``KEY=VALUES``: a TOML list of values, or values or words between commas."""
    key, given, values = text.partition("=")
    key, values = key.strip(), values.strip()
    if not given or not values or "." not in key.strip("."):
        raise argparse.ArgumentTypeError(f"must be like training.seed=1,2,3, not {shortened(text)}")
    try:
        found = tomllib.loads(f"x = {values if values.startswith('[') else f'[{values}]'}")["x"]
    except (tomllib.TOMLDecodeError, RecursionError):
        if values.startswith("["):
            raise argparse.ArgumentTypeError(f"must be a list of values as in TOML, not {shortened(text)}") from None
        found = [value.strip() for value in values.split(",")]
    if not found:
        raise argparse.ArgumentTypeError(f"names no value: {shortened(text)}")
    return key, found
