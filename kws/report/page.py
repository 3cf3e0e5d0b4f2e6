"""One HTML page of everything known about a run: no other file, no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import kws
from kws.datasets.roles import Folders
from kws.errors import KwsError
from kws.evaluation import collapse, plots
from kws.evaluation.clip.scoring import MIN_WORD_CLIPS
from kws.evaluation.stream.plots import det, latency, words
from kws.evaluation.stream.report import GOOD_SNR_DB, StreamReport
from kws.evaluation.stream.spec import snr_name
from kws.files import require_place, write_atomic
from kws.report.findings import NO_FOLDERS, Findings, gather
from kws.types import StageProgress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "report.html"
_TEMPLATE = "page.html.j2"
_ROWS = 12


@dataclass(frozen=True)
class Page:
    """What was written.

    Attributes:
        path: the page.
        size: in bytes.
        missing: what could not be shown, and how to get it.
    """

    path: Path
    size: int
    missing: list[str]


def write(
    run: Path, out: Path | None, *, data: Path | None, progress: StageProgress, folders: Folders = NO_FOLDERS
) -> Page:
    """Write the page of a run.

    Args:
        run: the run's folder, with a converted model.
        out: the page; ``report.html`` in the run's folder if None.
        data: where clips are, to measure what is not known yet (`kws.report.findings.gather`).
        progress: called with (stage, done, total).
        folders: what else sounds in the room.

    Raises:
        KwsError: as `gather`, ``run`` is a file, or the page cannot be written.
    """
    if run.is_file():
        raise KwsError(
            f"{run} is a file; name the folder of its run, in which the report finds and keeps what it shows"
        )
    path = out or run / NAME
    if path.parent != run or run.exists():
        # Not after an hour of measuring. A run that is not there is for `gather` to say.
        require_place(path)
    found = gather(run, data, progress, folders)
    page = render(found).encode(errors="backslashreplace")
    write_atomic(path, page)
    return Page(path, len(page), found.missing)


def render(found: Findings) -> str:
    """The page's text."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share, digits=2: "–" if share is None else f"{100 * share:.{digits}f} %"
    info = found.model.require_info()
    pictures = {name: Markup(svg) for name, svg in _pictures(found).items()}
    settings = found.provenance.get("settings", {})
    return environment.get_template(_TEMPLATE).render(
        name=settings.get("name", "model") if isinstance(settings, dict) else "model",
        words=info.words,
        model={"id": found.model.id, "bytes": len(found.model.content)},
        settings=_flat(settings),
        version=kws.__version__,
        clips=found.clips,
        worst_words=_worst_words(found.clips),
        labels=info.labels,
        quantization=found.quantization,
        scenes=[
            (key, title, _stream(report))
            for key, title, report in (("room", "In a room", found.room), ("desk", "At a desk", found.stream))
            if report is not None
        ],
        negatives=None if found.negatives is None else [*found.negatives.sources, found.negatives.total],
        limits=found.limits,
        tiles=_tiles(found),
        missing=found.missing,
        pictures=pictures,
        rows=_ROWS,
    )


def _flat(settings: Any) -> list[tuple[str, str]]:
    """Nested settings as dotted names and values."""
    rows = []
    for section, values in settings.items() if isinstance(settings, dict) else ():
        if isinstance(values, dict):
            rows += [(f"{section}.{key}", _plain(value)) for key, value in values.items()]
    return rows


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _worst_words(clips: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Word folders with errors and enough clips to say so, worst first."""
    words = [] if clips is None else clips["words"]
    return [w for w in words if w["correct"] < w["total"] >= MIN_WORD_CLIPS][:_ROWS]


def _tiles(found: Findings) -> list[tuple[str, str, str]]:
    """The figures that people look for first: name, value, remark."""
    tiles = []
    if found.clips is not None:
        first = found.clips["results"][found.clips["engine"]]
        low, high = first["interval"]
        tiles.append(
            ("accuracy, int8", f"{100 * first['accuracy']:.2f} %", f"95 %: {100 * low:.1f} to {100 * high:.1f} %")
        )
        if first["carried"] is not None:
            tiles.append(
                ("never reset", f"{100 * first['carried']['accuracy']:.2f} %", "state carried from clip to clip")
            )
        floats = found.clips["results"].get("float")
        if floats is not None:
            cost = 100 * (floats["accuracy"] - first["accuracy"])
            tiles.append(("int8 costs, points", f"{cost:.2f}", f"float: {100 * floats['accuracy']:.2f} %"))
        speakers = found.clips["speakers"]
        if speakers is not None:
            chance = 100 * speakers["worst_decile_by_chance"]
            remark = f"{chance:.0f} % if all were equally easy"
            tiles.append(("worst tenth of speakers", f"{100 * speakers['worst_decile']:.0f} %", remark))
    shown = found.room or found.stream
    if shown is not None:
        own = shown.own(GOOD_SNR_DB)
        if own.miss_rate is not None:
            at = (
                f"in the {shown.scene}, at {own.false_accepts_per_hour:.1f} false accepts per hour"
                f" ({own.false_accepts} in {own.hours:.1f} h; at most {own.most_per_hour or 0:.1f})"
            )
            tiles.append((f"missed words, {GOOD_SNR_DB:g} dB or better", f"{100 * own.miss_rate:.1f} %", at))
        if own.latency_ms is not None:
            tiles.append(("median latency", f"{own.latency_ms:.0f} ms", "after the word's end"))
    if found.negatives is not None and found.negatives.total.per_hour is not None:
        total = found.negatives.total
        remark = f"{total.false_accepts} in {total.seconds / 60:.1f} min; at most {total.most_per_hour or 0:.0f}"
        tiles.append(("false accepts per hour, negatives", f"{total.per_hour:.0f}", remark))
    tiles.append(("model file", f"{len(found.model.content) / 1000:.1f} KB", "fully int8"))
    return tiles


def _stream(report: StreamReport) -> dict[str, Any]:
    conditions = [(snr_name(snr), report.at(snr)) for snr in report.ratios]
    return {
        "hours": report.hours,
        "split": report.split,
        "apart": report.apart,
        "seed": report.seed,
        "tolerance_ms": report.tolerance_ms,
        "rows": [(name, r.as_dict()) for name, r in (*conditions, ("all", report.own()))],
        "sources": report.by_source(),
        "false": report.recordings["false"][:_ROWS],
        "missed": report.recordings["missed"][:_ROWS],
    }


def _pictures(found: Findings) -> dict[str, str]:
    """Every picture that can be drawn, as <svg> text by name."""
    labels = found.model.require_info().labels
    drawn: dict[str, str] = {}

    def add(name: str, width: float, height: float, description: str, draw: Callable[[Figure], None]) -> None:
        with plots.page_style():
            figure = plots.figure(width, height)
            draw(figure)
        drawn[name] = plots.inline_svg(figure, description)

    history = found.history
    if history is not None:
        add("history", 8.4, 3.1, "Loss and accuracy by epoch", lambda f: _history(f, history))
    if found.clips is not None:
        _clip_pictures(found.clips, labels, add)
    quantization = found.quantization
    if quantization is not None:
        tensors, worst = quantization["tensors"], quantization["worst"]
        height = 1.3 + 0.26 * len(tensors)
        add(
            "quantization",
            7.6,
            height,
            "Noise of int8 by tensor",
            lambda f: plots.quantization(f.subplots(), tensors, worst),
        )
    for key, report in (("room", found.room), ("desk", found.stream)):
        if report is not None:
            _stream_pictures(key, report, add)
    shown = found.example
    if shown is not None and "least" in shown:
        add("collapse", 8.4, 5.6, "A transcription, frame by frame", lambda f: collapse.draw(f, shown, labels))
    elif shown is not None:
        add("example", 8.4, 4.6, "A spectrogram and posteriors", lambda f: _heard(f, shown, labels))
    return drawn


def _stream_pictures(key: str, report: StreamReport, add: Callable[..., None]) -> None:
    add(f"{key}_det", 6.2, 4.2, "Missed words against false accepts per hour", lambda f: det(f.subplots(), report))
    add(f"{key}_latency", 4.4, 2.8, "Latencies", lambda f: latency(f.subplots(), report))
    height = 1.2 + 0.3 * len(report.words)
    add(f"{key}_words", 4.4, height, "Misses by word", lambda f: words(f.subplots(), report))


def _history(figure: Figure, history: Mapping[str, Any]) -> None:
    loss, accuracy = figure.subplots(1, 2)
    plots.history(loss, accuracy, history["epochs"], history["best_epoch"])


def _heard(figure: Figure, example: Mapping[str, Any], labels: tuple[str, ...]) -> None:
    spectrogram, curves = figure.subplots(2, 1, sharex=True)
    plots.heard(spectrogram, curves, example, labels)


def _clip_pictures(clips: Mapping[str, Any], labels: tuple[str, ...], add: Callable[..., None]) -> None:
    first = clips["results"][clips["engine"]]
    counts = np.array(first["confusion"], np.int64)
    size = 2.2 + 0.42 * len(labels)
    add("confusion", size + 0.6, size, "Confusion matrix", lambda f: plots.confusion(f.subplots(), counts, labels))
    for kind, label in (("snr", "signal-to-noise ratio, dB"), ("gain", "gain, dB")):
        points = [(f"{c['db']:g}", c) for c in clips["conditions"] if c["kind"] == kind]
        if kind == "snr" and points:
            points.insert(0, ("clean", first))
        if points:
            draw = lambda f, points=points, label=label: plots.by_condition(f.subplots(), points, label)  # noqa: E731
            add(kind, 4.4, 2.9, f"Accuracy by {label}", draw)
    if clips["speakers"] is not None:
        groups = clips["speakers"]["speakers"]
        shares = [g["correct"] / g["total"] for g in groups]
        worst = -(-len(groups) // 10)
        add("speakers", 6.4, 2.9, "Speakers by accuracy", lambda f: plots.speakers(f.subplots(), shares, worst))
