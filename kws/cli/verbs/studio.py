"""``kws studio``: a project on a page of this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.cli import console, exit_codes
from kws.cli.options import whole
from kws.errors import MissingError
from kws.extras import how_to_install
from kws.text import visible


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws studio``."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="the project, made if missing (default: .)"
    )
    parser.add_argument(
        "--port", type=whole(1024, 65535), metavar="N", help="on 127.0.0.1 (default: the one of last time, or any)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address and open no browser")


def run(a: argparse.Namespace) -> int:
    """``kws studio``."""
    try:
        import starlette
        import uvicorn
        import websockets
    except ImportError as error:
        raise MissingError(
            f"this needs the package {error.name}; install it with `{how_to_install('studio')}`"
        ) from error
    del starlette, uvicorn, websockets
    from kws.studio import server

    def say(text: str) -> None:
        console.messages.print(visible(text, keep="\n"), markup=False)

    server.serve(a.folder, a.port, not a.no_browser, say)
    return exit_codes.OK
