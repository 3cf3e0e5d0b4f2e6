"""Build the page with the shipped models, and serve it on this machine: ``python tools/make_web.py``."""

from __future__ import annotations

import argparse
import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kws import shipped
from kws.errors import KwsError
from kws.model.file import Model
from kws.web.page import web_model, write_site

ROOT = Path(__file__).resolve().parents[1]
MODELS = tuple(name for name in shipped.models() if "/" not in name)
"""All that come with kws; those of models/always-on have their names and are files to drop."""


class Handler(SimpleHTTPRequestHandler):
    """Files as they are now, whatever the browser keeps; what is asked for is not logged."""

    def end_headers(self) -> None:
        """Also say that nothing is to be kept."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def main() -> None:
    """Build, and serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build/web", metavar="DIR", help="where the page goes")
    parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    parser.add_argument("--build-only", action="store_true", help="do not serve it")
    a = parser.parse_args()
    try:
        write_site(a.out, [web_model(Model.load(shipped.models()[name])) for name in MODELS])
    except KwsError as error:
        sys.exit(f"error: {error}")
    print(f"{a.out}: the page with {', '.join(MODELS)}")
    if a.build_only:
        return
    try:
        server = ThreadingHTTPServer(("127.0.0.1", a.port), functools.partial(Handler, directory=str(a.out)))
    except OSError as error:
        sys.exit(f"error: cannot serve on port {a.port}: {error.strerror}; choose another with PORT=")
    print(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
