"""``kws report``: one page of everything known about a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.cli import console, exit_codes
from kws.cli.options import A_DATA_FOLDER, add_json, add_roles, add_run, roles_of
from kws.report import page


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws report``."""
    add_run(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help=f"{A_DATA_FOLDER}, to measure what is not known")
    add_roles(parser)
    parser.add_argument("--out", type=Path, metavar="FILE.html", help="the page to write (default: RUN/report.html)")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws report``."""
    with console.stages() as progress:
        made = page.write(a.run, a.out, data=a.data, progress=progress, folders=roles_of(a))
    if a.json:
        console.print_json({"report": str(made.path), "bytes": made.size, "missing": made.missing})
        return exit_codes.OK
    console.out.print(f"{made.path}: {made.size / 1e6:.1f} MB, one file; open it in a browser")
    for what in made.missing:
        console.out.print(f"not in it: {what}", markup=False)
    return exit_codes.OK
