"""What a sweep's trainings came to: one table, one plot, means and spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from kws.files import replacing
from kws.text import caption
from kws.training.sweep import Result

_SEED = ".seed"


@dataclass(frozen=True)
class Spread:
    """A measure over the seeds of a setting.

    Attributes:
        values: of each training.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Their standard deviation; None of one alone."""
        return stdev(self.values) if len(self.values) > 1 else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        spread = {"mean": self.mean, "standard_deviation": self.deviation}
        return {**spread, "least": min(self.values), "greatest": max(self.values), "values": list(self.values)}


@dataclass(frozen=True)
class Group:
    """Trainings that differ in seeds alone.

    Attributes:
        settings: what they share of the grid's.
        weights: of the network.
        measures: by name.
    """

    settings: tuple[tuple[str, Any], ...]
    weights: int
    measures: dict[str, Spread]

    @property
    def label(self) -> str:
        """The settings in short."""
        return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in self.settings) or "all"

    @property
    def runs(self) -> int:
        """How many trainings."""
        return max((len(s.values) for s in self.measures.values()), default=0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        measures = {name: spread.as_dict() for name, spread in self.measures.items()}
        return {"settings": dict(self.settings), "runs": self.runs, "weights": self.weights, "measures": measures}


def groups(results: Sequence[Result]) -> list[Group]:
    """Results by setting, seeds together, in order of their first."""
    by: dict[str, list[Result]] = {}
    for result in results:
        by.setdefault(repr(_shared(result)), []).append(result)
    return [
        Group(
            _shared(same[0]),
            same[0].weights,
            {name: Spread(tuple(r.measures[name] for r in same)) for name in same[0].measures},
        )
        for same in by.values()
    ]


def _shared(result: Result) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in result.settings if not key.endswith(_SEED))


def shown(name: str, value: float) -> str:
    """A measure's value for a person: accuracies in per cent."""
    return f"{100 * value:.2f}" if _is_share(name) else f"{value:.4g}"


def heading(name: str) -> str:
    """A measure's name for a person."""
    return f"{name.replace('_', ' ')}{', %' if _is_share(name) else ''}"


def rows(found: Sequence[Group]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of the table: settings, trainings, weights, then mean and spread of each measure."""
    names = _names(found)
    keys = [key for key, _ in found[0].settings]
    columns = (*keys, "runs", "weights", *map(heading, names))
    body = [(*(str(value) for _, value in g.settings), str(g.runs), f"{g.weights:,}", *_cells(g, names)) for g in found]
    return columns, body


def _names(found: Sequence[Group]) -> list[str]:
    """Every measure that some group has: without negatives, say, nobody knows what is missed."""
    return list(dict.fromkeys(name for group in found for name in group.measures))


def _cells(group: Group, names: Sequence[str]) -> list[str]:
    cells = []
    for name in names:
        spread = group.measures.get(name)
        if spread is None:
            cells.append("-")
            continue
        deviation = "" if spread.deviation is None else f" ± {shown(name, spread.deviation)}"
        cells.append(f"{shown(name, spread.mean)}{deviation}")
    return cells


def table(found: Sequence[Group]) -> str:
    """The table as tab-separated text."""
    columns, body = rows(found)
    return "".join("\t".join(row) + "\n" for row in (columns, *body))


def plot(found: Sequence[Group], path: Path, title: str) -> None:
    """Draw each measure by setting as a PNG: every training a dot, means with their standard deviation.

    Raises:
        KwsError: the file cannot be written.
    """
    # Not pyplot: it would start a window system, and choose a backend for the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = _names(found)
    columns = min(len(names), 3)
    lines = math.ceil(len(names) / columns)
    height = 0.5 * len(found) + 1.2
    figure = Figure(figsize=(2 + 3.4 * columns, lines * height + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axis, name in zip(axes, names, strict=False):
        factor = 100 if _is_share(name) else 1
        places, spreads = zip(*((i, g.measures[name]) for i, g in enumerate(found) if name in g.measures), strict=True)
        means = [factor * s.mean for s in spreads]
        axis.errorbar(means, places, xerr=[factor * (s.deviation or 0) for s in spreads], fmt="o", capsize=4)
        for place, spread in zip(places, spreads, strict=True):
            axis.plot([factor * v for v in spread.values], [place] * len(spread.values), "k.", alpha=0.5)
        axis.set_xlabel(heading(name))
        axis.set_yticks(range(len(found)), [caption(g.label) for g in found])
        axis.grid(alpha=0.3)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    axes[0].invert_yaxis()
    figure.suptitle(caption(title))
    with replacing(path) as temporary:
        # Without the version stamp the same results are the same file.
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def _is_share(name: str) -> bool:
    return name.endswith("accuracy") or name in ("score", "missed")
