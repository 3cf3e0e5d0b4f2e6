"""The ``kws`` command, also as ``python -m kws``."""

from __future__ import annotations

import sys

from kws import interrupts
from kws.cli import standard


def main() -> int:
    """Run :func:`kws.cli.main.main`; Ctrl-C while it is being loaded ends it as quietly as later."""
    try:
        standard.prepare()
        interrupts.install()
        from kws.cli.main import main as cli
    except KeyboardInterrupt:
        from kws.cli.exit_codes import INTERRUPTED

        sys.stderr.write("kws: interrupted\n")
        return INTERRUPTED
    return cli()


if __name__ == "__main__":
    sys.exit(main())
