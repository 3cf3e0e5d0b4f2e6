"""``kws compare``: several runs in one table and one plot."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kws.cli import console, exit_codes
from kws.cli.options import SPLITS, add_data, add_json_report, add_seed, figure, jobs, minutes, positive_number
from kws.files import require_place
from kws.report import compare


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws compare``."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a converted training run")
    add_data(parser)
    parser.add_argument("--split", choices=SPLITS, default="validation", help="whose clips and speakers are heard")
    parser.add_argument(
        "--minutes",
        type=minutes,
        default=60.0,
        metavar="N",
        help="length of the stream at the desk in which misses are counted",
    )
    parser.add_argument("--no-stream", action="store_true", help="leave misses in a stream out")
    parser.add_argument(
        "--budget",
        type=positive_number,
        default=10.0,
        metavar="N",
        help="false accepts per hour at which misses are counted",
    )
    parser.add_argument("--no-boards", action="store_true", help="leave instructions and RAM out")
    parser.add_argument("--plot", type=figure, metavar="FILE", help="draw accuracy by cost (.png, .svg or .pdf)")
    parser.add_argument("--jobs", type=jobs, metavar="N", help="processes, at most 256 (default: one a core)")
    add_seed(parser, "of unknown words, silence and the stream")
    add_json_report(parser)


def run(a: argparse.Namespace) -> int:
    """``kws compare``."""
    require_place(a.json if a.json != "-" else None)
    require_place(a.plot)
    settings = compare.CompareOptions(
        split=SPLITS[a.split],
        minutes=0.0 if a.no_stream else a.minutes,
        budget=a.budget,
        cores=() if a.no_boards else tuple(compare.CORES),
        seed=a.seed,
        processes=a.jobs,
    )
    with console.stages() as progress:
        found = compare.compare(a.runs, a.data, settings, progress)
    if a.json:
        values = {"split": settings.split, "minutes": settings.minutes, "budget": settings.budget}
        report = {**values, "seed": settings.seed, "runs": [one.as_dict() for one in found]}
        console.write_report(json.dumps(report, indent=1) + "\n", a.json)
    if a.plot:
        compare.plot(found, a.plot)
    if a.json != "-":
        names = compare.columns(settings)
        console.table(names, [compare.row(one, settings) for one in found], "each run, on the same clips and stream")
        for one in found:
            for note in one.notes:
                console.out.print(f"{one.name}: {note}", markup=False)
    return exit_codes.OK
