"""What ``kws stream-test`` and ``kws tune`` share: the options that describe a stream, the row of its rates."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.cli.options import SPLITS, add_cluster, add_data, add_seed, decibels, jobs, minutes, positive_number
from kws.cli.results import percent
from kws.decisions import DetectorConfig
from kws.errors import UsageError
from kws.evaluation.stream.run import StreamOptions
from kws.evaluation.stream.score import Rates
from kws.evaluation.stream.spec import StreamSettings, StreamSpec, check, specify
from kws.model.file import ModelInfo

COLUMNS = ("", "hours", "missed", "late", "of", "miss rate", "false/h", "latency", "p90")
"""Of a table whose rows :func:`row` makes."""

# What a specification says already; an option beside it would have to be ignored.
_DRAWN = ("minutes", "split", "seed", "snr", "rate")


def add_options(parser: argparse.ArgumentParser, length: str) -> None:
    """The options that describe a stream; ``length`` is the default of ``--minutes``, for the help."""
    add_data(parser)
    parser.add_argument("--minutes", type=minutes, metavar="N", help=f"length of the stream (default: {length})")
    parser.add_argument("--split", choices=SPLITS, help="whose speakers are heard (default: validation)")
    add_seed(parser, "of the stream", default=None)
    parser.add_argument(
        "--snr",
        type=decibels,
        metavar="S,S,...",
        help="signal-to-noise ratios in dB (default: clean,20,10); --snr=-5,0 for negative ones",
    )
    parser.add_argument(
        "--rate", type=positive_number, metavar="N", help="words a minute in stretches with words (default: 20)"
    )
    parser.add_argument("--spec", type=Path, metavar="FILE.json", help="rebuild the stream of a specification instead")
    parser.add_argument(
        "--tolerance",
        type=positive_number,
        default=750.0,
        metavar="MS",
        help="how long after its end a word may be detected",
    )
    parser.add_argument("--jobs", type=jobs, metavar="N", help="processes, at most 256 (default: one a core)")
    add_cluster(parser)


def spec(a: argparse.Namespace, info: ModelInfo, length: float) -> StreamSpec:
    """The stream that the options describe, or the one of ``--spec``.

    Args:
        a: the options of :func:`add_options`.
        info: of the model that will listen.
        length: of the stream in minutes, unless ``--spec`` says it.

    Raises:
        UsageError: options that exclude each other.
        KwsError: a specification or data that do not fit.
    """
    if a.spec is not None:
        clash = [f"--{name}" for name in _DRAWN if getattr(a, name) is not None]
        if clash:
            raise UsageError(f"--spec says already what {', '.join(clash)} would; give one or the other")
        found = StreamSpec.load(a.spec)
        check(found, a.data)
        return found
    given = {"snr_db": a.snr, "rate": a.rate, "seed": a.seed}
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = StreamSettings(minutes=length, split=SPLITS[a.split or "validation"], **chosen)
    return specify(a.data, info.data, settings)


def run_options(a: argparse.Namespace) -> StreamOptions:
    """How the model is run over the stream, from the options of :func:`add_options` and ``--engine``."""
    return StreamOptions(a.engine, a.tolerance, a.jobs)


def row(name: str, r: Rates) -> tuple[str, ...]:
    """Of a table with :data:`COLUMNS`."""
    latency, slow = (("-" if x is None else f"{x:.0f} ms") for x in (r.latency_ms, r.latency_p90_ms))
    counts = (str(r.misses), str(r.late), str(r.said), percent(r.miss_rate, 1))
    return (name, f"{r.hours:.1f}", *counts, f"{r.false_accepts_per_hour:.2f}", latency, slow)


def describe(d: DetectorConfig) -> str:
    """A detector's settings for a person."""
    low, high = min(d.word_thresholds or (d.threshold,)), max(d.word_thresholds or (d.threshold,))
    shown = f"threshold {low:g}" if low == high else f"thresholds {low:g} to {high:g}"
    return f"{d.average_frames} frames, {shown}, cool-down {d.cooldown_frames} frames"
