"""``kws stream-test``: false accepts, misses and latency in a long stream."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from kws.cli import console, exit_codes, negatives, phrase_streams, streams
from kws.cli.options import add_engine, add_json_report, add_model, figure, on_cluster, positive_number, wav
from kws.cli.results import percent
from kws.errors import UsageError
from kws.evaluation import limits
from kws.evaluation.limits import Scope
from kws.evaluation.negatives import hear
from kws.evaluation.stream import plots, soak
from kws.evaluation.stream.report import GOOD_SNR_DB, StreamReport
from kws.evaluation.stream.run import evaluate_stream, require_words
from kws.evaluation.stream.scene import events_path, write
from kws.evaluation.stream.score import CAUSES, LATE_MS
from kws.evaluation.stream.spec import ROOM, StreamSpec, snr_name
from kws.files import require_place
from kws.model.file import Model

# Recordings shown of those that failed; JSON has them all.
_WORST = 8


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws stream-test``."""
    add_model(parser)
    streams.add_scene(parser, "room where --speech, --noise or --rooms is given, else desk")
    streams.add_options(parser, f"{streams.DESK_MINUTES:g}, in the room as long as hearing all speech once takes")
    parser.add_argument(
        "--soak-hours",
        type=positive_number,
        metavar="H",
        help="also the same words before and after H hours of noise",
    )
    parser.add_argument("--save-spec", type=Path, metavar="FILE.json", help="write the specification of the stream")
    parser.add_argument("--wav", type=wav, metavar="FILE.wav", help="write the stream, and what is said when beside it")
    parser.add_argument("--plot", type=figure, metavar="FILE", help="draw the DET curve (.png, .svg or .pdf)")
    add_engine(parser)
    add_json_report(parser)


def run(a: argparse.Namespace) -> int:
    """``kws stream-test``."""
    events = events_path(a.wav) if a.wav else None
    named = (a.save_spec, a.wav, events, a.json if a.json != "-" else None, a.plot)
    outputs = [Path(name).absolute() for name in named if name]
    for output in outputs:
        if outputs.count(output) > 1:
            beside = " (--wav FILE.wav also writes FILE.json)" if output.name == (events and events.name) else ""
            raise UsageError(f"{output} would be written twice{beside}; choose other names")
        require_place(output)
    model = Model.load(a.model)
    spec = streams.spec(a, model.require_info(), streams.scene_of(a), a.minutes)
    require_words(model, spec)
    if a.save_spec:
        spec.save(a.save_spec)
    if a.wav:
        with console.progress("writing the stream") as progress:
            write(spec, a.data, a.wav, progress)
    settings = streams.run_options(a)
    with on_cluster(a), console.progress("listening (pieces of ten minutes)") as progress:
        report = evaluate_stream(model, spec, a.data, settings, progress)
    drift = None
    if a.soak_hours:
        with console.progress("noise (minutes)") as progress:
            drift = soak.soak(model, spec, a.data, a.soak_hours, settings, progress=progress)
    info = model.require_info()
    recordings = hear(model)
    heard = recordings.count()
    phrases = phrase_streams.rates(model, spec, a.data, settings, [recordings])
    scope = limits.scope_of_stream(info, info.data, a.data, spec)
    unknown = limits.sentences(scope, heard, *streams.heard(a, info, spec, report.by_source()))
    if a.json:
        soaked = None if drift is None else drift.as_dict()
        values = {"model": str(a.model), **report.as_dict(), "soak": soaked, "scope": scope.as_dict()}
        values |= negatives.values(heard, unknown)
        values |= {"phrases": [r.as_dict() for r in phrases]} if phrases else {}
        console.write_report(json.dumps(values) + "\n", a.json)
    if a.json != "-":
        _print_report(report, spec, scope)
        if phrases:
            phrase_streams.show(phrases, "phrases; above, words are counted as if there were none, and no window")
        if drift is not None:
            _print_soak(drift)
        negatives.show(heard)
        negatives.show_limits(unknown)
    if a.plot:
        plots.save(report, a.plot)
    return exit_codes.OK


def _print_report(report: StreamReport, spec: StreamSpec, scope: Scope) -> None:
    if report.scene == ROOM:
        negatives.show_sources(report.by_source(), "the room, by source, at the model's settings")
    rows = [streams.row(snr_name(snr), report.at(snr)) for snr in report.ratios]
    rows.append(streams.row("all", report.own()))
    good = report.conditions(GOOD_SNR_DB)
    if 0 < len(good) < len(report.snr_db):
        rows.append(streams.row(">= 10 dB", report.own(GOOD_SNR_DB)))
    console.table(streams.COLUMNS, rows, f"the model's settings: {streams.describe(report.detector)}")
    own = report.own()
    causes = zip(CAUSES, own.causes, strict=True)
    console.table(("false accepts in", "count", "an hour"), [(c, str(n), f"{n / own.hours:.2f}") for c, n in causes])
    words = []
    for i, word in enumerate(report.words):
        r = report.own(word=i)
        words.append((word, str(r.misses), str(r.said), percent(r.miss_rate, 1), *streams.false_accepts(r)))
    console.table(("word", "missed", "of", "miss rate", "false", "false/h", "at most"), words)
    det = []
    for budget in (0.1, 0.5, 1.0, 2.0, 5.0, 10.0):
        best = report.best(budget, GOOD_SNR_DB if good else float("-inf"))
        if best is not None and best.miss_rate is not None:
            latency = "-" if best.latency_ms is None else f"{best.latency_ms:.0f} ms"
            det.append((f"{budget:g}", percent(best.miss_rate, 1), *streams.false_accepts(best), latency))
    where = "10 dB or better" if good else "all"
    if det:
        console.table(
            ("allowed false/h", "miss rate", "false", "false/h", "at most", "latency"),
            det,
            f"thresholds moved together, {where}",
        )
    _print_recordings(report)
    unwanted = int(report.tally.unwanted.sum())
    console.out.print(
        f"{report.split} {report.apart}: {own.said} wanted and {unwanted} other words from"
        f" {report.distinct[0]} and {report.distinct[1]} recordings, seed {report.seed};"
        f" a word counts until {report.tolerance_ms:g} ms after its end, and as late until {LATE_MS} ms",
        markup=False,
    )
    if spec.room is not None and not spec.room.responses:
        console.out.print("no --rooms: nothing is reverberated")
    if spec.room is None and not spec.noise:
        console.out.print("the data has no _background_noise_: the noise is synthesised (white, pink, brown)")
    if not spec.unwanted:
        console.out.print("the data has no other words: false accepts on speech are not measured")
    pace = report.hours / (report.wall_seconds / 60)
    console.out.print(
        f"{report.hours:.2f} hours in {report.wall_seconds:.0f} s on engine {report.engine}:"
        f" {pace:.1f} hours of audio a minute"
    )


def _print_recordings(report: StreamReport) -> None:
    """The few recordings to listen to: they may be mislabelled, cut, or what the model lacks."""
    false, missed = report.recordings["false"], report.recordings["missed"]
    if false:
        rows = [(r["recording"], r["heard_as"], str(r["false_accepts"]), str(r["said"])) for r in false[:_WORST]]
        console.table(("recording", "heard as", "false accepts", "said"), rows, _of("most false accepts", false))
    if missed:
        misses = [(r["recording"], str(r["missed"]), str(r["said"])) for r in missed[:_WORST]]
        console.table(("recording", "missed", "said"), misses, _of("most misses", missed))


def _of(title: str, recordings: list[dict[str, Any]]) -> str:
    return f"{title}: {min(_WORST, len(recordings))} of {len(recordings)} recordings"


def _print_soak(drift: soak.Soak) -> None:
    rows = [streams.row("after 1 min", drift.before), streams.row(f"after {drift.hours:g} h", drift.after)]
    console.table(streams.COLUMNS, rows, "drift: the same words")
    console.out.print(
        f"{drift.different} of {drift.posteriors} posteriors differ, by up to {drift.greatest:.3f};"
        f" {drift.false_accepts} false accepts in the noise"
    )
