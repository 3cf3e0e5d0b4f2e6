"""The ``kws`` command, also as ``python -m kws``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run `kws.cli.main`; Ctrl-C while it is being loaded ends it as quietly as later."""
    try:
        from kws import cli
    except KeyboardInterrupt:
        sys.stderr.write("kws: interrupted\n")
        return 130
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
