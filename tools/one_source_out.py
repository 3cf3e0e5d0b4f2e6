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
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import equal_misses

from kws import audio, config
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import roles, transcripts
from kws.datasets.clips import is_synthetic
from kws.datasets.roles import Folders, Recording
from kws.datasets.splits import TRAINING, VALIDATION
from kws.evaluation.poisson import most_per_hour
from kws.files import write_atomic
from kws.model.file import Model

EVALUATION = "heard.json"
ALL = "all"
_SPLIT_FOLDERS = {TRAINING: "train", VALIDATION: "validation"}


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
    others, left_out = out / "others", out / "left-out"

    def where(recording: Recording) -> tuple[Path, str]:
        if recording.source == source:
            return left_out, VALIDATION
        return others, TRAINING if recording.split == TRAINING else VALIDATION

    link(folders, data, (others, left_out), where)
    return others, left_out


def link(
    folders: Sequence[Path],
    data: DataConfig,
    out: Sequence[Path],
    where: Callable[[Recording], tuple[Path, str] | None],
) -> None:
    """Make folders of links to recordings of speech, with what is said in them.

    Args:
        folders: of other speech.
        data: the words to spot, and how speakers are split.
        out: the folders to make anew.
        where: which of them a recording goes to and to which split, or None.

    Raises:
        KwsError: as `kws.datasets.roles.speech`.
    """
    tables: dict[Path, list[transcripts.Stretch]] = {folder: [] for folder in out}
    for folder in out:
        shutil.rmtree(folder, ignore_errors=True)
    for number, folder in enumerate(folders):
        told: dict[str, list[transcripts.Stretch]] = {}
        if (folder / transcripts.NAME).exists():
            for stretch in transcripts.read(folder):
                told.setdefault(stretch.file, []).append(stretch)
        for r in roles.speech(folder, data):
            goes = where(r)
            if goes is None:
                continue
            place = Path(_SPLIT_FOLDERS[goes[1]], r.source, f"{number}_{r.path.name}")
            target = goes[0] / place
            target.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(r.path.resolve(), target)
            # What a recogniser heard is as good as a transcript for leaving out.
            name = place.as_posix()
            voice = next((s.voice for s in told.get(r.name, []) if s.voice), "")
            spans = [transcripts.Stretch(name, a, b, data.words[0], (), voice) for a, b in r.said]
            spans += [transcripts.Stretch(name, a, b, "", (roles.UNKNOWN_TEXT,), voice) for a, b in r.doubtful]
            tables[goes[0]].extend(spans or [transcripts.Stretch(name, 0, 0, "", (), voice)])
    for folder, table in tables.items():
        folder.mkdir(parents=True, exist_ok=True)
        transcripts.write(folder, table)


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


def table(pooled: Mapping[str, Heard], averages: Sequence[float], first: str = "left out") -> str:
    """Counts and rates as Markdown; ``first`` heads the column of the names."""
    lines = [
        f"| {first} | hours | " + " | ".join(f"{a:g} ms" for a in averages) + " |",
        "|---" * (2 + len(averages)) + "|",
    ]
    for name, heard in pooled.items():
        rates = (
            f"{n}: {n / heard.hours:.1f} (at most {most_per_hour(n, heard.hours):.1f})" for n in heard.false_accepts
        )
        lines.append(f"| {name} | {heard.hours:.2f} | {' | '.join(rates)} |")
    return "\n".join(lines)


def trained(a: argparse.Namespace, out: Path, folders: Callable[[], tuple[Path | None, Path]]) -> Heard:
    """Train on one folder of speech and listen to another; what is done already is read.

    Args:
        a: the arguments of `parser_of`.
        out: folder of the run and of what it heard.
        folders: makes the folder to train on, None for no speech, and the one to listen to.
    """
    report = out / EVALUATION
    if not report.exists():
        speech, judge = folders()
        given = [*(x for d in a.noise for x in ("--noise", d)), *(x for d in a.rooms for x in ("--rooms", d))]
        given += ["--speech", speech] if speech else []
        words = [x for d in a.data for x in ("--data", d)]
        _kws("train", a.config, *words, *given, "--out", out / "run", *a.train.split())
        _kws("convert", out / "run")
        heard = hear(out / "run", a.data[0], Folders(speech=(judge,), noise=tuple(a.noise)), a.averages_ms, a.missed)
        write_atomic(report, json.dumps(asdict(heard)) + "\n")
    values = json.loads(report.read_text(encoding="utf-8"))
    return Heard(values["hours"], tuple(values["false_accepts"]))


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser of a training, its folders and what it is judged by."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", metavar="CONFIG", help="settings of the training, a file or the name of one")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="DIR", help="folder of words")
    for name in ("speech", "noise", "rooms"):
        parser.add_argument(f"--{name}", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    equal_misses.add_comparison(parser)
    parser.add_argument("--train", default="", metavar="OPTIONS", help="more options of kws train, such as --teacher")
    return parser


def main() -> None:
    """Train without each source, and print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--least", type=float, default=5.0, metavar="MINUTES", help="of a source, to leave it out")
    a = parser.parse_args()
    data = config.load(Path(a.config)).data
    people = [r for folder in a.speech for r in spoken_by_people(folder, data)]
    every = sorted({r.source for r in people})
    sources = [s for s in every if minutes([r for r in people if r.source == s]) >= a.least]
    found: dict[str, Heard] = {}
    for source in sources:
        out = a.out / source
        found[source] = trained(a, out, functools.partial(leave_out, source, a.speech, data, out))
    text = table(pool(found), a.averages_ms)
    write_atomic(a.out / "pooled.md", text + "\n")
    print(text)


def _kws(*arguments: Any) -> None:
    subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
