"""Leave one source of speech out of a training in turn, count false accepts on it, and pool the counts.

A threshold is that at which a share of the validation words is missed (`tools/equal_misses.py`), for means of several
lengths.

A few minutes of validation speech show no low rate, and they come from the sources that were trained on. So:
for every source of the folders of other speech (`kws.datasets.roles`: the part of a file's name before the first
underscore, or its folder), a model is trained without any recording of it, and all of them, training recordings
too, are then listened to as validation. The pooled rate is that on sources nothing was trained on, over all hours.

    python tools/one_source_out.py CONFIG --data WORDS --speech DIR --noise DIR --rooms DIR --out DIR

It takes a training a source; one that is done is not done again. Sources that take fewer minutes than --least are
trained on by every model and not left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import equal_misses

from kws import audio, config
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import roles, transcripts
from kws.datasets.clips import is_synthetic
from kws.datasets.roles import Folders, Recording
from kws.datasets.splits import TRAINING
from kws.evaluation.poisson import most_per_hour
from kws.files import write_atomic
from kws.model.file import Model

EVALUATION = "left-out.json"
ALL = "all"


def minutes(recordings: Sequence[Recording]) -> float:
    """Minutes in which false accepts can be counted."""
    samples = 0
    for r in recordings:
        spans = roles.usable(r, round(audio.info(r.path).seconds * SAMPLE_RATE), doubtful=False)
        samples += sum(last - first for first, last in spans)
    return samples / SAMPLE_RATE / 60


def spoken_by_people(folder: Path, data: DataConfig) -> list[Recording]:
    """The recordings of a folder that are no synthetic voices', which nothing is measured on."""
    if is_synthetic(folder):
        return []
    told = transcripts.read(folder) if (folder / transcripts.NAME).exists() else []
    synthetic = {s.file for s in told if s.voice}
    return [r for r in roles.speech(folder, data) if r.name not in synthetic]


def leave_out(source: str, folders: Sequence[Path], data: DataConfig, out: Path) -> tuple[Path, Path]:
    """Make two folders of links: speech to train on without a source, and all speech of the source as validation.

    Recordings of other sources keep their split. The transcripts go with them.

    Args:
        source: to be left out.
        folders: of other speech.
        data: the words to spot, and how speakers are split.
        out: where the folders ``others`` and ``left-out`` are made anew.

    Returns:
        The two folders.

    Raises:
        KwsError: as `kws.datasets.roles.speech`.
    """
    both = out / "others", out / "left-out"
    tables: tuple[list[transcripts.Stretch], list[transcripts.Stretch]] = ([], [])
    for folder in both:
        shutil.rmtree(folder, ignore_errors=True)
    for number, folder in enumerate(folders):
        told: dict[str, list[transcripts.Stretch]] = {}
        if (folder / transcripts.NAME).exists():
            for stretch in transcripts.read(folder):
                told.setdefault(stretch.file, []).append(stretch)
        for r in roles.speech(folder, data):
            left = r.source == source
            place = Path("validation" if left or r.split != TRAINING else "train", r.source, f"{number}_{r.path.name}")
            link = both[left] / place
            link.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(r.path.resolve(), link)
            # What a recogniser heard is as good as a transcript for leaving out.
            name = place.as_posix()
            voice = next((s.voice for s in told.get(r.name, []) if s.voice), "")
            spans = [transcripts.Stretch(name, a, b, data.words[0], (), voice) for a, b in r.said]
            spans += [transcripts.Stretch(name, a, b, "", (roles.UNKNOWN_TEXT,), voice) for a, b in r.doubtful]
            tables[left].extend(spans or [transcripts.Stretch(name, 0, 0, "", (), voice)])
    for folder, table in zip(both, tables, strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        transcripts.write(folder, table)
    return both


@dataclass(frozen=True)
class Heard:
    """What a model made of a source that it did not learn from.

    Attributes:
        hours: of speech.
        false_accepts: for each length of the mean.
    """

    hours: float
    false_accepts: tuple[int, ...]


def hear(run: Path, data: Path, folders: Folders, averages: Sequence[float], missed: float) -> Heard:
    """Count the false accepts of a converted run on recordings of speech.

    Args:
        run: the run.
        data: folder of word folders, whose validation words set the thresholds.
        folders: the speech, and noise for the words.
        averages: lengths of the mean in milliseconds.
        missed: share of the words.
    """
    hours, rows = equal_misses.measure(Model.load(run), data, folders, averages, missed)
    return Heard(hours[roles.SPEECH], tuple(row.found[roles.SPEECH] for row in rows))


def pool(found: Mapping[str, Heard]) -> dict[str, Heard]:
    """What each source brought, and all of them together."""
    counts = zip(*(heard.false_accepts for heard in found.values()), strict=True)
    together = Heard(sum(heard.hours for heard in found.values()), tuple(map(sum, counts)))
    return {**found, ALL: together}


def table(pooled: Mapping[str, Heard], averages: Sequence[float]) -> str:
    """Counts and rates as Markdown."""
    lines = [
        "| left out | hours | " + " | ".join(f"{a:g} ms" for a in averages) + " |",
        "|---" * (2 + len(averages)) + "|",
    ]
    for name, heard in pooled.items():
        rates = (
            f"{n}: {n / heard.hours:.1f} (at most {most_per_hour(n, heard.hours):.1f})" for n in heard.false_accepts
        )
        lines.append(f"| {name} | {heard.hours:.2f} | {' | '.join(rates)} |")
    return "\n".join(lines)


def main() -> None:
    """Train without each source, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", metavar="CONFIG", help="settings of the training, a file or the name of one")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="DIR", help="folder of words")
    for name in ("speech", "noise", "rooms"):
        parser.add_argument(f"--{name}", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--least", type=float, default=5.0, metavar="MINUTES", help="of a source, to leave it out")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--averages-ms", type=float, nargs="+", default=equal_misses.AVERAGES_MS)
    parser.add_argument("--missed", type=float, default=equal_misses.MISSED, help="share of the words")
    parser.add_argument("--train", default="", metavar="OPTIONS", help="more options of kws train, such as --teacher")
    a = parser.parse_args()
    data = config.load(Path(a.config)).data
    people = [r for folder in a.speech for r in spoken_by_people(folder, data)]
    every = sorted({r.source for r in people})
    sources = [s for s in every if minutes([r for r in people if r.source == s]) >= a.least]
    found: dict[str, Heard] = {}
    for source in sources:
        out = a.out / source
        report = out / EVALUATION
        if not report.exists():
            others, left_out = leave_out(source, a.speech, data, out)
            given = [*(x for d in a.noise for x in ("--noise", d)), *(x for d in a.rooms for x in ("--rooms", d))]
            words = [x for d in a.data for x in ("--data", d)]
            _kws("train", a.config, *words, "--speech", others, *given, "--out", out / "run", *a.train.split())
            _kws("convert", out / "run")
            folders = Folders(speech=(left_out,), noise=tuple(a.noise))
            heard = hear(out / "run", a.data[0], folders, a.averages_ms, a.missed)
            write_atomic(report, json.dumps(asdict(heard)) + "\n")
        values = json.loads(report.read_text(encoding="utf-8"))
        found[source] = Heard(values["hours"], tuple(values["false_accepts"]))
    text = table(pool(found), a.averages_ms)
    write_atomic(a.out / "pooled.md", text + "\n")
    print(text)


def _kws(*arguments: Any) -> None:
    subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
