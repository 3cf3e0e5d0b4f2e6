"""What the ``kws`` command returns to its caller. Wrong arguments end it with 2, which is argparse's own."""

from __future__ import annotations

import signal

from kws import interrupts

OK = 0
FAILED = 1
"""An error that the message explains, or a check that found something wrong."""
INTERRUPTED = interrupts.CODE[signal.SIGINT]
"""Ended by Ctrl-C before the work was done."""
TERMINATED = interrupts.CODE[signal.SIGTERM]
