"""``kws configs``: the configurations that come with kws."""

from __future__ import annotations

import argparse

from kws import configs, toml
from kws.cli import console, copies, exit_codes
from kws.cli.options import add_json


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws configs``."""
    parser.add_argument(
        "--copy",
        nargs="+",
        metavar=("NAME", "DIR"),
        help="copy this configuration and those it stands on, to be changed, to this folder or to where you are",
    )
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws configs``."""
    if a.copy is not None:
        name, folder = copies.place(a.copy, "configuration")
        target, *bases = copies.copy(toml.files(configs.find(name)), folder)
        if a.json:
            console.print_json({"config": str(target), "bases": list(map(str, bases))})
        else:
            beside = f", which stands on {', '.join(path.name for path in bases)} beside it" if bases else ""
            console.out.print(f"{target}{beside}; train with `kws train {target} --data DIR --out RUN`", markup=False)
        return exit_codes.OK
    known = {name: configs.about(name) for name in configs.names()}
    if a.json:
        console.print_json({"folder": str(configs.folder()), "configs": known})
        return exit_codes.OK
    console.listing(known)
    console.out.print("kws train NAME takes one as it is; kws configs --copy NAME copies it, to be changed")
    return exit_codes.OK
