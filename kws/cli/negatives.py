"""What ``kws evaluate``, ``kws stream-test`` and ``kws tune`` say of the negatives that come with kws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kws.cli import console
from kws.evaluation.negatives import Negatives, Source
from kws.evaluation.stream.source import SourceRate

_WORDS = 3


def values(negatives: Negatives, limits: Sequence[str]) -> dict[str, Any]:
    """As JSON has them."""
    return {"negatives": negatives.as_dict(), "limits": list(limits)}


def show(negatives: Negatives) -> None:
    """Print the table of false accepts by kind of recording."""
    columns = ("", "minutes", "false accepts", "per hour", "at most", "heard as")
    rows = [_row(source) for source in (*negatives.sources, negatives.total)]
    console.table(columns, rows, "negatives that come with kws; at most: the 95 % limit that the count allows")


def show_sources(sources: Sequence[SourceRate], title: str) -> None:
    """Print the table of false accepts by source of a scene or of long recordings."""
    columns = ("", "hours", "different", "of", "false", "an hour", "at most", "heard as")
    rows = []
    for s in sources:
        words = ", ".join(f"{word} {n}" for word, n in list(s.words.items())[:_WORDS])
        hours = (f"{s.hours:.2f}", f"{s.different_hours:.2f}", str(s.recordings))
        rows.append((s.name, *hours, str(s.false_accepts), rate(s.per_hour), rate(s.most_per_hour), words))
    console.table(
        columns,
        rows,
        f"{title}; different: hours of different sound, of so many recordings; at most: the 95 % limit that it allows",
    )


def show_limits(limits: Sequence[str]) -> None:
    """Print what the figures cannot tell."""
    console.out.print("what these figures cannot tell:")
    for what in limits:
        console.out.print(f"- {what}", markup=False)


def rate(value: float | None) -> str:
    """Events per hour; a dash where nothing was heard."""
    return "-" if value is None else f"{value:.1f}"


def _row(s: Source) -> tuple[str, ...]:
    words = ", ".join(f"{word} {n}" for word, n in list(s.words.items())[:_WORDS])
    return (s.name, f"{s.seconds / 60:.1f}", str(s.false_accepts), rate(s.per_hour), rate(s.most_per_hour), words)
