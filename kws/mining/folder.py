"""Mining into a folder: begun work goes on, near-duplicates go, a table and a page say what is left."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws import audio, workers
from kws.config import UNKNOWN
from kws.datasets import negatives, roles, transcripts, unfinished
from kws.datasets.roles import Recording
from kws.datasets.splits import LISTS, VALIDATION, speaker_of
from kws.datasets.transcripts import Stretch
from kws.engines import create
from kws.errors import KwsError
from kws.evaluation.poisson import most_per_hour
from kws.files import parse_json, write_atomic
from kws.mining import page
from kws.mining.hearing import FALSE, Cut, Heard, Hearing, Listener, Source
from kws.model.file import Model
from kws.text import decoded
from kws.types import Floats, Progress

TABLE, PAGE, NEGATIVES, TO_CHECK = transcripts.MINED, "index.html", "negatives", "to-check"
SPEECH, WORDS = FORMS = ("speech", "unknown")
COLUMNS = ("file", "kind", "heard_as", "score", "source", "at_s", "start_s", "end_s", "copies", "text")
ALIKE = 0.96
"""Cosine of two prints (`kws.mining.hearing.Cut`) from which on they are the same recording."""
# About a minute of compressed speech; a WAV file of five minutes is a job of its own.
_JOB_BYTES = 10_000_000
_JOB_FILES = 200


@dataclass(frozen=True)
class Mining:
    """What to mine, and into what.

    Attributes:
        hearing: how to listen.
        form: ``speech``: negatives are continuous cuts with transcripts; ``unknown``: they are clips of
            the model's length, in a word folder.
        split: whose recordings: ``training``, ``validation``, ``testing`` or ``all``.
        most: how many negatives to keep at most, those with the highest scores.
        processes: how many; all cores if None. No result depends on it.
    """

    hearing: Hearing = dataclasses.field(default_factory=Hearing)
    form: str = SPEECH
    split: str = "training"
    most: int | None = None
    processes: int | None = None


@dataclass(frozen=True)
class Row:
    """A cut that was kept, as the table has it.

    Attributes:
        file: relative to the folder, with ``/``.
        cut: without its samples.
        seconds: its length.
        copies: how many near-duplicates of it were dropped.
    """

    file: str
    cut: Cut
    seconds: float
    copies: int = 0


@dataclass(frozen=True)
class Mined:
    """What mining gave.

    Attributes:
        rows: what was kept, highest scores first.
        hours: heard.
        usable_hours: of them, without stretches in which a word is said or that nobody wrote down.
        fired: detections, by kind.
        dropped: near-duplicates.
        recordings: how many were heard.
        transcribed: how many of them are in folders with transcripts.
    """

    rows: tuple[Row, ...]
    hours: float
    usable_hours: float
    fired: dict[str, int]
    dropped: int
    recordings: int
    transcribed: int

    @property
    def per_hour(self) -> float | None:
        """False accepts per usable hour; None if there is none."""
        return self.fired.get(FALSE, 0) / self.usable_hours if self.usable_hours else None

    @property
    def most_per_hour(self) -> float | None:
        """The 95 % upper limit that their count allows (`kws.evaluation.poisson.most_per_hour`)."""
        return most_per_hour(self.fired.get(FALSE, 0), self.usable_hours)


def find(folders: Sequence[Path], model: Model, split: str) -> list[Source]:
    """The recordings of folders, in order.

    Raises:
        KwsError: a folder is missing, empty, given twice, or for evaluation alone; nothing is in the split.
    """
    negatives.refuse_to_train(folders)
    data = model.require_info().data
    listed = roles.everything(roles.Folders(speech=tuple(folders)), data)
    sources = []
    for folder in folders:
        table = transcripts.read(folder) if (folder / transcripts.NAME).exists() else []
        by_file: dict[str, list[Stretch]] = {}
        for stretch in table:
            by_file.setdefault(stretch.file, []).append(stretch)
        sources += [
            Source(decoded(folder.resolve().name), r, tuple(by_file.get(r.name, _take(r, data.words))), bool(table))
            for r in roles.speech(folder, data)
            if split in ("all", r.split)
        ]
    if not sources:
        raise KwsError(f"none of the {len(listed)} recordings is in the {split} split; --split takes another, or all")
    return sources


def _take(recording: Recording, words: Sequence[str]) -> tuple[Stretch, ...]:
    """What a take of a word to spot says, as a transcript would have it."""
    word = roles.word_of_folder(recording.name, words)
    return () if word is None else (Stretch(recording.name, 0.0, roles.WHOLE, word, ()),)


def mine(model: Model, folders: Sequence[Path], out: Path, mining: Mining, progress: Progress | None = None) -> Mined:
    """Hear recordings and write a folder of what fires.

    The folder appears when it is complete; interrupted, the same call goes on. In it, ``negatives`` is
    to be trained with: other speech, or a folder of unknown words. ``to-check`` holds what is no sure false accept.
    ``mined.tsv`` and ``index.html`` list both. The result does not depend on the processes.

    Args:
        model: the model, with its metadata.
        folders: of recordings in which the words are not said, or whose transcripts say where they are.
        out: a folder that does not exist yet.
        mining: how.
        progress: called with (recordings done, in total).

    Raises:
        KwsError: ``out`` exists or another is making it, a recording cannot be read, or as `find`.
    """
    unfinished.require_absent(out)
    sources = find(folders, model, mining.split)
    hearing = _hearing(mining, model)
    # What an engine needs is built, or found missing, once.
    create(hearing.engine, model).close()
    with unfinished.making(out, _settings(model, sources, mining)) as partial:
        kept = partial / unfinished.ROWS
        jobs = _jobs(sources)
        open_jobs = [job for job in jobs if not (kept / f"{job[0]:06}.json").exists()]
        done = len(sources) - sum(map(len, open_jobs))
        for name in (NEGATIVES, TO_CHECK):
            (partial / name).mkdir(exist_ok=True)
        with closing(workers.run(Listener(model, sources, hearing), open_jobs, mining.processes)) as results:
            for job, heard in results:
                _keep(partial, kept / f"{job[0]:06}.json", heard, mining.form)
                done += len(job)
                if progress is not None:
                    progress(done, len(sources))
        mined = _gathered(partial, [kept / f"{job[0]:06}.json" for job in jobs], sources, mining)
        _write(partial, mined, model, mining.form)
    return mined


def _hearing(mining: Mining, model: Model) -> Hearing:
    if mining.form == SPEECH:
        return mining.hearing
    # A clip of the model's length, at whose end the word has just fired.
    after = 0.1
    before = model.require_info().data.clip_ms / 1000 - after
    return dataclasses.replace(mining.hearing, before=before, after=after)


def _settings(model: Model, sources: Sequence[Source], mining: Mining) -> dict[str, Any]:
    files = [[s.name, *_stamp(s.recording.path), [dataclasses.astuple(x) for x in s.stretches]] for s in sources]
    digest = hashlib.sha256(json.dumps(files).encode(errors="surrogateescape")).hexdigest()
    values = dataclasses.asdict(mining) | {"processes": None}
    return {"model": model.id, "files": digest, **values}


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _jobs(sources: Sequence[Source]) -> list[tuple[int, ...]]:
    """Indices of recordings, in jobs of some seconds each; they depend on the recordings alone."""
    jobs: list[tuple[int, ...]] = []
    job: list[int] = []
    size = 0
    for index, source in enumerate(sources):
        job.append(index)
        size += source.recording.path.stat().st_size
        if size >= _JOB_BYTES or len(job) >= _JOB_FILES:
            jobs.append(tuple(job))
            job, size = [], 0
    return [*jobs, tuple(job)] if job else jobs


def _place(cut: Cut, form: str) -> str:
    """Where a cut's file goes; its name begins with the speaker's, as the splits read it."""
    source = hashlib.sha256(cut.source.encode(errors="surrogateescape")).hexdigest()[:6]
    label = re.sub(r"\W+", "-", cut.label).strip("-")
    speaker = re.sub(r"\W+", "-", decoded(speaker_of(Path(cut.source)))).strip("-")
    name = f"{speaker or 'nobody'}_nohash_{source}-{round(cut.at * 1000):08}-{label}.flac"
    if cut.kind != FALSE:
        return f"{TO_CHECK}/{name}"
    # The folder ``train`` keeps other speech out of validation, as a list does clips.
    return f"{NEGATIVES}/{'train' if form == SPEECH else UNKNOWN}/{name}"


def _keep(partial: Path, rows: Path, heard: Heard, form: str) -> None:
    """Write a job's cuts, then its row file, which says that it is done."""
    values = []
    for cut in heard.cuts:
        place = _place(cut, form)
        audio.write(partial / place, cut.pcm)
        told = {f.name: getattr(cut, f.name) for f in dataclasses.fields(cut) if f.name not in ("print", "pcm")}
        packed = base64.b64encode(cut.print.astype("<f2").tobytes()).decode()
        values.append({"file": place, "seconds": cut.seconds, "print": packed, "cut": told})
    write_atomic(rows, json.dumps({"seconds": heard.seconds, "usable": heard.usable, "cuts": values}))


def _read(rows: Path) -> tuple[list[Row], float, float]:
    try:
        values = parse_json(rows.read_text(encoding="utf-8"))
        found = []
        for one in values["cuts"]:
            shape = np.frombuffer(base64.b64decode(one["print"]), "<f2").astype(np.float32)
            cut = Cut(**one["cut"], print=shape, pcm=np.zeros(0, np.int16))
            found.append(Row(one["file"], cut, one["seconds"]))
        return found, values["seconds"], values["usable"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KwsError(f"{rows} is damaged ({error}); delete {rows.parent.parent} and mine again") from error


def _gathered(partial: Path, files: Sequence[Path], sources: Sequence[Source], mining: Mining) -> Mined:
    rows: list[Row] = []
    seconds = usable = 0.0
    for path in files:
        found, length, clear = _read(path)
        rows += found
        seconds += length
        usable += clear
    fired = Counter(row.cut.kind for row in rows)
    rows.sort(key=lambda row: (-row.cut.score, row.file))
    left = unlike(rows)
    if mining.most is not None:
        best = {row.file for row in [row for row in left if row.cut.kind == FALSE][: mining.most]}
        left = [row for row in left if row.cut.kind != FALSE or row.file in best]
    names = {row.file for row in left}
    for row in rows:
        if row.file not in names:
            (partial / row.file).unlink(missing_ok=True)
    return Mined(
        tuple(left),
        seconds / 3600,
        usable / 3600,
        dict(fired),
        sum(row.copies for row in left),
        len(sources),
        sum(s.transcribed for s in sources),
    )


def unlike(rows: Sequence[Row]) -> list[Row]:
    """Drop near-duplicates: of rows alike that were heard as the same word, the first stays and counts the others.

    Alike are those whose prints have a cosine of :data:`ALIKE` or more: the same recording at another level, in
    another format or file.
    """
    kept: list[Row] = []
    copies: Counter[int] = Counter()
    prints: dict[tuple[str, str], _Prints] = {}
    for row in rows:
        known = prints.setdefault((row.cut.kind, row.cut.label), _Prints())
        like = known.nearest(row.cut.print)
        if like is not None:
            copies[like] += 1
            continue
        known.add(row.cut.print, len(kept))
        kept.append(row)
    return [dataclasses.replace(row, copies=copies[i]) for i, row in enumerate(kept)]


class _Prints:
    """Prints of rows, in an array that grows by doubling."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._prints: Floats = np.zeros((0, 0), np.float32)

    def add(self, one: Floats, row: int) -> None:
        count = len(self._rows)
        if count == len(self._prints):
            grown = np.zeros((max(2 * count, 16), len(one)), np.float32)
            grown[:count] = self._prints[:count] if count else 0
            self._prints = grown
        self._prints[count] = one
        self._rows.append(row)

    def nearest(self, one: Floats) -> int | None:
        """The row most alike, if it is alike enough."""
        if not self._rows:
            return None
        likeness = self._prints[: len(self._rows)] @ one
        best = int(likeness.argmax())
        return self._rows[best] if likeness[best] >= ALIKE else None


def _write(partial: Path, mined: Mined, model: Model, form: str) -> None:
    false = [row for row in mined.rows if row.cut.kind == FALSE]
    if form == SPEECH:
        folder = partial / NEGATIVES
        said = [Stretch(row.file.partition("/")[2], 0.0, row.seconds, row.cut.text, (), row.cut.voice) for row in false]
        transcripts.write(folder, sorted(said, key=lambda s: s.file))
    else:
        # An empty list still says that the rest is for training.
        write_atomic(partial / NEGATIVES / LISTS[VALIDATION], "")
    write_atomic(partial / TABLE, _table(mined.rows))
    write_atomic(partial / PAGE, page.render(mined, model))


def _table(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    table.writerow(COLUMNS)
    table.writerows(_cells(row) for row in rows)
    return out.getvalue()


def _cells(row: Row) -> Iterator[str]:
    cut = row.cut
    times = (cut.at, cut.start, cut.start + row.seconds)
    cells = (row.file, cut.kind, cut.label, f"{cut.score:.3f}", cut.source, *(f"{t:.2f}" for t in times))
    for cell in (*cells, str(row.copies), cut.text):
        yield " ".join(decoded(cell).split())
