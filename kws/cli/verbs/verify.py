"""``kws verify``: engines against the reference, bit for bit."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_model, add_seed, engines_and_boards, whole
from kws.engines import NAMES, SERIAL, require
from kws.errors import MissingError
from kws.model.file import Model
from kws.verify.compare import Report, verify

_DEFAULT = ("numpy", "tflm", "c")


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws verify``."""
    add_model(parser)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="recordings (bare network: .npy of its input's type) to add"
    )
    parser.add_argument(
        "--engines",
        type=engines_and_boards,
        metavar="E,E...",
        help=f"of {','.join(NAMES)},{SERIAL} (default: those of {','.join(_DEFAULT)} that are installed)",
    )
    parser.add_argument(
        "--random", type=whole(0, 10_000), default=20, metavar="N", help="random streams of one second, up to 10000"
    )
    add_seed(parser, "of the random streams and chunk sizes")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws verify``."""
    model = Model.load(a.model)
    engines, missing = (a.engines, {}) if a.engines else _installed()
    with console.progress("verifying") as progress:
        report = verify(model, engines, random=a.random, files=a.files, seed=a.seed, progress=progress)
    if a.json:
        console.print_json(
            {
                "model": str(a.model),
                "ok": report.ok,
                "bare_network": report.bare,
                "inputs": report.streams,
                "steps": report.steps,
                "detections": report.detections,
                **({} if report.asleep is None else {"asleep": report.asleep}),
                "decision": _decision_values(report),
                "engines": [
                    {
                        "engine": e.name,
                        "required": e.required,
                        "values": e.values,
                        "different": e.different,
                        "posteriors": e.posteriors[0],
                        "posteriors_different": e.posteriors[1],
                        "first_difference": dataclasses.asdict(e.first) if e.first else None,
                    }
                    for e in report.engines
                ],
                "not_compared": missing,
            }
        )
        return exit_codes.OK if report.ok else exit_codes.DIFFERENT
    if report.bare:
        taken = model.network.input_type
        console.out.print(f"{a.model} carries no kws metadata: only the network is compared, on {taken} inputs")
    what = "calls" if report.bare else "frames"
    rows = [("numpy", "the reference", "", "")]
    for e in report.engines:
        verdict = "identical" if e.first is None else "DIFFERS" if e.required else "differs (allowed)"
        share = f"{100 * e.posteriors[1] / max(e.posteriors[0], 1):.2f} % of posteriors"
        rows.append((e.name, verdict, f"{e.values:,}", f"{e.different:,}" + (f", {share}" if e.different else "")))
    title = f"{report.streams} inputs, {report.steps} {what}, {report.detections or 'no'} detections"
    console.table(("engine", "verdict", "values compared", "different"), rows, title)
    if report.asleep is not None:
        console.out.print(f"gate: {report.asleep} of {report.steps} frames never reached the network")
    _print_decision(report)
    for e in report.engines:
        if e.first is not None:
            console.out.print(f"{e.name}: first difference: {e.first}", markup=False)
    for name, how in missing.items():
        console.out.print(f"not compared: {name}: {how}", markup=False)
    return exit_codes.OK if report.ok else exit_codes.DIFFERENT


def _installed() -> tuple[list[str], dict[str, str]]:
    """The engines to compare by default, and how to get those of them that are not installed.

    Raises:
        MissingError: there is nothing to compare with.
    """
    found, missing = [], {}
    for name in _DEFAULT:
        try:
            require(name)
        except MissingError as error:
            missing[name] = str(error)
        else:
            found.append(name)
    if len(found) < 2:
        how = "; ".join(f"{name}: {text}" for name, text in missing.items())
        raise MissingError(f"there is no engine to compare {', '.join(found)} with: {how}")
    return found, missing


def _decision_values(report: Report) -> dict[str, Any] | None:
    """What the second pass found, for JSON; None for a bare network."""
    d = report.decision
    if d is None:
        return None
    reached, possible = d.rules
    return {
        "rules": possible,
        "rules_reached": reached,
        "reached": d.reached,
        "missed": d.missed,
        "without_meaning": d.impossible,
        "scenes": d.scenes,
        "frames": d.frames,
        "detections": d.detections,
        "engines": d.engines,
        "with_numpys_decision": d.borrowers,
        "reference_difference": dataclasses.asdict(report.reference) if report.reference else None,
    }


def _print_decision(report: Report) -> None:
    d = report.decision
    if d is None:
        return
    if report.detections == 0:
        console.out.print("no word was detected in the inputs: of the decision only the second pass tells")
    console.out.print(str(d), markup=False)
    for rule in d.missed:
        console.out.print(f"decision: not reached: {rule}", markup=False)
    for name in d.borrowers:
        console.out.print(f"decision: {name} has numpy's own", markup=False)
    if report.reference is not None:
        console.out.print(f"numpy: first difference: {report.reference}", markup=False)
