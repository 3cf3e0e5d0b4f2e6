"""``kws data make``: synthetic speech."""

from __future__ import annotations

import argparse

from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_out_folder, add_synthesis, positive_whole
from kws.datasets import synthetic


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data make``."""
    add_synthesis(parser)
    add_out_folder(parser)
    parser.add_argument("--takes", type=positive_whole, default=3, metavar="N", help="clips of a word by each voice")
    parser.add_argument("--no-near-misses", action="store_true", help="leave out similar words for _unknown_")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data make``."""
    with console.progress("speaking") as progress:
        synthetic.make(
            a.words,
            a.out,
            voice_count=a.voices,
            takes_per_voice=a.takes,
            near_misses=not a.no_near_misses,
            seed=a.seed,
            progress=progress,
        )
    clips = sum(1 for _ in a.out.glob("*/*.wav"))
    if a.json:
        console.print_json({"out": str(a.out), "synthetic": True, "words": a.words, "clips": clips})
    else:
        console.out.print(f"{a.out}: {clips} files of synthetic speech (espeak-ng), not recordings of people")
    return exit_codes.OK
