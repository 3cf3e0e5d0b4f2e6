"""The recordings of a project: listed, shown, moved, and deleted so that it can be undone."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets.clips import BACKGROUND, SUFFIXES
from kws.datasets.splits import speaker_of
from kws.errors import KwsError
from kws.files import parse_json, write_atomic
from kws.frontends import LogMelConfig
from kws.live.record import next_take, take_path
from kws.live.takes import TakeCutter
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
_UNDONE = 100

_listed: dict[str, tuple[int, list[str]]] = {}


def names(folder: Path) -> list[str]:
    """The recordings of a word's folder, read again when the folder has changed."""
    try:
        time = folder.stat().st_mtime_ns
        kept = _listed.get(str(folder))
        if kept is None or kept[0] != time:
            with os.scandir(folder) as entries:
                found = sorted(
                    e.name for e in entries if not e.name.startswith(".") and e.name.lower().endswith(SUFFIXES)
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
    folder = root / kind / word
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


def read(path: Path) -> Pcm:
    """A recording of at most :data:`LONGEST_SECONDS`, int16 [samples].

    Raises:
        Refused: it cannot be read, or is longer.
    """
    parts, total = [np.zeros(0, np.int16)], 0
    try:
        for block in audio.blocks(path, _BLOCK):
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
    """
    path = _free(root / RECORDINGS / word, speaker, ".wav")
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


def move(root: Path, paths: Sequence[Path], word: str) -> list[str]:
    """Relabel: into another word's folder, under the same speaker.

    Raises:
        KwsError: a file cannot be moved.
    """
    moved = []
    for path in paths:
        target = _free(path.parent.parent / word, speaker_of(path), path.suffix)
        _rename(path, target)
        moved.append(target.relative_to(root).as_posix())
    return moved


def delete(root: Path, paths: Sequence[Path]) -> str:
    """Move recordings to the trash; returns what `undo` takes.

    Raises:
        KwsError: a file cannot be moved.
    """
    name = secrets.token_hex(8)
    folder = root / HIDDEN / "trash" / name
    record = {str(i): path.relative_to(root).as_posix() for i, path in enumerate(paths)}
    write_atomic(folder / "files.json", json.dumps(record) + "\n")
    for i, path in enumerate(paths):
        _rename(path, folder / str(i))
    return name


def undo(root: Path, name: str) -> list[str]:
    """Bring back what was deleted; returns the paths.

    Raises:
        Refused: it is not there, or another file has taken its place.
        KwsError: a file cannot be moved.
    """
    folder = root / HIDDEN / "trash" / name
    if not name.isalnum() or not (folder / "files.json").exists():
        raise Refused(404, "that cannot be undone: it is not in the trash")
    record: dict[str, str] = parse_json((folder / "files.json").read_bytes())
    back = []
    for number, path in record.items():
        source = folder / number
        if not source.exists():
            continue
        target = root / path
        if target.exists():
            target = _free(target.parent, speaker_of(target), target.suffix)
        _rename(source, target)
        back.append(target.relative_to(root).as_posix())
    (folder / "files.json").unlink()
    return back


def _free(folder: Path, speaker: str, suffix: str) -> Path:
    """Where the next take of a speaker goes."""
    return take_path(folder, speaker, next_take(folder, speaker), suffix)


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
