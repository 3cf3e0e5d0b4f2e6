"""Print how much flash, RAM and stack an image takes.

Run ``python tools/size_report.py --model MODEL [--board BOARD] [--app APP]``, which builds the image, or
``python tools/size_report.py IMAGE.elf`` after ``make -C firmware``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kws.boards import find
from kws.boards.emulator import DEFAULT_BOARD
from kws.cli import exit_codes
from kws.errors import KwsError
from kws.image.build import compiled
from kws.image.size import EXCEPTION_FRAME_BYTES, SizeReport, size_report
from kws.model.file import Model


def table(report: SizeReport) -> Table:
    """Flash and RAM by part, with totals."""
    result = Table("part", box=None)
    result.add_column("flash, bytes", justify="right")
    result.add_column("RAM, bytes", justify="right")
    for part in report.parts:
        result.add_row(part.name, f"{part.flash:,}", f"{part.ram:,}")
    padding = report.flash - sum(p.flash for p in report.parts), report.ram - sum(p.ram for p in report.parts)
    if any(padding):
        result.add_row("padding", f"{padding[0]:,}", f"{padding[1]:,}")
    result.add_section()
    result.add_row("in all, without the stack", f"{report.flash:,}", f"{report.ram:,}")
    return result


def main() -> int:
    """Print the report of one image."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("elf", type=Path, nargs="?", help="an image, where it was linked")
    parser.add_argument("--model", type=Path, help="a .tflite file, or a run's folder: build an image of it")
    parser.add_argument("--board", default=DEFAULT_BOARD, help="what to build for (default: %(default)s)")
    parser.add_argument("--app", default="spotter", help="what to build (default: %(default)s)")
    parser.add_argument("--build", type=Path, help="folder to build in (default: the cache)")
    a = parser.parse_args()
    if (a.elf is None) == (a.model is None):
        parser.error("give an image or --model MODEL")
    try:
        if a.model is None:
            report = size_report(a.elf)
        else:
            with compiled(Model.load(a.model), find(a.board), a.app, folder=a.build) as image:
                print(f"{image.elf}\n")
                report = image.size
    except KwsError as error:
        print(f"size_report: {error}", file=sys.stderr)
        return exit_codes.of(error)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table(report))
    path = " > ".join(f"{name} {frame}" for name, frame in report.stack_path)
    console.print(
        f"\nstack: {report.stack:,} bytes at most, of {report.stack_reserve:,} reserved; "
        f"an interrupt would add {EXCEPTION_FRAME_BYTES} and its handler's own\n  {path}\n"
        f"stack of the library alone: {report.library_stack:,} bytes"
    )
    for reason in report.unbounded:
        console.print(f"the stack figure is no bound: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
