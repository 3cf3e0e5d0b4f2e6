"""``kws tune``: thresholds for a budget of false accepts per hour."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kws.cli import console, exit_codes, negatives, phrase_streams, streams
from kws.cli.options import add_engine, add_json, add_model, model_place, on_cluster, positive_number
from kws.errors import CheckError
from kws.evaluation import limits
from kws.evaluation.stream import tuning
from kws.evaluation.stream.spec import DESK, ROOM
from kws.evaluation.stream.tuned import EXCESS, Tuning, enough_minutes
from kws.evaluation.stream.tuning import LATENCY_MS
from kws.files import require_place
from kws.model.file import Model, save, with_detector

BOTH = "both"
_DESK_MINUTES = 120.0


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws tune``."""
    add_model(parser)
    streams.add_scene(parser, "both: the budget is per hour of the room, missed words count in both", (BOTH,))
    streams.add_options(parser, "enough for ten false accepts; of the desk beside the room at most two hours")
    parser.add_argument(
        "--budget",
        type=positive_number,
        default=1.0,
        metavar="N",
        help="false accepts per hour, over all words together",
    )
    parser.add_argument(
        "--latency",
        type=positive_number,
        default=LATENCY_MS,
        metavar="MS",
        help="greatest median latency, if it can be kept",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.tflite", help="the tuned model to write (default: MODEL itself)"
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help=f"write thresholds that miss the budget by more than {EXCESS:g} times on what they were not chosen on",
    )
    parser.add_argument(
        "--phrases",
        action="store_true",
        help="tune the phrases' thresholds instead of the words', each phrase for the whole budget, on the desk; no"
        " phrase may be reported in the folders of --speech, which need transcripts",
    )
    add_engine(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws tune``."""
    if a.phrases:
        return phrase_streams.tune(a)
    out = model_place(a)
    require_place(out)
    model = Model.load(a.model)
    info = model.require_info()
    length = a.minutes or enough_minutes(a.budget)
    scene = a.scene or BOTH
    if scene == DESK:
        streams.scene_of(a)
    spec = streams.spec(a, info, DESK if scene == DESK else ROOM, length)
    desk = None
    if scene == BOTH and a.spec is None:
        desk = streams.spec(a, info, DESK, min(length, _DESK_MINUTES))
    with on_cluster(a), console.stages() as progress:
        result = tuning.tune(
            model,
            spec,
            a.data,
            a.budget,
            streams.run_options(a),
            desk=desk,
            latency_ms=a.latency,
            progress=progress,
        )
    content = with_detector(model, result.detector, result.provenance())
    written = a.anyway or not result.missed()
    if written:
        save(content, out)
    if result.scarce:
        allowed = result.budget * result.hours
        console.messages.print(
            f"kws: warning: {result.hours:.1f} hours allow {allowed:.1f} false accepts, so chance decided;"
            f" --minutes {enough_minutes(a.budget):.0f} would do better"
        )
    scope = limits.scope_of_stream(info, info.data, a.data, spec)
    unknown = limits.sentences(scope, result.negatives, *streams.heard(a, info, spec, result.sources))
    if a.json:
        values: dict[str, Any] = {"model": str(out), "id": Model.from_bytes(content).id, "written": written}
        console.print_json(values | result.as_dict() | {"scope": scope.as_dict(), "limits": unknown})
    else:
        _print(result, info.words)
        negatives.show_limits(unknown)
        if written:
            console.out.print(f"{out}: {streams.describe(result.detector)}", markup=False)
    if not written:
        raise CheckError(_refusal(result, out))
    return exit_codes.OK


def _print(result: Tuning, words: tuple[str, ...]) -> None:
    rows = [streams.row("before", result.old), streams.row("tuned", result.tuned)]
    if result.old_desk is not None and result.desk is not None:
        rows = [
            streams.row("room, before", result.old),
            streams.row("room, tuned", result.tuned),
            streams.row("desk, before", result.old_desk),
            streams.row("desk, tuned", result.desk),
        ]
    if result.held_out is not None:
        rows.append(streams.row(result.held_out_name, result.held_out))
    rows.append(streams.row("fresh stream", result.fresh))
    total = result.negatives.total
    found = (str(total.false_accepts), negatives.rate(total.per_hour), negatives.rate(total.most_per_hour))
    rows.append(("negatives", f"{total.hours:.2f}", *"----", *found, *"--"))
    console.table(streams.COLUMNS, rows, f"budget: {result.budget:g} false accepts per hour of the {result.scene}")
    pairs = zip(words, result.detector.word_thresholds, strict=True)
    console.out.print(", ".join(f"{w} {t:.3f}" for w, t in pairs))
    if result.sources:
        negatives.show_sources(result.sources, "the room, by source, as tuned")
    negatives.show(result.negatives)
    before = result.old_negatives.total
    console.out.print(
        f"before, it was {negatives.rate(before.per_hour)} false accepts per hour on these negatives"
        f" ({before.false_accepts}; at most {negatives.rate(before.most_per_hour)})"
    )
    if result.held_out is None:
        console.out.print("too few recordings to tune on some speakers and try on others: expect less in life")
    elif result.other_speakers:
        console.out.print("the row of other speakers is the one to expect")
    else:
        console.out.print("no half of the speakers says every word, so takes were halved: expect less of strangers")


def _refusal(result: Tuning, out: Path) -> str:
    shown = ", ".join(f"{name} {rate:.1f}" for name, rate in result.missed().items())
    return (
        f"{out} is not written: the thresholds make more than {EXCESS:g} times the budget of {result.budget:g} false"
        f" accepts per hour ({shown}); record more takes and other words, train with more negatives, or allow a larger"
        " --budget; --anyway writes them"
    )
