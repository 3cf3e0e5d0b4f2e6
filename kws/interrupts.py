"""Ctrl-C and SIGTERM end the command once, in order, and soon, however often they come.

The first one raises in the main thread, as Python does; those that follow find the command cleaning
up and change nothing. A thread sees the signal even while the main thread is inside a library, and
ends the process where order takes longer than :data:`GRACE_SECONDS`, leaving nothing half made.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

GRACE_SECONDS = 1.5
CODE = {number: 128 + number for number in (signal.SIGINT, signal.SIGTERM)}
"""Exit codes by signal, as a shell has them."""

_cleanups: dict[int, Callable[[], None]] = {}
_lock = threading.Lock()


class _Received:
    """The signal that is ending the command."""

    first: signal.Signals | None = None


def install() -> None:
    """Take Ctrl-C and SIGTERM over for the rest of the process; call it once, in the main thread.

    A Ctrl-C that does nothing, as in a command that a shell runs in the background, stays so.
    """
    watched = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        watched.append(signal.SIGINT)
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(read, frozenset(watched)), daemon=True).start()
    for number in watched:
        signal.signal(number, _receive)


@contextlib.contextmanager
def cleanup(undo: Callable[[], None]) -> Iterator[None]:
    """Have ``undo`` called if the process must be ended inside the block; it may run in any thread."""
    key = id(undo)
    with _lock:
        _cleanups[key] = undo
    try:
        yield
    finally:
        with _lock:
            _cleanups.pop(key, None)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the end of the block, which must be short.

    What is blocked stays so in a process that is started here, from its first instruction on. The
    other threads do not block it, so the handlers must wait too, or a process might be started that
    nobody knows of.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    waiting: list[int] = []
    try:
        with handled(waiting.append):
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
    finally:
        if waiting:
            signal.raise_signal(waiting[0])


@contextlib.contextmanager
def handled(receive: Callable[[int], object]) -> Iterator[None]:
    """Have ``receive`` called with the number of a Ctrl-C or SIGTERM instead of what else would come of it.

    What is ignored, or ends the process at once, stays so. In the main thread alone.
    """
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if callable(signal.getsignal(n))]
    before = {n: signal.signal(n, lambda number, _: receive(number)) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _receive(number: int, frame: FrameType | None) -> None:
    del frame
    if _Received.first is not None:
        return
    _Received.first = signal.Signals(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    # As after an error of the command: everything that is open is closed on the way.
    sys.exit(CODE[_Received.first])


def _watch(read: int, watched: frozenset[signal.Signals]) -> None:
    while number := os.read(read, 1):
        if number[0] in watched:
            time.sleep(GRACE_SECONDS)
            _end(signal.Signals(number[0]))


def _end(number: signal.Signals) -> None:
    """End at once: order took too long."""
    with _lock:
        undo = list(_cleanups.values())
    for step in undo:
        with contextlib.suppress(Exception):
            step()
    # Loaded only by what starts processes.
    multiprocessing = sys.modules.get("multiprocessing")
    for process in multiprocessing.active_children() if multiprocessing is not None else ():
        process.kill()
    show_cursor = "\x1b[?25h" if sys.stderr is not None and os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{show_cursor}kws: interrupted\n".encode())
    os._exit(CODE[number])
