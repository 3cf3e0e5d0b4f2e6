"""``kws data check``: what is wrong with a data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import config
from kws.cli import console, exit_codes
from kws.cli.options import A_DATA_FOLDER, add_json
from kws.datasets import check
from kws.text import visible


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data check``."""
    parser.add_argument("dir", type=Path, metavar="DIR", help=A_DATA_FOLDER)
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="settings of a training, to check its split")
    parser.add_argument("--all", action="store_true", help="show every finding")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data check``."""
    data = None if a.config is None else config.load(a.config).data
    with console.progress("checking") as progress:
        report = check.check(a.dir, data, progress)
    if a.json:
        console.print_json(
            {
                "ok": report.ok,
                "errors": [{"kind": f.kind, "message": f.message} for f in report.errors],
                "warnings": [{"kind": f.kind, "message": f.message} for f in report.warnings],
                "notes": list(report.notes),
                "words": report.words,
                "sample_rates": report.sample_rates,
                "seconds": dict(zip(("min", "median", "max"), report.seconds, strict=True)),
                "clips": report.clips,
                "speakers": report.speakers,
            }
        )
        return exit_codes.OK if report.ok else exit_codes.DIFFERENT
    console.table(("word", "clips"), [(w, str(n)) for w, n in report.words.items()])
    console.table(
        ("split", "clips", "speakers"), [(s, str(n), str(report.speakers.get(s, 0))) for s, n in report.clips.items()]
    )
    rates = ", ".join(f"{n} at {rate} Hz" for rate, n in report.sample_rates.items())
    low, middle, high = report.seconds
    console.out.print(f"sample rates: {rates}\nduration: {low:.2f} to {high:.2f} s, median {middle:.2f} s")
    for note in report.notes:
        console.out.print(visible(note), markup=False)
    for name, findings in (("warning", report.warnings), ("error", report.errors)):
        for line in check.summary(findings, a.all):
            console.out.print(visible(f"{name}: {line}"), markup=False)
    console.out.print(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    return exit_codes.OK if report.ok else exit_codes.DIFFERENT
