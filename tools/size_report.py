"""Print how much flash, RAM and stack an image takes.

Run ``python tools/size_report.py <image.elf> [<build folder>]`` after ``make -C firmware``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kws.errors import KwsError
from kws.image.size import EXCEPTION_FRAME_BYTES, SizeReport, size_report


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
    parser.add_argument("elf", type=Path, help="the image")
    parser.add_argument("build", type=Path, nargs="?", help="where its objects lie; default: beside the image")
    arguments = parser.parse_args()
    try:
        report = size_report(arguments.elf, arguments.build or arguments.elf.parent)
    except KwsError as error:
        print(f"size_report: {error}", file=sys.stderr)
        return 1
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
