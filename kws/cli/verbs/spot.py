"""``kws spot``: words in recordings."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kws import audio
from kws.cli import console, exit_codes, standard
from kws.cli.options import RAW_PCM, add_engine, add_json, add_model
from kws.cli.results import detection_line, detection_values
from kws.config import SAMPLE_RATE
from kws.engines import create, fastest
from kws.engines.base import Engine
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import Model
from kws.text import visible

_BLOCK = SAMPLE_RATE


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws spot``."""
    add_model(parser)
    parser.add_argument("files", nargs="+", metavar="FILE", help=f"WAV, FLAC, Ogg, Opus or MP3; {RAW_PCM}")
    add_engine(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws spot``; a file that cannot be read is said, and the others are heard all the same."""
    model = Model.load(a.model)
    info = model.require_info()
    found: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    name = a.engine or fastest()
    with create(name, model) as engine:
        for path in a.files:
            engine.reset()
            try:
                prefix = f"{visible(str(path))}: " if len(a.files) > 1 else ""
                words = []
                for detection in _detections(engine, path):
                    entry = {"file": str(path), **detection_values(info, detection)}
                    found.append(entry)
                    words.append(entry["word"])
                    if not a.json:
                        console.out.print(detection_line(entry, prefix), markup=False)
                if words and not a.json and info.decision.transcribes:
                    console.out.print(f"{prefix}{' '.join(words)}", markup=False)
            except KwsError as error:
                if len(a.files) == 1:
                    raise
                failed.append({"file": str(path), "error": str(error)})
                console.say_error(error)
    if a.json:
        console.print_json({"model": str(a.model), "engine": name, "detections": found, "failed": failed})
    elif not found and len(failed) < len(a.files):
        console.messages.print("no word was detected")
    return exit_codes.BAD_INPUT if failed else exit_codes.OK


def _detections(engine: Engine, path: str | Path) -> Iterator[Detection]:
    if str(path) == "-":
        blocks = audio.raw_blocks(standard.raw_input(), _BLOCK)
    else:
        blocks = audio.blocks(path, _BLOCK, lambda text: console.note(path, text))
    for block in blocks:
        yield from engine.process(block).detections
