"""``kws data check``: what is wrong with a data set."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws import config, configs
from kws.cli import console, exit_codes
from kws.cli.options import A_CONFIGURATION, A_DATA_FOLDER, add_json, add_roles, roles_of
from kws.datasets import check, check_roles
from kws.datasets.check_roles import Amount, RolesReport
from kws.datasets.roles import NOTHING
from kws.errors import UsageError
from kws.files import require_place
from kws.text import visible

if TYPE_CHECKING:
    from kws.training.labels import Doubt

_SHOWN = 10


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data check``."""
    parser.add_argument("dir", type=Path, metavar="DIR", help=A_DATA_FOLDER)
    add_roles(parser)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="CONFIG",
        help=f"settings of a training, to check its split: {A_CONFIGURATION}",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help='two or more runs of teachers (network.kind = "teacher"), trained independently: clips on which all agree'
        " against the label are listed",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.tsv", help="write their list there, for kws train --leave-out"
    )
    parser.add_argument("--all", action="store_true", help="show every finding")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data check``."""
    data = None if a.config is None else config.load(configs.meant(a.config)).data
    if a.out is not None and not a.teacher:
        raise UsageError("--out is for the list that teachers make; give --teacher too, twice or more")
    require_place(a.out)
    with console.progress("checking") as progress:
        report = check.check(a.dir, data, progress)
    others = RolesReport((), (), (), {})
    if (folders := roles_of(a)) != NOTHING:
        with console.progress("checking speech, noise and rooms") as progress:
            others = check_roles.check(folders, data, progress)
    errors, warnings = (*report.errors, *others.errors), (*report.warnings, *others.warnings)
    code = exit_codes.DIFFERENT if errors else exit_codes.OK
    doubts = _doubts(a) if a.teacher else []
    if a.json:
        console.print_json(
            {
                "ok": not errors,
                "errors": [_finding(f) for f in errors],
                "warnings": [_finding(f) for f in warnings],
                "notes": list(report.notes),
                "words": report.words,
                "sample_rates": report.sample_rates,
                "seconds": dict(zip(("min", "median", "max"), report.seconds, strict=True)),
                "clips": report.clips,
                "speakers": report.speakers,
                "roles": [dataclasses.asdict(amount) for amount in others.amounts],
                "roles_sample_rates": others.sample_rates,
                "doubtful_labels": [
                    {
                        "clip": d.name,
                        "split": d.clip.split,
                        "label": d.label,
                        "heard_as": d.heard,
                        "probability": d.probability,
                    }
                    for d in doubts
                ],
            }
        )
        return code
    console.table(("word", "clips"), [(w, str(n)) for w, n in report.words.items()])
    console.table(
        ("split", "clips", "speakers"), [(s, str(n), str(report.speakers.get(s, 0))) for s, n in report.clips.items()]
    )
    rates = ", ".join(f"{n} at {rate} Hz" for rate, n in report.sample_rates.items())
    low, middle, high = report.seconds
    console.out.print(f"sample rates: {rates}\nduration: {low:.2f} to {high:.2f} s, median {middle:.2f} s")
    if others.amounts:
        columns = ("role", "source", "split", "recordings", "hours", "says a word", "not written down")
        console.table(columns, [_row(amount) for amount in others.amounts], "what else is heard, and where")
    for note in report.notes:
        console.out.print(visible(note), markup=False)
    for name, findings in (("warning", warnings), ("error", errors)):
        for line in check.summary(findings, a.all):
            console.out.print(visible(f"{name}: {line}"), markup=False)
    if a.teacher:
        _print(doubts, a)
    console.out.print(f"{len(errors)} errors, {len(warnings)} warnings")
    return code


def _finding(finding: check.Finding) -> dict[str, Any]:
    return {"kind": finding.kind, "message": finding.message, "paths": [str(path) for path in finding.paths]}


def _row(amount: Amount) -> tuple[str, ...]:
    hours = (f"{h:.2f}" for h in (amount.hours, amount.said, amount.doubtful))
    return (amount.role, visible(amount.source), amount.split, str(amount.recordings), *hours)


def _doubts(a: argparse.Namespace) -> list[Doubt]:
    """What teachers doubt; training's modules are loaded for them alone."""
    from kws.training import labels

    with console.stages() as progress:
        found = labels.doubts(a.dir, a.teacher, progress)
    if a.out is not None:
        labels.write(found, a.out)
    return found


def _print(doubts: Sequence[Doubt], a: argparse.Namespace) -> None:
    shown = doubts if a.all else doubts[:_SHOWN]
    if shown:
        rows = [(d.name, d.clip.split, d.label, d.heard, f"{d.probability:.2f}") for d in shown]
        console.table(
            ("clip", "split", "label", "heard as", "probability"),
            rows,
            f"labels that {len(a.teacher)} teachers doubt: {len(shown)} of {len(doubts)}",
        )
    trained = sum(d.is_trained_on for d in doubts)
    console.out.print(
        f"{len(doubts)} clips are heard otherwise than labelled by all {len(a.teacher)} teachers, {trained} of them in"
        " training; those of other splits are listed and stay"
    )
    if a.out is not None:
        console.out.print(f"{a.out}: the list; kws train --leave-out {a.out} leaves the {trained} out")
