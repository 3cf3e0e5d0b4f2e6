"""``kws spot``: words in recordings."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from kws import audio
from kws.cli import console, exit_codes
from kws.cli.options import RAW_PCM, add_engine, add_json, add_model
from kws.cli.results import detection_line, detection_values
from kws.config import SAMPLE_RATE
from kws.engines import create
from kws.model.file import Model

_BLOCK = SAMPLE_RATE


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws spot``."""
    add_model(parser)
    parser.add_argument("files", nargs="+", metavar="FILE", help=f"WAV or FLAC; {RAW_PCM}")
    add_engine(parser, "c")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws spot``."""
    model = Model.load(a.model)
    info = model.require_info()
    found: list[dict[str, Any]] = []
    with create(a.engine, model) as engine:
        for path in a.files:
            engine.reset()
            raw = str(path) == "-"
            source = audio.raw_blocks(sys.stdin.buffer, _BLOCK) if raw else audio.blocks(path, _BLOCK)
            for block in source:
                for detection in engine.process(block).detections:
                    entry = {"file": str(path), **detection_values(info, detection)}
                    found.append(entry)
                    if not a.json:
                        prefix = f"{path}: " if len(a.files) > 1 else ""
                        console.out.print(detection_line(entry, prefix), markup=False)
    if a.json:
        console.print_json({"model": str(a.model), "engine": a.engine, "detections": found})
    elif not found:
        console.messages.print("no word was detected")
    return exit_codes.OK
