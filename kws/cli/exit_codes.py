"""What the ``kws`` command returns to its caller: the one table of exit codes."""

from __future__ import annotations

import signal

from kws import interrupts
from kws.errors import CheckError, KwsError, MissingError, UsageError

OK = 0
DIFFERENT = 1
USAGE = 2
BAD_INPUT = 3
MISSING = 4
INTERRUPTED = interrupts.CODE[signal.SIGINT]
UNREAD = 128 + 13
TERMINATED = interrupts.CODE[signal.SIGTERM]

MEANINGS = {
    OK: "done, and nothing wrong was found",
    DIFFERENT: "a check found what it looks for: engines that differ, errors in a data set, a budget missed",
    USAGE: "wrong arguments",
    BAD_INPUT: "a bad file, model, data set or configuration, or a place that cannot be written",
    MISSING: "a program, library, package or engine that is not installed; the message says how to get it",
    INTERRUPTED: "ended by Ctrl-C before the work was done",
    UNREAD: "whoever read the output went away",
    TERMINATED: "ended by SIGTERM",
}
"""Each code's meaning, in the order of the codes."""


def of(error: KwsError) -> int:
    """The exit code of a command that ends with ``error``."""
    for kind, code in ((CheckError, DIFFERENT), (UsageError, USAGE), (MissingError, MISSING)):
        if isinstance(error, kind):
            return code
    return BAD_INPUT


def table() -> str:
    """The codes and their meanings, a line each."""
    return "".join(f"  {code:3d}  {meaning}\n" for code, meaning in MEANINGS.items())
