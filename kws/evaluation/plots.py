"""Pictures for people who would look rather than read: each function draws on given Axes.

Values are plain: arrays, and the entries of the reports' JSON.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kws.files import replacing
from kws.text import caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#3b82c4", "#e2793b", "#8a9099"
_INK = "#123456"
"""Stands for the page's own text colour until the picture is put into a page."""
_PAGE_STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    "svg.hashsalt": "kws",
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


def figure(width: float, height: float) -> Figure:
    """An empty figure of this many inches, without a window system."""
    # Not pyplot: it would choose a backend for the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as the file's suffix says.

    Raises:
        KwsError: the file cannot be written.
    """
    with replacing(path) as temporary:
        drawn.savefig(temporary, format=path.suffix.lstrip(".") or "png")


def page_style() -> Any:
    """A context in which figures are drawn to stand in a page, light or dark."""
    import matplotlib

    return matplotlib.rc_context(_PAGE_STYLE)


def inline_svg(drawn: Figure, description: str) -> str:
    """A figure drawn in `page_style` as an <svg> element whose text has the page's colour."""
    buffer = io.StringIO()
    with page_style():
        drawn.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    # The size in points would keep it from fitting a phone; the view box keeps the proportions.
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def confusion(axes: Axes, counts: npt.NDArray[np.int64], labels: Sequence[str]) -> None:
    """A confusion matrix, int [labels, labels]: rows are the true labels, shares in per cent of a row."""
    from matplotlib import rcParams
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    totals = counts.sum(axis=1, keepdims=True)
    shares = 100 * counts / np.maximum(totals, 1)
    # Transparent where nothing is, so that it suits a dark page and a white one.
    colours = LinearSegmentedColormap.from_list("shares", [(*to_rgb(BLUE), 0.0), (*to_rgb(BLUE), 1.0)])
    axes.imshow(shares**0.5, cmap=colours, vmin=0, vmax=10)
    ticks = range(len(labels))
    axes.set_xticks(ticks, [*map(caption, labels)], rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, [f"{caption(label)} ({int(n)})" for label, n in zip(labels, totals[:, 0], strict=True)])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("heard as")
    axes.set_ylabel("said (clips)")
    for row in ticks:
        for column in ticks:
            if counts[row, column]:
                colour = "white" if shares[row, column] > 40 else rcParams["text.color"]
                text = f"{shares[row, column]:.0f}" if shares[row, column] >= 1 else "<1"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def history(loss: Axes, accuracy: Axes, epochs: Sequence[Mapping[str, Any]], best: int) -> None:
    """Loss and accuracy by epoch, from the entries of ``history.json``; curves that it lacks are left out."""
    from matplotlib.ticker import MaxNLocator

    curves = (
        (loss, "loss", "training", GREY, 1),
        (loss, "validation_loss", "validation", BLUE, 1),
        (accuracy, "accuracy", "training (augmented)", GREY, 100),
        (accuracy, "validation_accuracy", "validation, from reset", BLUE, 100),
        (accuracy, "stream_accuracy", "validation, in a stream", ORANGE, 100),
    )
    number = [e["epoch"] for e in epochs]
    for axes, key, label, colour, factor in curves:
        values = [e.get(key) for e in epochs]
        if all(isinstance(v, int | float) for v in values):
            marker = "o" if len(values) < 3 else ""
            axes.plot(number, [factor * v for v in values if v is not None], color=colour, label=label, marker=marker)
    loss.set_ylabel("loss")
    accuracy.set_ylabel("accuracy, %")
    for axes in (loss, accuracy):
        axes.axvline(best, color=GREY, linestyle=":", linewidth=1, label=f"chosen: epoch {best}")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8.5)


def by_condition(axes: Axes, points: Sequence[tuple[str, Mapping[str, Any]]], label: str) -> None:
    """Accuracy with its 95 % interval by condition: names and entries with accuracy and interval."""
    shares = 100 * np.array([p["accuracy"] for _, p in points])
    limits = 100 * np.array([p["interval"] for _, p in points])
    place = np.arange(len(points))
    bars = np.maximum(np.abs(limits.T - shares), 0)
    axes.errorbar(place, shares, yerr=bars, color=BLUE, marker="o", markersize=5, capsize=3, linewidth=1.4)
    for x, y, top in zip(place, shares, limits[:, 1], strict=True):
        axes.annotate(f"{y:.1f}", (x, top), (0, 4), textcoords="offset points", ha="center", fontsize=8.5)
    axes.set_xticks(place, [caption(name) for name, _ in points])
    axes.set_xlabel(label)
    axes.set_ylabel("accuracy, %")
    axes.set_xlim(-0.4, len(points) - 0.6)
    axes.margins(y=0.15)
    axes.grid(axis="y", alpha=0.25)


def speakers(axes: Axes, shares: Sequence[float], worst: int) -> None:
    """How many speakers have which accuracy; ``shares`` ascend and the first ``worst`` stand out."""
    from matplotlib.ticker import MaxNLocator

    bins = np.linspace(0, 1, 21)
    lowest = max(0, int(np.floor(min(shares) * 20)) - 1)
    parts = [100 * np.asarray(shares[:worst]), 100 * np.asarray(shares[worst:])]
    names = ["worst tenth", "others"]
    axes.hist(parts, (100 * bins).tolist(), stacked=True, color=[ORANGE, BLUE], label=names, rwidth=0.92)
    axes.set_xlim(5 * lowest, 100)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("a speaker's accuracy, %")
    axes.set_ylabel("speakers")
    axes.grid(axis="y", alpha=0.25)
    axes.legend(fontsize=8.5, loc="upper left")


def quantization(axes: Axes, tensors: Sequence[Mapping[str, Any]], worst: str) -> None:
    """Signal to quantization noise of each tensor, its own and alone, from the entries of the report."""
    place = np.arange(len(tensors))
    # No error at all is drawn as a bar to the edge.
    greatest = max((t[k] for t in tensors for k in ("own_db", "alone_db") if t[k] is not None), default=1.0) * 1.1
    own = [greatest if t["own_db"] is None else t["own_db"] for t in tensors]
    alone = [greatest if t["alone_db"] is None else t["alone_db"] for t in tensors]
    axes.barh(place - 0.2, own, 0.38, color=GREY, label="the tensor itself, in the int8 network")
    colours = [ORANGE if t["name"] == worst else BLUE for t in tensors]
    axes.barh(place + 0.2, alone, 0.38, color=colours)
    axes.barh([0], [0], color=BLUE, label="the posteriors, with this tensor alone in int8")
    axes.barh([0], [0], color=ORANGE, label="the same, of the tensor that int8 hurts most")
    axes.set_yticks(place, [caption(t["name"]) for t in tensors])
    axes.set_ylim(len(tensors) - 0.4, -0.6)
    axes.set_xlabel("signal to quantization noise, dB (longer is better)")
    axes.grid(axis="x", alpha=0.25)
    axes.legend(fontsize=8.5, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=1)


def heard(spectrogram: Axes, curves: Axes, example: Mapping[str, Any], labels: Sequence[str]) -> None:
    """A log-mel spectrogram and, on the same time axis, the posteriors of the labels that matter.

    Args:
        spectrogram: where the features go.
        curves: where the posteriors go.
        example: ``seconds_per_frame``, ``features`` [frames][bands], ``posteriors``
            [frames][labels] from 0 to 1, and ``said``: name, label, start and end in seconds; ``reported``, if it
            is there: name and time of what the decision makes of the posteriors, which is written over them.
        labels: class names.
    """
    from matplotlib import colormaps

    features = np.array(example["features"], np.float64)
    posteriors = np.array(example["posteriors"], np.float64)
    step = example["seconds_per_frame"]
    end = step * len(features)
    extent = (0, end, 0, features.shape[1])
    spectrogram.imshow(features.T, origin="lower", aspect="auto", cmap="magma", extent=extent, vmin=-90, vmax=110)
    spectrogram.set_ylabel("mel band")
    said = {entry["label"] for entry in example["said"]}
    shown = [i for i in range(len(labels)) if labels[i] in said or posteriors[:, i].max() > 0.5]
    palette = colormaps["tab10"]
    colour = {i: GREY if labels[i].startswith("_") else palette(n % 10) for n, i in enumerate(shown)}
    time = step * (np.arange(len(posteriors)) + 1)
    for i in shown:
        style = "--" if labels[i].startswith("_") else "-"
        curves.plot(time, posteriors[:, i], style, color=colour[i], label=caption(labels[i]), linewidth=1.5)
    for entry in example["said"]:
        middle = (entry["start"] + entry["end"]) / 2
        spectrogram.text(middle, features.shape[1] + 1, caption(entry["name"]), ha="center", va="bottom", fontsize=9)
        for axes in (spectrogram, curves):
            axes.axvline(entry["start"], color=GREY, linewidth=0.8, linestyle=":")
    for entry in example.get("reported", ()):
        curves.axvline(entry["seconds"], color="black", linewidth=0.8)
        curves.text(entry["seconds"], 1.05, caption(entry["name"]), ha="center", va="bottom", fontsize=8.5)
    curves.set_ylim(-0.03, 1.03)
    curves.set_xlim(0, end)
    curves.set_xlabel("time, s")
    curves.set_ylabel("posterior")
    curves.grid(axis="y", alpha=0.25)
    curves.legend(fontsize=8.5, ncols=6, loc="upper center", bbox_to_anchor=(0.5, -0.28))
