"""How CTC reads a transcription off the posteriors: the picture of frames, of the repeats and of the blanks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kws.config import SAMPLE_RATE
from kws.datasets.splits import VALIDATION
from kws.decisions import CtcConfig
from kws.engines import create
from kws.evaluation import plots
from kws.evaluation.sequences import SequenceSettings, Voices, render
from kws.fixedpoint.posterior import probabilities
from kws.model.file import Model
from kws.text import caption

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORDS = 4
_SEED = 1
_PAUSE_MS = 400.0
_LINES = ("each frame", "repeats collapsed", "blanks dropped")


@dataclass(frozen=True)
class Run:
    """Frames in a row with the same symbol.

    Attributes:
        label: its index.
        first, last: frames.
    """

    label: int
    first: int
    last: int


def runs(posteriors: Sequence[Sequence[float]], least: float) -> list[Run]:
    """Each frame's symbol with its repeats collapsed; frames whose greatest posterior is below ``least`` have none.

    Args:
        posteriors: [frames][labels], 0 to 1.
        least: 0 to 1.
    """
    rows = np.array(posteriors, np.float64)
    best = rows.argmax(axis=1)
    symbols = np.where(rows.max(axis=1) >= least, best, -1)
    found = []
    at = 0
    for label, group in itertools.groupby(symbols.tolist()):
        length = len(list(group))
        found.append(Run(label, at, at + length - 1))
        at += length
    return found


def example(model: Model, data: Path) -> dict[str, Any] | None:
    """Validation words in a row, as `draw` takes them; None where nobody says them.

    Raises:
        KwsError: clips cannot be read.
    """
    info = model.require_info()
    voices = Voices.of_split(data, info.data, VALIDATION)
    there = [word for word in info.spoken if word in voices.words]
    if not there:
        return None
    rng = np.random.default_rng(_SEED)
    chosen = [str(word) for word in rng.choice(there, _WORDS, replace=len(there) < _WORDS)]
    pause = SequenceSettings(pause_ms=(_PAUSE_MS, _PAUSE_MS), gap_ms=(50.0, 250.0))
    pcm, (said,) = render(voices, [chosen], (_SEED,), pause)
    with create("numpy", model) as engine:
        output = engine.process(pcm)
    assert output.features is not None
    return {
        "seconds_per_frame": info.frontend.hop / SAMPLE_RATE,
        "features": output.features.tolist(),
        "posteriors": np.round(probabilities(output.posteriors), 4).tolist(),
        "least": info.decision.threshold if isinstance(info.decision, CtcConfig) else 0.0,
        "said": [
            {"name": word, "label": word, "start": start / SAMPLE_RATE, "end": end / SAMPLE_RATE}
            for word, start, end in zip(said.words, said.starts, said.ends, strict=True)
        ],
        "reported": [
            {"name": info.names[d.label], "seconds": round(info.seconds(d.frame), 3)} for d in output.detections
        ],
    }


def draw(figure: Figure, entry: Mapping[str, Any], labels: Sequence[str]) -> None:
    """A spectrogram, the posteriors of its frames, and below them what they collapse to.

    Args:
        figure: an empty one.
        entry: as of `kws.evaluation.plots.heard`, with ``least``, the posterior below which a frame says nothing.
        labels: class names; those in underscores are no words, the first of them the blank.
    """
    spectrogram, curves, lines = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2.4, 1.7))
    plots.heard(spectrogram, curves, {**entry, "reported": ()}, labels)
    colours = {line.get_label(): line.get_color() for line in curves.get_lines()}
    curves.set_xlabel("")
    handles, names = curves.get_legend_handles_labels()
    curves.get_legend().remove()
    _lines(lines, entry, labels, colours)
    lines.legend(handles, names, fontsize=8.5, ncols=6, loc="upper center", bbox_to_anchor=(0.5, -0.4))


def _lines(axes: Axes, entry: Mapping[str, Any], labels: Sequence[str], colours: Mapping[Any, Any]) -> None:
    step = entry["seconds_per_frame"]

    def bar(run: Run, row: int, first: float, last: float) -> None:
        word = run.label >= 0 and not labels[run.label].startswith("_")
        colour = colours.get(caption(labels[run.label]), plots.GREY) if word else plots.GREY
        alpha = 0.85 if word else 0.35 if run.label >= 0 else 0.08
        axes.broken_barh([(first, last - first)], (row + 0.12, 0.76), color=colour, alpha=alpha, linewidth=0)

    for run in runs(entry["posteriors"], entry["least"]):
        for frame in range(run.first, run.last + 1):
            bar(run, 2, step * (frame + 0.08), step * (frame + 0.92))
        start, end = step * run.first, step * (run.last + 1)
        bar(run, 1, start + 0.08 * step, end - 0.08 * step)
        if run.label >= 0 and not labels[run.label].startswith("_"):
            bar(run, 0, start, end)
            axes.text(end, 0.5, f" {caption(labels[run.label])}", ha="left", va="center", fontsize=9)
    axes.set_yticks([2.5, 1.5, 0.5], _LINES)
    axes.set_ylim(0, 3)
    axes.set_xlabel("time, s")
    axes.tick_params(axis="y", length=0)
