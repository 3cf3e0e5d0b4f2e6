"""Pictures of streams; each draws onto axes of the caller's, so that a report can arrange them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from kws.evaluation import plots
from kws.evaluation.stream.report import StreamReport
from kws.evaluation.stream.score import LATENCY_FIRST_MS, LATENCY_STEP_MS
from kws.evaluation.stream.spec import snr_name
from kws.text import caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def det(axes: Axes, report: StreamReport) -> None:
    """Draw the DET curves, one a signal-to-noise ratio and one for all: misses against false accepts per hour.

    Points without false accepts stand at half of one in the whole stream, where the axis ends.
    """
    conditions = [(report.conditions_at(snr), snr_name(snr)) for snr in report.ratios]
    if len(conditions) > 1:
        conditions.insert(0, (report.conditions(), "all"))
    floor = math.inf
    for where, name in conditions:
        points = report.curve_of(where)
        least = 0.5 / points[0].hours if points and points[0].hours else 0.5
        floor = min(floor, least)
        x = [max(p.false_accepts_per_hour, least) for p in points]
        y = [100 * (p.miss_rate or 0.0) for p in points]
        axes.plot(x, y, label=name, linewidth=2.2 if name == "all" else 1.2)
    own = report.own()
    if own.miss_rate is not None:
        least = 0.5 / own.hours
        axes.plot(max(own.false_accepts_per_hour, least), 100 * own.miss_rate, "ko", label="the model's settings")
    axes.axvline(1, color="grey", linewidth=0.8, linestyle=":")
    axes.axhline(5, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlim(left=floor / 1.1 if math.isfinite(floor) else None)
    axes.set_ylim(0, 100)
    axes.set_xlabel("false accepts per hour")
    axes.set_ylabel("missed words, %")
    axes.set_title(f"the {report.scene}: {report.hours:.1f} hours, {report.split} {report.apart}")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(frameon=False)


def latency(axes: Axes, report: StreamReport) -> None:
    """Draw how long after a word's end it is detected, at the model's own settings."""
    counts = report.tally.latency[0].sum(axis=0)
    used = counts.nonzero()[0]
    if len(used):
        first, last = int(used[0]), int(used[-1]) + 1
        edges = [LATENCY_FIRST_MS + LATENCY_STEP_MS * i for i in range(first, last + 1)]
        axes.stairs(counts[first:last], edges, fill=True, alpha=0.7)
    middle = report.own().latency_ms
    if middle is not None:
        axes.axvline(middle, color="black", linewidth=1, label=f"median {middle:.0f} ms")
        axes.legend(frameon=False)
    axes.set_xlabel("from the end of the word, ms")
    axes.set_ylabel("words")


def words(axes: Axes, report: StreamReport) -> None:
    """Draw each word's share of misses and, beside it, the false accepts per hour that reported it."""
    found = [report.own(word=i) for i in range(len(report.words))]
    places = range(len(found))
    axes.barh([p - 0.2 for p in places], [100 * (r.miss_rate or 0.0) for r in found], 0.38, label="missed, %")
    false = [r.false_accepts_per_hour for r in found]
    axes.barh([p + 0.2 for p in places], false, 0.38, label="false accepts per hour")
    axes.set_yticks(list(places), [*map(caption, report.words)])
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def save(report: StreamReport, path: Path) -> None:
    """Write the DET curves, the words and the latencies as one picture.

    Raises:
        KwsError: the file cannot be written.
    """
    figure = plots.figure(12, 4.5)
    for axes, draw in zip(figure.subplots(1, 3), (det, words, latency), strict=True):
        draw(axes, report)
    plots.save(figure, path)
