"""``kws clips``: what each clip is heard as, those first that are heard as something else."""

from __future__ import annotations

import argparse
import json

from kws.cli import console, exit_codes
from kws.cli.options import add_data, add_json_report, add_run, whole
from kws.evaluation.clip.places import places
from kws.files import require_place


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws clips``."""
    add_run(parser)
    add_data(parser)
    parser.add_argument("--top", type=whole(1, 100_000), default=20, metavar="N", help="clips to show")
    add_json_report(parser)


def run(a: argparse.Namespace) -> int:
    """``kws clips``."""
    require_place(a.json if a.json != "-" else None)
    with console.progress("hearing clips") as progress:
        found = places(a.run, a.data, progress)
    if a.json:
        report = {"run": str(a.run), "data": str(a.data), "clips": [p.as_dict() for p in found]}
        console.write_report(json.dumps(report) + "\n", a.json)
    if a.json != "-":
        wrong = [p for p in found if p.heard != p.label]
        rows = [(p.clip, p.split, p.label, p.heard, f"{p.probability:.2f}") for p in wrong[: a.top]]
        if rows:
            console.table(("clip", "split", "is", "heard as", "probability"), rows, "heard as something else")
        console.out.print(f"{len(wrong)} of {len(found)} clips are heard as something else (float, from reset)")
    return exit_codes.OK
