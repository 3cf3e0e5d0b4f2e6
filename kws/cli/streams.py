"""What ``kws stream-test`` and ``kws tune`` share: the options that describe a stream, the row of its rates."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from kws.cli.options import (
    SPLITS,
    add_cluster,
    add_data,
    add_roles,
    add_seed,
    decibels,
    jobs,
    minutes,
    positive_number,
    roles_of,
)
from kws.cli.results import percent
from kws.datasets.roles import Folders
from kws.decisions import DetectorConfig
from kws.engines import fastest
from kws.errors import UsageError
from kws.evaluation.long import familiar
from kws.evaluation.stream import room_list
from kws.evaluation.stream.room import SPEECH
from kws.evaluation.stream.run import StreamOptions
from kws.evaluation.stream.score import Rates
from kws.evaluation.stream.source import SourceRate
from kws.evaluation.stream.spec import DESK, ROOM, SCENES, StreamSettings, StreamSpec, check, specify
from kws.model.file import ModelInfo

COLUMNS = ("", "hours", "missed", "late", "of", "miss rate", "false", "false/h", "at most", "latency", "p90")
"""Of a table whose rows :func:`row` makes; at most: false accepts per hour, the 95 % limit that the count allows."""

DESK_MINUTES = 60.0
"""How long the desk lasts unless somebody says it."""
# What a specification says already; an option beside it would have to be ignored.
_DRAWN = ("scene", "minutes", "split", "seed", "snr", "rate")


def add_options(parser: argparse.ArgumentParser, length: str) -> None:
    """The options that describe a stream; ``length`` is the default of ``--minutes``, for the help."""
    add_data(parser)
    add_roles(parser)
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


def add_scene(parser: argparse.ArgumentParser, default: str, more: tuple[str, ...] = ()) -> None:
    """``--scene``: one of the two, or of ``more``; ``default`` is what the help says of it."""
    parser.add_argument(
        "--scene",
        choices=(*SCENES, *more),
        help="desk: single words over noise; room: natural speech, music and noise with commands now and then, of the"
        f" recordings that come with kws where no folder is given (default: {default})",
    )


def spec(a: argparse.Namespace, info: ModelInfo, scene: str, length: float | None) -> StreamSpec:
    """The stream that the options describe, or the one of ``--spec``.

    Args:
        a: the options of :func:`add_options`.
        info: of the model that will listen.
        scene: ``desk`` or ``room``, unless ``--spec`` says it.
        length: of the stream in minutes, unless ``--spec`` says it; None for as long as hearing all speech of the
            room takes.

    Raises:
        UsageError: options that exclude each other.
        KwsError: a specification or data that do not fit.
    """
    if a.spec is not None:
        clash = [f"--{name}" for name in _DRAWN if getattr(a, name) is not None]
        if clash:
            raise UsageError(f"--spec says already what {', '.join(clash)} would; give one or the other")
        found = StreamSpec.load(a.spec)
        folders = roles_of(a)
        given = (*folders.speech, *folders.noise, *folders.rooms)
        if found.room is not None:
            found = dataclasses.replace(found, room=dataclasses.replace(found.room, folders=given))
        elif given:
            raise UsageError(f"{a.spec} is of the desk, which takes no --speech, --noise or --rooms; leave them out")
        check(found, a.data)
        return found
    named = {"snr_db": a.snr, "rate": a.rate, "seed": a.seed}
    chosen = {name: value for name, value in named.items() if value is not None}
    split = SPLITS[a.split or "validation"]
    if scene == ROOM:
        room = room_list.room(roles_of(a), info.data, split)
        settings = StreamSettings(minutes=length or room_list.minutes(room), split=split, **chosen)
        return room_list.specify(a.data, info.data, settings, room)
    return specify(a.data, info.data, StreamSettings(minutes=length or DESK_MINUTES, split=split, **chosen))


def scene_of(a: argparse.Namespace) -> str:
    """The scene that the options mean.

    Raises:
        UsageError: recordings for the room, and the desk asked for.
    """
    sounding = [f"--{name}" for name in ("speech", "noise", "rooms") if getattr(a, name)]
    if a.scene == DESK and sounding:
        raise UsageError(f"the desk has no {', '.join(sounding)}; leave them out, or take --scene room")
    return str(a.scene or (ROOM if sounding else DESK))


def heard(
    a: argparse.Namespace, info: ModelInfo, spec: StreamSpec, sources: Sequence[SourceRate]
) -> tuple[tuple[float, int] | None, tuple[str, ...]]:
    """Hours and recordings of the room's speech, where it is the user's, and its collections that were trained on.

    The hours are those that were listened to, each once: a short stream hears a part of what there is.
    """
    speech = next((s for s in sources if s.name == SPEECH), None)
    if spec.room is None or not a.speech or speech is None:
        return None, ()
    listed = room_list.recordings(Folders(speech=tuple(a.speech)), info.data, spec.split)
    return (speech.different_hours, speech.recordings), familiar(info, listed)


def run_options(a: argparse.Namespace) -> StreamOptions:
    """How the model is run over the stream, from the options of :func:`add_options` and ``--engine``."""
    return StreamOptions(a.engine or fastest(), a.tolerance, a.jobs)


def row(name: str, r: Rates) -> tuple[str, ...]:
    """Of a table with :data:`COLUMNS`."""
    latency, slow = (("-" if x is None else f"{x:.0f} ms") for x in (r.latency_ms, r.latency_p90_ms))
    counts = (str(r.misses), str(r.late), str(r.said), percent(r.miss_rate, 1))
    return (name, f"{r.hours:.2f}", *counts, *false_accepts(r), latency, slow)


def false_accepts(r: Rates) -> tuple[str, str, str]:
    """Their count, how many per hour, and the 95 % upper limit that the count allows."""
    most = "-" if r.most_per_hour is None else f"{r.most_per_hour:.2f}"
    return (str(r.false_accepts), f"{r.false_accepts_per_hour:.2f}", most)


def describe(d: DetectorConfig) -> str:
    """A detector's settings for a person."""
    low, high = min(d.word_thresholds or (d.threshold,)), max(d.word_thresholds or (d.threshold,))
    shown = f"threshold {low:g}" if low == high else f"thresholds {low:g} to {high:g}"
    return f"{d.average_frames} frames, {shown}, cool-down {d.cooldown_frames} frames"
