"""``kws convert``: from a run to a .tflite file, and what int8 costs."""

from __future__ import annotations

import argparse

from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_run
from kws.cli.results import print_noise
from kws.quantize import noise
from kws.quantize.convert import convert


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws convert``."""
    add_run(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws convert``."""
    with console.progress("converting") as progress:
        result = convert(a.run, progress)
        measured = noise.of_run(a.run, result.model)
    if a.json:
        values = {"model": str(result.path), "bytes": result.size, "id": result.model.id}
        console.print_json({**values, "operators": list(result.operators), "quantization": measured.as_dict()})
    else:
        console.out.print(f"{result.path}: {result.size} bytes, fully int8: {' -> '.join(result.operators)}")
        print_noise(measured)
    return exit_codes.OK
