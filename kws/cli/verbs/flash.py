"""``kws flash``: an image onto a board."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.boards import find
from kws.boards.flash import find_image, flash
from kws.cli import console, exit_codes
from kws.cli.options import add_board, add_json


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws flash``."""
    add_board(parser)
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help=".uf2, .hex or .elf (default: the spotter in build/BOARD)"
    )
    parser.add_argument("--probe", metavar="ID", help="serial number of the debug probe, where several are plugged in")
    parser.add_argument(
        "--erase-all",
        action="store_true",
        help="if the chip is locked, erase all of it, boot loader and model slot included, to unlock it",
    )
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws flash``."""
    board = find(a.board)
    image = a.image or find_image(board, Path("build") / a.board)
    with console.progress(f"flashing {image.name}") as progress:
        where = flash(board, image, a.probe, progress, a.erase_all)
    if a.json:
        console.print_json({"board": a.board, "image": str(image), "to": where})
    else:
        console.out.print(f"{image}: written to {where}", markup=False)
    return exit_codes.OK
