"""Pictures for people who would look rather than read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kws.evaluation.accuracy import Accuracy
from kws.files import replacing


def confusion(result: Accuracy, labels: tuple[str, ...], title: str, path: Path) -> None:
    """Draw a confusion matrix: rows are the true labels, shares in per cent of a row.

    Raises:
        KwsError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    totals = result.confusion.sum(axis=1, keepdims=True)
    shares = 100 * result.confusion / np.maximum(totals, 1)
    size = 2.5 + 0.5 * len(labels)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=60, ha="right")
    axes.set_yticks(ticks, [f"{label} ({int(n)})" for label, n in zip(labels, totals[:, 0], strict=True)])
    axes.set_xlabel("heard as")
    axes.set_ylabel("said (clips)")
    axes.set_title(title)
    for row in ticks:
        for column in ticks:
            if result.confusion[row, column]:
                colour = "white" if shares[row, column] > 50 else "black"
                text = f"{shares[row, column]:.0f}" if shares[row, column] >= 1 else "<1"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    with replacing(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format=path.suffix.lstrip(".") or "png")
