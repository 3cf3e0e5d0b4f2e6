"""Programs that hear Ctrl-C, wherever the tests run: a shell without job control gives its children one that does
nothing."""

from __future__ import annotations

import sys

SETUP = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
KWS = (sys.executable, "-c", f"{SETUP}; import sys; from kws.__main__ import main; sys.exit(main())")
"""The command ``kws``, to be followed by its arguments."""
