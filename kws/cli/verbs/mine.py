"""``kws mine``: hours of recordings through a model, and what fires as negatives."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from kws.cli import console, exit_codes
from kws.cli.negatives import rate
from kws.cli.options import (
    SPLITS,
    add_cluster,
    add_engine,
    add_json,
    add_model,
    add_out_folder,
    jobs,
    on_cluster,
    positive_number,
    probability,
    whole,
)
from kws.engines import fastest
from kws.mining import folder
from kws.mining.folder import Mined, Mining
from kws.mining.hearing import KINDS, Hearing
from kws.model.file import Model


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws mine``."""
    add_model(parser)
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="a folder of recordings, with or without transcripts, folders in it too; may be given several times",
    )
    add_out_folder(parser)
    parser.add_argument("--split", choices=SPLITS, default="train", help="which recordings; what judges is not mined")
    parser.add_argument(
        "--threshold", type=probability, metavar="P", help="at which every word fires (default: the model's own)"
    )
    parser.add_argument(
        "--as",
        dest="form",
        choices=folder.FORMS,
        default=folder.SPEECH,
        help="negatives as other speech with transcripts, or as clips in a word folder",
    )
    parser.add_argument("--before", type=positive_number, default=2.0, metavar="S", help="seconds kept before it fires")
    parser.add_argument("--after", type=positive_number, default=1.0, metavar="S", help="seconds kept afterwards")
    parser.add_argument(
        "--most", type=whole(1, 10_000_000), metavar="N", help="negatives, the highest scores (default: all)"
    )
    add_engine(parser)
    parser.add_argument("--jobs", type=jobs, metavar="N", help="processes, at most 256 (default: one a core)")
    add_cluster(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws mine``."""
    began = time.monotonic()
    model = Model.load(a.model)
    hearing = Hearing(a.engine or fastest(), a.threshold, a.before, a.after)
    with on_cluster(a), console.progress("listening (recordings)") as progress:
        mined = folder.mine(model, a.data, a.out, Mining(hearing, a.form, SPLITS[a.split], a.most, a.jobs), progress)
    seconds = time.monotonic() - began
    if a.json:
        console.print_json(_values(mined, a.out) | {"wall_seconds": seconds})
    else:
        _print(mined, a.out, seconds)
    return exit_codes.OK


def _values(mined: Mined, out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "hours": mined.hours,
        "usable_hours": mined.usable_hours,
        "recordings": mined.recordings,
        "with_transcripts": mined.transcribed,
        "fired": {kind: mined.fired.get(kind, 0) for kind in KINDS},
        "kept": {kind: sum(row.cut.kind == kind for row in mined.rows) for kind in KINDS},
        "near_duplicates": mined.dropped,
        "false_accepts_per_hour": mined.per_hour,
        "at_most_per_hour": mined.most_per_hour,
    }


def _print(mined: Mined, out: Path, seconds: float) -> None:
    kept = {kind: sum(row.cut.kind == kind for row in mined.rows) for kind in KINDS}
    rows = [(kind, str(mined.fired.get(kind, 0)), str(kept[kind])) for kind in KINDS]
    console.table(("", "fired", "kept"), rows)
    console.out.print(
        f"{mined.recordings} recordings, {mined.hours:.2f} hours, {mined.usable_hours:.2f} of them in which no"
        f" word is known to be said: {rate(mined.per_hour)} false accepts per hour"
        f" (95 % limit {rate(mined.most_per_hour)}); {mined.dropped} near-duplicates dropped"
    )
    if mined.transcribed < mined.recordings:
        console.out.print(
            f"{mined.recordings - mined.transcribed} recordings have no transcripts: a word may really be said there;"
            " listen before you train"
        )
    console.out.print(f"{mined.hours / (seconds / 60):.1f} hours of audio a minute")
    console.out.print(f"{out / folder.PAGE}: to listen to; {out / folder.NEGATIVES}: to train with")
