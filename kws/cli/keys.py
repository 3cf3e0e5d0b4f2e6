"""Single keys of a terminal, without waiting for them."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import Any

from kws import interrupts

try:
    import termios
    import tty
except ImportError:  # pragma: no cover - Windows has none
    termios = tty = None  # type: ignore[assignment]

NO_KEYS: Callable[[], str] = str
"""Stands for a keyboard where there is none."""


@contextlib.contextmanager
def keys(wanted: bool = True) -> Iterator[Callable[[], str] | None]:
    """Yield a function that returns the keys pressed since the last call; None where nobody can press any.

    The terminal gives single keys while this lasts, and shows none of them; Ctrl-C stays what it is.
    """
    number = _terminal() if wanted else None
    if number is None:
        yield None
        return
    before: list[Any] = termios.tcgetattr(number)

    def restore() -> None:
        termios.tcsetattr(number, termios.TCSADRAIN, before)

    try:
        with interrupts.cleanup(restore):
            tty.setcbreak(number)
            yield lambda: _pressed(number)
    finally:
        restore()


def _terminal() -> int | None:
    if termios is None or sys.stdin is None:
        return None
    try:
        number = sys.stdin.fileno()
        # A job in the background would be stopped when it sets the terminal.
        return number if os.isatty(number) and os.tcgetpgrp(number) == os.getpgrp() else None
    except (OSError, ValueError):
        return None


def _pressed(number: int) -> str:
    pressed = b""
    while select.select([number], [], [], 0)[0]:
        data = os.read(number, 64)
        if not data:
            break
        pressed += data
    return pressed.decode(errors="ignore")
