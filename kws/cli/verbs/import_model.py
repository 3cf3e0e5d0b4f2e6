"""``kws import``: what a .tflite file is that somebody else made, and whether it runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.cli import console, exit_codes
from kws.cli.options import add_json
from kws.errors import KwsError
from kws.model.inspection import Inspection, inspect
from kws.text import visible


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws import``."""
    parser.description = (
        "Say what a .tflite file is: its inputs and outputs, the operators that it uses, which of them kws runs and"
        " what to do about the others. Nothing is written or changed. Exit code 0 if kws runs it, else 3."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a .tflite file from anywhere")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws import``.

    Raises:
        KwsError: kws cannot run the file.
    """
    found = inspect(a.file)
    if a.json:
        console.print_json(
            {
                "file": str(a.file),
                "runs": found.model is not None,
                "refusal": found.refusal,
                "what": found.what,
                "bare_network": found.model is not None and found.model.info is None,
                "manifest": found.manifest,
                "subgraphs": found.subgraphs,
                "inputs": found.inputs,
                "outputs": found.outputs,
                "operators": [
                    {"operator": u.name, "count": u.count, "runs": u.runs, "advice": u.advice} for u in found.operators
                ],
            }
        )
        return exit_codes.OK if found.model is not None else exit_codes.BAD_INPUT
    _print(a.file, found)
    if found.model is None:
        raise KwsError(f"{a.file}: {found.refusal}")
    return exit_codes.OK


def _print(path: Path, found: Inspection) -> None:
    def say(text: str) -> None:
        console.out.print(visible(text), markup=False)

    say(f"{path}: {found.what}")
    for title, ends in (("input", found.inputs), ("output", found.outputs)):
        for end in ends:
            say(f"  {title} {end}")
    rows = [(visible(u.name), str(u.count), "yes" if u.runs else "no", u.advice) for u in found.operators]
    console.table(("operator", "count", "runs", "what to do"), rows)
    if found.model is not None and found.model.info is None:
        say(
            f"next: `kws verify {path}` compares NumPy, TensorFlow Lite Micro and C on it, and"
            f" `kws export {path} --out DIR` writes it as C; it carries no front end or labels,"
            " so it cannot hear by itself (a wake word of microWakeWord needs its .json beside it)"
        )
    if found.manifest:
        say(f"next: `kws spot {path} RECORDING.wav` hears with it, as every other verb does")
