"""Standard input, output and error, which a caller may have closed or set to any encoding."""

from __future__ import annotations

import io
import os
import sys
from typing import BinaryIO

from kws.errors import KwsError


def prepare() -> None:
    """Make the three streams fit to use; called once, before anything else opens a file.

    A closed one stands for nothing being there, as for a daemon: what is written goes nowhere, and reading
    is an error (`raw_input`). The number of a closed one is taken, lest a file that is opened
    later gets it and a library's messages are written there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one.
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the whole process
    for stream in (sys.stdout, sys.stderr):
        # A file's name may be anything; saying it must not be what fails.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def raw_input() -> BinaryIO:
    """Standard input as bytes.

    Raises:
        KwsError: it is closed.
    """
    if sys.stdin is None:
        raise KwsError("standard input is closed; send audio there, or name a file in place of -")
    return sys.stdin.buffer
