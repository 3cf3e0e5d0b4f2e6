"""``kws cache``: what kws keeps for itself, and how much the largest part of it may be."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from kws import kept
from kws.cli import console, exit_codes
from kws.cli.options import add_json, size
from kws.image import cache
from kws.kept import Kept

_BUILDS = "builds"
_KINDS = (_BUILDS, *kept.KINDS)


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws cache``."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--clear",
        nargs="*",
        choices=_KINDS,
        metavar="KIND",
        help="remove it all, or of these kinds: builds that no process works with, features of the sentences that come"
        " with kws, voices of Kokoro, which are then fetched again",
    )
    choice.add_argument(
        "--limit",
        type=size,
        metavar="SIZE",
        help="let builds take no more, such as 500MB or 2GB, now and later; what was used longest ago goes first",
    )
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws cache``."""
    removed: list[cache.Build] = []
    removed_others: list[Kept] = []
    # Given without a kind it is an empty list.
    clear = () if a.clear is None else a.clear or _KINDS
    if a.limit is not None:
        cache.set_limit(a.limit)
        removed = cache.trim(a.limit)
    if _BUILDS in clear:
        removed = cache.trim(0)
    if clear:
        removed_others = kept.remove(one for one in kept.everything() if one.kind in clear)
    builds, others, limit = cache.builds(), kept.everything(), cache.limit()
    total = sum(build.size for build in builds)
    if a.json:
        console.print_json(
            {
                "folder": str(cache.root()),
                "limit": limit,
                "bytes": total,
                "builds": [_build(b) for b in builds],
                "others": [_other(one) for one in others],
                "removed": [_build(b) for b in removed],
                "removed_others": [_other(one) for one in removed_others],
            }
        )
        return exit_codes.OK
    if (builds or others) and not (clear or removed):
        rows = [("build", b.folder.name, _megabytes(b.size), _date(b.used)) for b in reversed(builds)]
        rows += [(one.kind, one.name, _megabytes(one.size), _date(one.made)) for one in others]
        console.table(("kind", "name", "size", "used or made"), rows)
    if clear or removed:
        amounts = (
            [f"{_count(removed)}, {_megabytes(sum(b.size for b in removed))}"] if _BUILDS in clear or removed else []
        )
        console.out.print(f"removed {'; '.join([*amounts, *_sums(removed_others)]) or 'nothing'}")
    busy = f", {len(builds)} in use" if _BUILDS in clear and builds else ""
    amounts = [f"{_count(builds)}, {_megabytes(total)} of at most {_megabytes(limit)}{busy}", *_sums(others)]
    console.out.print(f"{cache.root()}: {'; '.join(amounts)}", markup=False)
    return exit_codes.OK


def _build(build: cache.Build) -> dict[str, object]:
    return {"folder": str(build.folder), "bytes": build.size, "used": build.used}


def _other(one: Kept) -> dict[str, object]:
    return {"kind": one.kind, "files": [str(file) for file in one.files], "bytes": one.size, "made": one.made}


def _sums(others: Sequence[Kept]) -> list[str]:
    """How much there is of each kind."""
    sizes = {kind: [one.size for one in others if one.kind == kind] for kind in kept.KINDS}
    return [f"{kind}, {_megabytes(sum(of))}" for kind, of in sizes.items() if of]


def _count(builds: Sequence[cache.Build]) -> str:
    return f"{len(builds)} build{'' if len(builds) == 1 else 's'}"


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
