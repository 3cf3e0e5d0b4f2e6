"""``kws configs``: the configurations that come with kws."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import configs, toml
from kws.cli import console, exit_codes
from kws.cli.options import add_json
from kws.errors import KwsError, UsageError
from kws.files import write_atomic


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
        if len(a.copy) > 2:
            raise UsageError("--copy takes one configuration and one folder")
        target, *bases = _copy(a.copy[0], Path(*a.copy[1:]))
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
    width = max(map(len, known))
    console.out.print("".join(f"{name:<{width}}  {about}\n" for name, about in known.items()), end="", markup=False)
    console.out.print("kws train NAME takes one as it is; kws configs --copy NAME copies it, to be changed")
    return exit_codes.OK


def _copy(name: str, folder: Path) -> list[Path]:
    """Copy a configuration and those that it stands on; returns where they are, the configuration first."""
    sources = toml.files(configs.find(name))
    targets = [folder / source.name for source in sources]
    for source, target in zip(sources, targets, strict=True):
        # A base may be there as it is; what is to be changed may not.
        if target.exists() and (source is sources[0] or target.read_bytes() != source.read_bytes()):
            raise KwsError(f"{target} is there already; name another folder")
    for source, target in zip(sources, targets, strict=True):
        write_atomic(target, source.read_bytes())
    return targets
