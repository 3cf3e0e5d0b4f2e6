"""``kws data get``: a public data set."""

from __future__ import annotations

import argparse

from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_out_folder
from kws.datasets import speech_commands


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data get``."""
    parser.add_argument("name", choices=["speech-commands"], help="the data set")
    add_out_folder(parser)
    parser.add_argument("--version", choices=["0.01", "0.02"], default="0.02", help="of the data set")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data get speech-commands``."""
    with console.progress("downloading (bytes)") as progress:
        speech_commands.download(a.out, a.version, progress)
    if a.json:
        console.print_json({"out": str(a.out), "version": a.version})
    else:
        console.out.print(f"{a.out}: Speech Commands {a.version} (Warden 2018, CC BY 4.0), checked and unpacked")
    return exit_codes.OK
