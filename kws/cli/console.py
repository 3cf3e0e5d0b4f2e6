"""What a person sees: progress bars, tables, reports. Only the command line and the tools use this."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from kws import types
from kws.files import write_atomic
from kws.text import visible


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to :func:`kws.cli.main.main`; rich would end the process with the code of a failed check."""
        raise BrokenPipeError


# Names are shown as they are: no [markup], no :emoji:.
out = _Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
messages = _Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)

# A program that shows progress of its own, as `kws studio`, asks for it more often.
_PLAIN_SECONDS = 10.0
_PLAIN_VARIABLE = "KWS_PROGRESS_SECONDS"
# What a compiler's output is laid out with.
_LAID_OUT = "\n\t"
# A cell with more characters is a text: it may take several lines, and needs no less than these.
_LONG = 20


@contextlib.contextmanager
def stages() -> Iterator[types.StageProgress]:
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
def progress(title: str) -> Iterator[types.Progress]:
    """The same for work of one stage."""
    with stages() as report:
        yield lambda done, total: report(title, done, total)


def _plain_stages() -> types.StageProgress:
    every = _PLAIN_SECONDS
    with contextlib.suppress(KeyError, ValueError):
        every = float(os.environ[_PLAIN_VARIABLE])
    last = time.monotonic()

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            messages.print(f"{stage}: {done} of {total}")

    return report


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table on standard output; every column but the first is aligned right.

    Where it is wider than the terminal, long texts take several lines, headings too, and the columns that
    still find no room follow below, beside the first column again. No figure is broken.
    """
    cells = [max((cell_len(row[i]) for row in rows), default=0) for i in range(len(columns))]
    whole = [max(cell_len(name), width) for name, width in zip(columns, cells, strict=True)]
    if _taken(whole) <= out.width:
        _print_part(columns, rows, [False] * len(columns), title)
        return
    long = [width > _LONG for width in cells]
    least = [
        max(_LONG if fold else width, *map(cell_len, name.split() or [""]))
        for name, width, fold in zip(columns, cells, long, strict=True)
    ]
    names = [textwrap.fill(name, width, break_on_hyphens=False) for name, width in zip(columns, least, strict=True)]
    parts = [[0]]
    for i in range(1, len(columns)):
        if len(parts[-1]) > 1 and _taken([least[j] for j in (*parts[-1], i)]) > out.width:
            parts.append([0])
        parts[-1].append(i)
    for number, part in enumerate(parts):
        shown = [[row[i] for i in part] for row in rows]
        _print_part([names[i] for i in part], shown, [not long[i] for i in part], None if number else title)


def listing(known: Mapping[str, str]) -> None:
    """Print what there is by name, and a text beside each, a line each, on standard output."""
    width = max(map(len, known))
    out.print("".join(f"{name:<{width}}  {text}\n" for name, text in known.items()), end="", markup=False)


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and what there is to say of each, a line each, on standard output."""
    width = max(cell_len(name) for name, _ in rows)
    out.print()
    for name, text in rows:
        out.print(f"  {name:<{width}}   {text}", markup=False)


def _taken(widths: Sequence[int]) -> int:
    """The width of a table whose columns are so wide."""
    return sum(width + 3 for width in widths) + 1


def _print_part(columns: Sequence[str], rows: Sequence[Sequence[str]], firm: Sequence[bool], title: str | None) -> None:
    grid = Table(title=None if title is None else Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    for i, (name, no_wrap) in enumerate(zip(columns, firm, strict=True)):
        grid.add_column(Text(name), justify="left" if i == 0 else "right", overflow="fold", no_wrap=no_wrap)
    for row in rows:
        grid.add_row(*map(Text, row))
    out.print(grid)


def note(path: str | Path, text: str) -> None:
    """What is odd about a file that is used all the same, on standard error."""
    messages.print(f"kws: note: {visible(str(path))}: {text}", markup=False)


def say_error(text: object) -> None:
    """What is wrong, on standard error, in one form; names in it cannot command the terminal."""
    messages.print(f"kws: error: {visible(str(text), _LAID_OUT)}", markup=False)


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
