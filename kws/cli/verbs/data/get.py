"""``kws data get``: a public data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.cli import console, exit_codes
from kws.cli.options import add_json
from kws.datasets import download
from kws.datasets.public import DATA_SETS, DataSet
from kws.errors import UsageError


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data get``."""
    parser.add_argument("name", nargs="?", choices=[*DATA_SETS], metavar="NAME", help="; ".join(DATA_SETS))
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write")
    parser.add_argument("--list", action="store_true", help="show what there is, with sizes and licences")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data get``."""
    if a.list:
        _list(a.json)
        return exit_codes.OK
    if a.name is None or a.out is None:
        raise UsageError("name a data set and --out DIR; --list shows what there is")
    data = DATA_SETS[a.name]
    with console.stages() as progress:
        download.get(data, a.out, progress)
    uses = [(a.out if folder == "." else a.out / folder, role) for folder, role in data.uses]
    if a.json:
        said = {"out": str(a.out), "name": data.name, "licence": data.licence}
        console.print_json({**said, "uses": [{"folder": str(folder), "role": role} for folder, role in uses]})
    else:
        console.out.print(f"{a.out}: {data.title}; licence: {data.licence}; checked and unpacked")
        for folder, role in uses:
            console.out.print(f"  {role}: {folder}")
    return exit_codes.OK


def _list(as_json: bool) -> None:
    if as_json:
        console.print_json([_values(data) for data in DATA_SETS.values()])
        return
    rows = [(d.name, d.title, _roles(d), f"{d.archive.megabytes:,} MB", d.licence) for d in DATA_SETS.values()]
    console.table(("name", "what", "roles", "download", "licence"), rows)
    for data in DATA_SETS.values():
        console.out.print(f"{data.name}: {data.archive.urls[0]} ({data.archive.checksum.replace(':', ' ')})")


def _roles(data: DataSet) -> str:
    return ", ".join(dict.fromkeys(role for _, role in data.uses))


def _values(data: DataSet) -> dict[str, object]:
    return {
        "name": data.name,
        "title": data.title,
        "licence": data.licence,
        "home": data.home,
        "urls": list(data.archive.urls),
        "checksum": data.archive.checksum,
        "megabytes": data.archive.megabytes,
        "unpacked_megabytes": data.unpacked_megabytes,
        "uses": [{"folder": folder, "role": role} for folder, role in data.uses],
    }
