"""``kws models``: the models that come with kws."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import shipped
from kws.cli import console, copies, exit_codes
from kws.cli.options import add_json
from kws.errors import no_such
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
        name, folder = copies.place(a.copy, "model")
        target, *card = copies.copy(_files(name), folder)
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
    console.listing(
        {
            name: f"{len(model.content):>7,} bytes  {', '.join(model.require_info().spoken)}"
            for name, model in known.items()
        }
    )
    console.out.print("kws models --copy NAME copies one and its card, to be used and changed")
    return exit_codes.OK


def _files(name: str) -> list[Path]:
    """The file of a model, and its card if it has one of its own or shares one.

    Raises:
        UsageError: there is none of that name.
    """
    known = shipped.models()
    if name.removesuffix(".tflite") not in known:
        raise no_such("there is no model", name, known)
    source = known[name.removesuffix(".tflite")]
    # Where several share a card it is the README of their folder, and `kws mic-check` looks for it under that name.
    cards = [path for path in (source.with_suffix(".md"), source.with_name("README.md")) if path.is_file()][:1]
    return [source, *cards]
