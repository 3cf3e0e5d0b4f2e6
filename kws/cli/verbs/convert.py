"""``kws convert``: from a run to a .tflite file, and what int8 costs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kws.cli import console, exit_codes
from kws.cli.options import add_json
from kws.cli.results import print_noise
from kws.quantize import noise
from kws.quantize.convert import convert


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws convert``."""
    parser.add_argument("run", type=Path, metavar="RUN", nargs="+", help="folder of a run")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws convert``."""
    said = [_convert(path, bool(a.json)) for path in a.run]
    if a.json:
        console.print_json(said[0] if len(said) == 1 else {"models": said})
    return exit_codes.OK


def _convert(path: Path, quiet: bool) -> dict[str, Any]:
    with console.progress("converting") as progress:
        result = convert(path, progress)
        measured = noise.of_run(path, result.model)
    if not quiet:
        console.out.print(f"{result.path}: {result.size} bytes, fully int8: {' -> '.join(result.operators)}")
        print_noise(measured)
    values = {"model": str(result.path), "bytes": result.size, "id": result.model.id}
    return {**values, "operators": list(result.operators), "quantization": measured.as_dict()}
