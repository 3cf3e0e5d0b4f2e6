"""``kws models``: the models that come with kws."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import shipped
from kws.cli import console, exit_codes
from kws.cli.options import add_json
from kws.errors import KwsError, UsageError, no_such
from kws.files import read_file, write_atomic
from kws.model.file import Model


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws models``."""
    parser.add_argument(
        "--copy",
        nargs="+",
        metavar=("NAME", "DIR"),
        help="copy this model and its card to this folder or to where you are",
    )
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws models``."""
    if a.copy is not None:
        if len(a.copy) > 2:
            raise UsageError("--copy takes one model and one folder")
        target, *card = _copy(a.copy[0], Path(*a.copy[1:]))
        if a.json:
            console.print_json({"model": str(target), "card": str(card[0]) if card else None})
        else:
            beside = f", what it can and cannot do in {card[0].name} beside it" if card else ""
            console.out.print(f"{target}{beside}; try it with `kws listen {target}`", markup=False)
        return exit_codes.OK
    known = {name: Model.load(path) for name, path in shipped.models().items()}
    if a.json:
        told = {
            name: {"file": model.source, "bytes": len(model.content), "words": list(model.require_info().spoken)}
            for name, model in known.items()
        }
        console.print_json({"models": told})
        return exit_codes.OK
    width = max(map(len, known))
    for name, model in known.items():
        words = ", ".join(model.require_info().spoken)
        console.out.print(f"{name:<{width}}  {len(model.content):>7,} bytes  {words}", markup=False, soft_wrap=True)
    console.out.print("kws models --copy NAME copies one and its card, to be used and changed")
    return exit_codes.OK


def _copy(name: str, folder: Path) -> list[Path]:
    """Copy a model and its card, if it has one of its own; returns where they are, the model first."""
    known = shipped.models()
    if name.removesuffix(".tflite") not in known:
        raise no_such("there is no model", name, known)
    source = known[name.removesuffix(".tflite")]
    # Where several share a card it is the README of their folder, and `kws mic-check` looks for it under that name.
    cards = [path for path in (source.with_suffix(".md"), source.with_name("README.md")) if path.is_file()][:1]
    sources = [source, *cards]
    targets = [folder / path.name for path in sources]
    for path, target in zip(sources, targets, strict=True):
        # A card may be there as it is; a model may have been tuned since.
        if target.exists() and (path is source or target.read_bytes() != path.read_bytes()):
            raise KwsError(f"{target} is there already; name another folder")
    for path, target in zip(sources, targets, strict=True):
        write_atomic(target, read_file(path))
    return targets
