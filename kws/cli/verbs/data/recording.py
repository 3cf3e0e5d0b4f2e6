"""``kws data recording``: one long recording with words to spot."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import audio
from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_synthesis, whole
from kws.datasets import synthetic


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data recording``."""
    add_synthesis(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.wav", help="the recording to write")
    parser.add_argument(
        "--repeats", type=whole(1, 100), default=3, metavar="N", help="times each word is said, up to 100"
    )
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data recording``."""
    script = synthetic.draw_script(a.words, a.repeats, a.seed)
    with console.progress("speaking") as progress:
        events = synthetic.recording(script, a.out, seed=a.seed, voice_count=a.voices, progress=progress)
    if a.json:
        console.print_json({"out": str(a.out), "synthetic": True, "events": events})
    else:
        spoken = sum(1 for e in events if e["keyword"])
        console.out.print(
            f"{a.out}: {audio.info(a.out).seconds:.1f} s of synthetic speech with {spoken} words to spot;"
            f" what is where is in {a.out.with_suffix('.json')}"
        )
    return exit_codes.OK
