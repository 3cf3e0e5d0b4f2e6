"""``kws cache``: what is kept of compiled models, and how much may be."""

from __future__ import annotations

import argparse
import time

from kws.cli import console, exit_codes
from kws.cli.options import add_json, size
from kws.image import cache


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws cache``."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--clear", action="store_true", help="remove every build that no process works with")
    choice.add_argument(
        "--limit",
        type=size,
        metavar="SIZE",
        help="let builds take no more, such as 500MB or 2GB, now and later; what was used longest ago goes first",
    )
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws cache``."""
    removed = []
    if a.limit is not None:
        cache.set_limit(a.limit)
        removed = cache.trim(a.limit)
    elif a.clear:
        removed = cache.trim(0)
    kept, limit = cache.builds(), cache.limit()
    total = sum(build.size for build in kept)
    if a.json:
        console.print_json(
            {
                "folder": str(cache.root()),
                "limit": limit,
                "bytes": total,
                "builds": [{"folder": str(b.folder), "bytes": b.size, "used": b.used} for b in kept],
                "removed": [{"folder": str(b.folder), "bytes": b.size, "used": b.used} for b in removed],
            }
        )
        return exit_codes.OK
    if kept and not (a.clear or removed):
        rows = [(b.folder.name, _megabytes(b.size), _date(b.used)) for b in reversed(kept)]
        console.table(("model and library", "size", "last used"), rows)
    if a.clear or removed:
        console.out.print(f"removed {_count(removed)}, {_megabytes(sum(b.size for b in removed))}")
    busy = f", {len(kept)} in use" if a.clear and kept else ""
    console.out.print(
        f"{cache.root()}: {_count(kept)}, {_megabytes(total)} of at most {_megabytes(limit)}{busy}", markup=False
    )
    return exit_codes.OK


def _count(builds: list[cache.Build]) -> str:
    return f"{len(builds)} build{'' if len(builds) == 1 else 's'}"


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
