"""What ``kws stream-test`` and ``kws tune`` do: call one module, print what it found."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws.cli import console
from kws.decisions import DetectorConfig
from kws.errors import KwsError
from kws.model.file import Model, ModelInfo, save, with_detector
from kws.runs import MODEL

if TYPE_CHECKING:
    from kws.evaluation.stream.run import StreamReport
    from kws.evaluation.stream.score import Rates
    from kws.evaluation.stream.soak import Soak
    from kws.evaluation.stream.spec import StreamSpec

SPLITS = {"validation": "validation", "test": "testing", "train": "training", "all": "all"}
MINUTES = 60.0
# What a specification says already; an option beside it would have to be ignored.
_DRAWN = ("minutes", "split", "seed", "snr", "rate")


def snr_list(text: str) -> tuple[float, ...]:
    """Comma-separated ratios in dB, as ``--snr`` takes them; ``clean`` is one."""
    try:
        return tuple(float("inf") if s.strip() == "clean" else float(s) for s in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be ratios in dB like clean,20,10, not {text!r}") from None


def stream_test(a: argparse.Namespace) -> int:
    """``kws stream-test``."""
    from kws.evaluation.stream import audio as stream_audio
    from kws.evaluation.stream import plots as stream_plots
    from kws.evaluation.stream import run as test
    from kws.evaluation.stream import soak
    from kws.files import require_place, write_atomic

    events = stream_audio.events_path(a.wav) if a.wav else None
    named = (a.save_spec, a.wav, events, a.json if a.json != "-" else None, a.plot)
    outputs = [Path(name).absolute() for name in named if name]
    for output in outputs:
        if outputs.count(output) > 1:
            beside = " (--wav FILE.wav also writes FILE.json)" if output.name == (events and events.name) else ""
            raise KwsError(f"{output} would be written twice{beside}; choose other names")
        require_place(output)
    model = Model.load(a.model)
    spec = _spec(a, model.require_info(), a.minutes or MINUTES)
    test.require_words(model, spec)
    if a.save_spec:
        spec.save(a.save_spec)
    if a.wav:
        with console.progress("writing the stream") as progress:
            stream_audio.write(spec, a.data, a.wav, progress)
    options = {"engine": a.engine, "tolerance_ms": a.tolerance}
    with console.progress("listening (pieces of ten minutes)") as progress:
        report = test.stream_test(model, spec, a.data, processes=a.jobs, progress=progress, **options)
    drift = None
    if a.soak_hours:
        with console.progress("noise (minutes)") as progress:
            drift = soak.soak(model, spec, a.data, a.soak_hours, progress=progress, **options)
    if a.json:
        values = {"model": str(a.model), **report.as_dict(), "soak": None if drift is None else drift.as_dict()}
        text = json.dumps(values) + "\n"
        if a.json == "-":
            sys.stdout.write(text)
        else:
            write_atomic(a.json, text)
    if a.json != "-":
        _print_report(report, spec)
        if drift is not None:
            _print_soak(drift)
    if a.plot:
        stream_plots.save(report, a.plot)
    return 0


def _spec(a: argparse.Namespace, info: ModelInfo, minutes: float) -> StreamSpec:
    """The stream that the options describe, or the one of ``--spec``."""
    from kws.evaluation.clip.accuracy import data_config
    from kws.evaluation.stream import spec as stream_spec

    if a.spec is not None:
        clash = [f"--{name}" for name in _DRAWN if getattr(a, name) is not None]
        if clash:
            raise KwsError(f"--spec says already what {', '.join(clash)} would; give one or the other")
        spec = stream_spec.StreamSpec.load(a.spec)
        stream_spec.check(spec, a.data)
        return spec
    given = {"snr_db": a.snr, "rate": a.rate, "seed": a.seed}
    settings = {name: value for name, value in given.items() if value is not None}
    split = SPLITS[a.split or "validation"]
    return stream_spec.describe(a.data, data_config(info), minutes=minutes, split=split, **settings)


# Recordings shown of those that failed; JSON has them all.
_WORST = 8
_COLUMNS = ("", "hours", "missed", "of", "miss rate", "false/h", "latency", "p90")


def _row(name: str, r: Rates) -> tuple[str, ...]:
    latency, slow = (("-" if x is None else f"{x:.0f} ms") for x in (r.latency_ms, r.latency_p90_ms))
    counts = (str(r.misses), str(r.said), _percent(r.miss_rate))
    return (name, f"{r.hours:.1f}", *counts, f"{r.false_accepts_per_hour:.2f}", latency, slow)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _print_report(report: StreamReport, spec: StreamSpec) -> None:
    from kws.evaluation.stream.run import GOOD_SNR_DB
    from kws.evaluation.stream.score import CAUSES
    from kws.evaluation.stream.spec import snr_name

    rows = [_row(snr_name(snr), report.at(i)) for i, snr in enumerate(report.snr_db)]
    rows.append(_row("all", report.own()))
    good = report.conditions(GOOD_SNR_DB)
    if 0 < len(good) < len(report.snr_db):
        rows.append(_row(">= 10 dB", report.own(GOOD_SNR_DB)))
    console.table(_COLUMNS, rows, f"the model's settings: {_describe(report.detector)}")
    own = report.own()
    causes = zip(CAUSES, own.causes, strict=True)
    console.table(("false accepts in", "count", "an hour"), [(c, str(n), f"{n / own.hours:.2f}") for c, n in causes])
    words = []
    for i, word in enumerate(report.words):
        r = report.own(word=i)
        words.append((word, str(r.misses), str(r.said), _percent(r.miss_rate), f"{r.false_accepts_per_hour:.2f}"))
    console.table(("word", "missed", "of", "miss rate", "false/h"), words)
    det = []
    for budget in (0.1, 0.5, 1.0, 2.0, 5.0, 10.0):
        best = report.best(budget, GOOD_SNR_DB if good else float("-inf"))
        if best is not None and best.miss_rate is not None:
            latency = "-" if best.latency_ms is None else f"{best.latency_ms:.0f} ms"
            det.append((f"{budget:g}", _percent(best.miss_rate), f"{best.false_accepts_per_hour:.2f}", latency))
    where = "10 dB or better" if good else "all"
    if det:
        console.table(
            ("at most false/h", "miss rate", "false/h", "latency"), det, f"thresholds moved together, {where}"
        )
    _print_recordings(report)
    unwanted = int(report.tally.unwanted.sum())
    console.out.print(
        f"{report.split} speakers: {own.said} wanted and {unwanted} other words from"
        f" {report.distinct[0]} and {report.distinct[1]} recordings, seed {report.seed};"
        f" a word counts until {report.tolerance_ms:g} ms after its end",
        markup=False,
    )
    if not spec.noise:
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


def _of(title: str, recordings: list[Any]) -> str:
    return f"{title}: {min(_WORST, len(recordings))} of {len(recordings)} recordings"


def _print_soak(drift: Soak) -> None:
    rows = [_row("after 1 min", drift.before), _row(f"after {drift.hours:g} h", drift.after)]
    console.table(_COLUMNS, rows, "drift: the same words")
    console.out.print(
        f"{drift.different} of {drift.posteriors} posteriors differ, by up to {drift.greatest:.3f};"
        f" {drift.false_accepts} false accepts in the noise"
    )


def _describe(d: DetectorConfig) -> str:
    low, high = min(d.word_thresholds or (d.threshold,)), max(d.word_thresholds or (d.threshold,))
    shown = f"threshold {low:g}" if low == high else f"thresholds {low:g} to {high:g}"
    return f"{d.average_frames} frames, {shown}, cool-down {d.cooldown_frames} frames"


def tune(a: argparse.Namespace) -> int:
    """``kws tune``."""
    from kws.evaluation.stream import tuning
    from kws.files import require_place

    out = a.out or (a.model / MODEL if a.model.is_dir() else a.model)
    require_place(out)
    model = Model.load(a.model)
    info = model.require_info()
    spec = _spec(a, info, a.minutes or tuning.enough_minutes(a.budget))
    with console.stages() as progress:
        result = tuning.tune(
            model,
            spec,
            a.data,
            a.budget,
            engine=a.engine,
            tolerance_ms=a.tolerance,
            latency_ms=a.latency,
            processes=a.jobs,
            progress=progress,
        )
    content = with_detector(model, result.detector, result.introduced())
    save(content, out)
    if result.scarce:
        allowed = result.budget * result.hours
        console.messages.print(
            f"kws: warning: {result.hours:.1f} hours allow {allowed:.1f} false accepts, so chance decided;"
            f" --minutes {tuning.enough_minutes(a.budget):.0f} would do better"
        )
    if a.json:
        values: dict[str, Any] = {"model": str(out), "id": Model.from_bytes(content).id, **result.as_dict()}
        console.print_json(values)
        return 0
    rows = [_row("before", result.old), _row("tuned", result.tuned)]
    if result.held_out is not None:
        rows.append(_row("other speakers" if result.other_speakers else "other takes", result.held_out))
    rows.append(_row("fresh stream", result.fresh))
    console.table(_COLUMNS, rows, f"budget: {result.budget:g} false accepts per hour over all words")
    words = info.labels[info.first_word :]
    pairs = zip(words, result.detector.word_thresholds, strict=True)
    console.out.print(", ".join(f"{w} {t:.3f}" for w, t in pairs))
    if result.held_out is None:
        console.out.print("too few recordings to tune on some speakers and try on others: expect less in life")
    elif result.other_speakers:
        console.out.print("the row of other speakers is the one to expect")
    else:
        console.out.print("no half of the speakers says every word, so takes were halved: expect less of strangers")
    console.out.print(f"{out}: {_describe(result.detector)}", markup=False)
    return 0


def options(p: argparse.ArgumentParser, minutes: str) -> None:
    """The options that describe a stream, which both verbs take."""
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder of word folders")
    p.add_argument("--minutes", type=_minutes, metavar="N", help=f"length of the stream (default: {minutes})")
    p.add_argument("--split", choices=list(SPLITS), help="whose speakers are heard (default: validation)")
    p.add_argument("--seed", type=_seed, help="of the stream (default: 1)")
    p.add_argument(
        "--snr",
        type=snr_list,
        metavar="S,S,...",
        help="signal-to-noise ratios in dB (default: clean,20,10); --snr=-5,0 for negative ones",
    )
    p.add_argument("--rate", type=_positive, metavar="N", help="words a minute in stretches with words (default: 20)")
    p.add_argument("--spec", type=Path, metavar="FILE.json", help="rebuild the stream of a specification instead")
    p.add_argument(
        "--tolerance", type=_positive, default=750.0, metavar="MS", help="how long after its end a word may be detected"
    )
    p.add_argument("--jobs", type=_jobs, metavar="N", help="processes (default: one a core)")


def soak_options(p: argparse.ArgumentParser) -> None:
    """The option of `kws stream-test` that tries whether anything drifts."""
    p.add_argument(
        "--soak-hours", type=_positive, metavar="H", help="also the same words before and after H hours of noise"
    )


def budget_options(p: argparse.ArgumentParser) -> None:
    """What `kws tune` aims at."""
    p.add_argument(
        "--budget", type=_positive, default=1.0, metavar="N", help="false accepts per hour, over all words together"
    )
    p.add_argument(
        "--latency", type=_positive, default=250.0, metavar="MS", help="greatest median latency, if it can be kept"
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"must be a number from 0.001 to 1000000, not {text!r}")
    return value


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"must be minutes, 0.5 or more, not {text!r}")
    return value


def _natural(text: str, lowest: int) -> int:
    if not text.isdecimal() or int(text) < lowest:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {lowest}, not {text!r}")
    return int(text)


def _seed(text: str) -> int:
    return _natural(text, 0)


def _jobs(text: str) -> int:
    return _natural(text, 1)
