"""The recordings of a project: listed, shown, moved, and deleted so that it can be undone."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets.clips import BACKGROUND
from kws.datasets.splits import SUFFIXES, speaker_of
from kws.errors import KwsError
from kws.files import is_other, parse_json, write_atomic
from kws.frontends import LogMelConfig
from kws.live.record import next_take, take_path
from kws.live.takes import TakeCutter
from kws.studio import safe
from kws.studio.jobs import HIDDEN
from kws.studio.safe import Refused
from kws.types import Int8, Pcm

RECORDINGS, SYNTHETIC = "recordings", "synthetic"
FOLDERS = (RECORDINGS, SYNTHETIC)
LONGEST_SECONDS = 600
_POINTS = 240
_BLOCK = 1 << 16
# A recording of at most this length is one take; a longer one is many, or speech.
_ONE_TAKE_SECONDS = 2.0
TRASH = "trash"
_RECORD = "files.json"

# Two tabs, or a take that is cut while another is moved, must not get the same number.
_numbering = threading.Lock()
_listed: dict[str, tuple[int, list[str]]] = {}


def names(folder: Path) -> list[str]:
    """The recordings of a word's folder, read again when the folder has changed."""
    try:
        time = folder.stat().st_mtime_ns
        kept = _listed.get(str(folder))
        if kept is None or kept[0] != time:
            with os.scandir(folder) as entries:
                found = sorted(
                    e.name
                    for e in entries
                    if not e.name.startswith(".") and e.name.lower().endswith(SUFFIXES) and not is_other(e.path)
                )
            kept = _listed[str(folder)] = (time, found)
        return kept[1]
    except OSError:
        return []


def words(root: Path) -> dict[str, dict[str, int]]:
    """How many recordings there are, by folder and word."""
    found: dict[str, dict[str, int]] = {}
    for kind in FOLDERS:
        folder = root / kind
        if folder.is_dir():
            inner = sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
            found[kind] = {f.name: count for f in inner if (count := len(names(f)))}
    return found


def listing(root: Path, kind: str, word: str) -> list[dict[str, Any]]:
    """The recordings of one word: path, speaker and seconds, where the file can be read."""
    folder = safe.folder(root, kind, word)
    found = []
    for name in names(folder):
        entry: dict[str, Any] = {"path": f"{kind}/{word}/{name}", "speaker": speaker_of(name), "fault": ""}
        try:
            entry["seconds"] = round(audio.info(folder / name).seconds, 2)
        except KwsError as error:
            entry["seconds"], entry["fault"] = None, str(error)
        found.append(entry)
    return found


def picture(path: Path) -> dict[str, Any]:
    """A recording's log-mel spectrogram, int8 by frame as kws's front end makes it, and its outline.

    Raises:
        Refused: the recording cannot be read.
    """
    pcm = read(path)
    front = LogMelConfig()
    features: Int8 = front.twin().process(pcm[None])[0] if len(pcm) else np.zeros((0, front.bands), np.int8)
    size = max(1, -(-len(pcm) // _POINTS))
    padded = np.zeros(size * -(-len(pcm) // size), np.int32)
    padded[: len(pcm)] = pcm
    outline = np.abs(padded.reshape(-1, size)).max(axis=1) / 32768
    return {
        "seconds": len(pcm) / SAMPLE_RATE,
        "bands": front.bands,
        "features": features.tolist(),
        "outline": [round(float(v), 4) for v in outline],
        "peak": round(float(outline.max(initial=0)), 4),
    }


def read(path: Path, note: Callable[[str], None] | None = None) -> Pcm:
    """A recording of at most :data:`LONGEST_SECONDS`, int16 [samples]; ``note`` as of `kws.audio.blocks`.

    Raises:
        Refused: it cannot be read, or is longer.
    """
    parts, total = [np.zeros(0, np.int16)], 0
    try:
        for block in audio.blocks(path, _BLOCK, note):
            parts.append(block)
            total += len(block)
            if total > LONGEST_SECONDS * SAMPLE_RATE:
                raise Refused(413, f"longer than {LONGEST_SECONDS // 60} minutes; cut it into pieces")
    except KwsError as error:
        raise Refused(422, str(error).replace(str(path), path.name)) from None
    return np.concatenate(parts)


def keep(root: Path, word: str, speaker: str, pcm: Pcm) -> str:
    """Write a take after those that are there; returns its path in the project.

    Raises:
        KwsError: it cannot be written.
        Refused: the word's folder is a link out of the project.
    """
    with _numbering:
        path = _free(safe.folder(root, RECORDINGS, word), speaker, ".wav")
        audio.write(path, pcm)
    return path.relative_to(root).as_posix()


def take_in(root: Path, word: str, speaker: str, heard: Pcm) -> dict[str, Any]:
    """Import a recording: a short one as it is, of a longer one every word in it.

    Returns:
        The paths of the takes, and the reasons why others are none.

    Raises:
        KwsError: a take cannot be written.
        Refused: there is nothing to hear in it.
    """
    if len(heard) <= _ONE_TAKE_SECONDS * SAMPLE_RATE or word == BACKGROUND:
        return {"paths": [keep(root, word, speaker, heard)], "refused": []}
    cutter = TakeCutter()
    cuts = [*cutter.hear(heard), *cutter.finish()]
    paths = [keep(root, word, speaker, cut.pcm) for cut in cuts if not cut.fault]
    if not cuts:
        raise Refused(422, "no word was found in it: nothing is louder than the room for long enough")
    return {"paths": paths, "refused": [cut.fault for cut in cuts if cut.fault]}


def move(root: Path, paths: Sequence[Path], word: str) -> tuple[list[str], str]:
    """Relabel: into another word's folder, under the same speaker; those that lie there already stay.

    Returns:
        The new paths, and what `undo` takes.

    Raises:
        Refused: all of them lie there, or the word's folder is a link out of the project.
        KwsError: a file cannot be moved.
    """
    for kind in {path.relative_to(root).parts[0] for path in paths}:
        safe.folder(root, kind, word)
    with _numbering:
        others = [path for path in paths if path.parent.name != word]
        if not others:
            raise Refused(409, f"that is what they are already: {word}")
        taken: Counter[tuple[Path, str]] = Counter()
        pairs = []
        for path in others:
            folder, speaker = path.parent.parent / word, speaker_of(path)
            pairs.append((path, _free(folder, speaker, path.suffix, taken[folder, speaker])))
            taken[folder, speaker] += 1
        name = _carry(root, pairs)
    return [target.relative_to(root).as_posix() for _, target in pairs], name


def delete(root: Path, paths: Sequence[Path]) -> str:
    """Move recordings to the trash; returns what `undo` takes.

    Raises:
        KwsError: a file cannot be moved.
    """
    with _numbering:
        return _carry(root, [(path, None) for path in paths])


def undo(root: Path, name: str) -> list[str]:
    """Take back what `move` or `delete` did; returns the paths of what came back.

    A recording that was moved on, deleted or recorded anew since then stays as it is.

    Raises:
        Refused: nothing of it can come back.
        KwsError: a file cannot be moved.
    """
    record = root / HIDDEN / TRASH / name / _RECORD
    gone = Refused(404, "that cannot be undone: the recordings are no longer where it put them")
    if not name.isalnum() or not record.exists():
        raise gone
    with _numbering:
        try:
            entries = [(root / now, root / was, int(time)) for now, was, time in parse_json(record.read_bytes())]
        except (OSError, ValueError, TypeError):
            raise gone from None
        back = []
        for now, was, time in entries:
            if _time(now) != time:
                continue
            target = _free(was.parent, speaker_of(was), was.suffix) if was.exists() else was
            _rename(now, target)
            back.append(target.relative_to(root).as_posix())
        record.unlink()
    if not back:
        raise gone
    return back


def _carry(root: Path, pairs: Sequence[tuple[Path, Path | None]]) -> str:
    """Move files, to the trash where no target is named; what was where is written down before."""
    name = secrets.token_hex(8)
    folder = root / HIDDEN / TRASH / name
    moves = [(source, target or folder / str(i)) for i, (source, target) in enumerate(pairs)]
    # A file's time of change goes with it, so that another of its name is told from it.
    rows = [[*(p.relative_to(root).as_posix() for p in (to, of)), _time(of)] for of, to in moves]
    write_atomic(folder / _RECORD, json.dumps(rows) + "\n")
    for source, target in moves:
        _rename(source, target)
    return name


def _time(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _free(folder: Path, speaker: str, suffix: str, after: int = 0) -> Path:
    """Where the next take of a speaker goes, ``after`` those that are about to."""
    return take_path(folder, speaker, next_take(folder, speaker) + after, suffix)


def _rename(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    except OSError as error:
        raise KwsError(f"cannot move {source.name}: {error.strerror or error}") from error


def speakers(root: Path) -> list[str]:
    """Who speaks in the recordings."""
    folder = root / RECORDINGS
    if not folder.is_dir():
        return []
    return sorted({speaker_of(n) for f in folder.iterdir() if f.is_dir() for n in names(f)})
