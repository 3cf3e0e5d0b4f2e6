"""What a person sees: progress bars, tables, reports. Only the command line and the tools use this."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from kws.files import write_atomic

out = Console(highlight=False, soft_wrap=True)
messages = Console(stderr=True, highlight=False, soft_wrap=True)

Callback = Callable[[int, int], None]
StageCallback = Callable[[str, int, int], None]
_PLAIN_SECONDS = 10.0


@contextlib.contextmanager
def stages() -> Iterator[StageCallback]:
    """Progress of work in named stages on standard error; where that is no terminal, a line every ten seconds."""
    if not messages.is_terminal:
        yield _plain_stages()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=messages, transient=True) as bars:
        task = bars.add_task("", total=None)
        current = ""

        def report(stage: str, done: int, total: int) -> None:
            nonlocal current
            if stage != current:
                bars.reset(task, description=stage)
                current = stage
            bars.update(task, completed=done, total=total)

        yield report


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callback]:
    """The same for work of one stage."""
    with stages() as report:
        yield lambda done, total: report(title, done, total)


def _plain_stages() -> StageCallback:
    last = time.monotonic()

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_SECONDS:
            last = time.monotonic()
            messages.print(f"{stage}: {done} of {total}")

    return report


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table on standard output; every column but the first is aligned right."""
    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for i, name in enumerate(columns):
        grid.add_column(name, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    out.print(grid)


def print_json(value: Any) -> None:
    """One JSON value on one line, at once, so that a reader of a pipe gets it as it comes."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def write_report(text: str, place: str) -> None:
    """A whole report into a file, or onto standard output where ``place`` is ``-``.

    Raises:
        KwsError: the file cannot be written.
    """
    if place == "-":
        sys.stdout.write(text)
    else:
        write_atomic(place, text)
