"""What a person sees: progress bars, tables and the live display. Only the CLI uses this."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from kws.live.listen import FLOOR_DB, Heard

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


class LiveDisplay:
    """A level meter and a bar a word, with the detections scrolling past above them."""

    WIDTH = 40

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._live = Live(console=out, refresh_per_second=15)

    def __enter__(self) -> LiveDisplay:
        self._live.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._live.__exit__(*details)

    def print(self, line: str) -> None:
        """A line that stays."""
        self._live.console.print(line)

    def show(self, heard: Heard, overflows: int) -> None:
        """Redraw the meters."""
        level = 1 - heard.level_db / FLOOR_DB
        note = "  CLIPPING" if heard.peak_db > -0.1 else ""
        lost = f"  {overflows} overflows: samples were lost" if overflows else ""
        rows: list[RenderableType] = [
            Text(f"{heard.seconds:8.1f} s  level {heard.level_db:6.1f} dBFS  {self._bar(level)}{note}{lost}")
        ]
        width = max(len(label) for label in self._labels)
        for label, p in zip(self._labels, heard.posteriors, strict=True):
            rows.append(Text(f"{label:>{width}}  {self._bar(float(p))} {100 * p:3.0f} %", "bold" if p > 0.5 else ""))
        self._live.update(Group(*rows))

    def _bar(self, share: float) -> str:
        filled = round(self.WIDTH * min(max(share, 0.0), 1.0))
        return "█" * filled + "·" * (self.WIDTH - filled)
