"""``kws docs``: the pages that messages and configurations call ``docs/NAME.md``."""

from __future__ import annotations

import argparse

from kws import documents
from kws.cli import console, exit_codes
from kws.cli.options import add_json


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws docs``."""
    parser.add_argument("page", nargs="?", metavar="PAGE", help="print this page, such as own-words")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws docs``."""
    if a.page is not None:
        path = documents.find(a.page)
        text = path.read_text(encoding="utf-8")
        if a.json:
            console.print_json({"page": str(path), "text": text})
        else:
            console.out.print(text, end="", markup=False, soft_wrap=True)
        return exit_codes.OK
    titles = {name: documents.title(name) for name in documents.names()}
    if a.json:
        console.print_json({"folder": str(documents.folder()), "pages": titles})
        return exit_codes.OK
    console.listing(titles)
    console.out.print(f"{documents.folder()}; kws docs PAGE prints one", markup=False, soft_wrap=True)
    return exit_codes.OK
