"""Programs that hear Ctrl-C, wherever the tests run: a shell without job control gives its children one that does
nothing."""

from __future__ import annotations

import sys
from pathlib import Path

SETUP = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
KWS = (sys.executable, "-c", f"{SETUP}; import sys; from kws.__main__ import main; sys.exit(main())")
"""The command ``kws``, to be followed by its arguments."""


def script(path: Path) -> tuple[str, ...]:
    """A program of ``tools``, to be followed by its arguments."""
    run = f"import runpy, sys; sys.argv[0] = {str(path)!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    return (sys.executable, "-c", f"{SETUP}; {run}")
