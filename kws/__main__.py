"""The ``kws`` command, also as ``python -m kws``."""

from __future__ import annotations

import sys

from kws.cli import exit_codes


def main() -> int:
    """Run :func:`kws.cli.main.main`; Ctrl-C while it is being loaded ends it as quietly as later."""
    try:
        from kws.cli.main import main as cli
    except KeyboardInterrupt:
        sys.stderr.write("kws: interrupted\n")
        return exit_codes.INTERRUPTED
    return cli()


if __name__ == "__main__":
    sys.exit(main())
