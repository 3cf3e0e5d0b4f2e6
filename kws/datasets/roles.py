"""Folders of long recordings beside the words: other speech, noise and music, and the responses of rooms.

Whatever a folder holds, below it or in folders within it, is used. Its splits are the folders ``train``,
``validation`` and ``test`` at its top, where at least one of them exists; elsewhere the hash of each
recording's speaker (`kws.datasets.splits.hashed_split`) decides, by the percentages of ``[data]``. A folder
that is itself such a part, with another beside it, belongs to its split as a whole.
Synthetic speech is for training alone.
"""

from __future__ import annotations

import csv
import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import sentences, transcripts
from kws.datasets.clips import is_synthetic
from kws.datasets.splits import SUFFIXES, TESTING, TRAINING, VALIDATION, hashed_split, speaker_of
from kws.errors import KwsError
from kws.files import require_regular
from kws.text import decoded
from kws.types import Pcm

SPEECH, NOISE, ROOMS = ROLES = ("speech", "noise", "rooms")
_HINTS_TEXT = "tab-separated text with the columns file, start_s, automatic_text"
HINTS = "asr_hints.tsv"
"""What a recogniser heard where there is no transcript: columns ``file``, ``start_s``, ``automatic_text``."""
UNKNOWN_TEXT = "?"
"""Stands in the transcripts' column ``command_words`` where nobody wrote down what is said."""

WHOLE = 1e6
"""Seconds: longer than any recording, for what reaches to its end."""

_FOLDERS = {
    "train": TRAINING,
    "training": TRAINING,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TESTING,
    "testing": TESTING,
}
_LAYOUT = "a folder of audio files (.wav, .flac, .ogg, .opus, .mp3), with or without folders in it"


@dataclass(frozen=True)
class Folders:
    """The folders of every role but the words.

    Attributes:
        speech: of people, or synthetic voices, who say something else.
        noise: of noise and music.
        rooms: of room impulse responses.
    """

    speech: tuple[Path, ...] = ()
    noise: tuple[Path, ...] = ()
    rooms: tuple[Path, ...] = ()


NOTHING = Folders()
"""No folder of any role."""


@dataclass(frozen=True)
class Recording:
    """A long recording.

    Attributes:
        path: the file.
        name: relative to its folder, with ``/``.
        role: ``speech``, ``noise`` or ``rooms``.
        source: where it comes from, for tables: the first folder that it is in, without the split's, or
            else the part of its name before the first underscore.
        split: ``training``, ``validation`` or ``testing``; of rooms always ``training``.
        said: from and to where a word to spot is said, in seconds, in order.
        doubtful: likewise, where nobody wrote down what is said.
    """

    path: Path
    name: str
    role: str
    source: str
    split: str
    said: tuple[tuple[float, float], ...] = ()
    doubtful: tuple[tuple[float, float], ...] = ()


def speech(folder: str | Path, data: DataConfig) -> list[Recording]:
    """List a folder of other speech, in order of the names.

    Synthetic voices, which the table or the folder's mark (`kws.datasets.clips.is_synthetic`) tells, are all
    for training. Where it has transcripts (`kws.datasets.transcripts`), the stretches in which a word of ``data.words``
    is said are marked; so are those in which a recogniser heard one (:data:`HINTS`), and those that
    nobody wrote down. What the table does not name is taken to say none of the words, but for what lies in a
    folder named like one (`word_of_folder`): it says that word from beginning to end.

    Raises:
        KwsError: no folder, no recording in it, or a table that cannot be read.
    """
    folder = Path(folder)
    table = _Table.read(folder, data.words)
    synthetic = is_synthetic(folder)
    return [
        Recording(
            path,
            name,
            SPEECH,
            source,
            TRAINING if synthetic or name in table.synthetic else split,
            tuple(table.said[name]) or _said_all_along(table, name, data.words),
            tuple(table.doubtful[name]),
        )
        for path, name, source, split in _listed(folder, data)
    ]


def word_of_folder(name: str, words: Sequence[str]) -> str | None:
    """The word to spot that a recording is a take of: a folder that it lies in is named so, as in a folder of words.

    Args:
        name: relative to the folder of other speech, with ``/``.
        words: to spot.
    """
    inside = {part.lower() for part in name.split("/")[:-1]}
    return next((word for word in words if word.lower() in inside), None)


def _said_all_along(table: _Table, name: str, words: Sequence[str]) -> tuple[tuple[float, float], ...]:
    if name in table.listed or word_of_folder(name, words) is None:
        return ()
    return ((0.0, WHOLE),)


def noise(folder: str | Path, data: DataConfig) -> list[Recording]:
    """List a folder of noise and music, in order of the names.

    Raises:
        KwsError: no folder, or no recording in it.
    """
    return [Recording(path, name, NOISE, source, split) for path, name, source, split in _listed(Path(folder), data)]


def rooms(folder: str | Path, data: DataConfig) -> list[Recording]:
    """List a folder of room impulse responses, in order of the names; any split may use all of them.

    Raises:
        KwsError: no folder, or no recording in it.
    """
    return [Recording(path, name, ROOMS, source, TRAINING) for path, name, source, _ in _listed(Path(folder), data)]


def everything(folders: Folders, data: DataConfig) -> list[Recording]:
    """List all folders, by role, each in order of the names.

    Raises:
        KwsError: as for the single roles, or a folder twice: itself, or within another one.
    """
    _refuse_twice((*folders.speech, *folders.noise, *folders.rooms))
    return [
        *(r for folder in folders.speech for r in speech(folder, data)),
        *(r for folder in folders.noise for r in noise(folder, data)),
        *(r for folder in folders.rooms for r in rooms(folder, data)),
    ]


def _refuse_twice(named: Sequence[Path]) -> None:
    if len(set(map(os.path.realpath, named))) < len(named):
        raise KwsError(f"the same folder is given twice: {', '.join(map(str, named))}")
    for inner, outer in itertools.permutations(named, 2):
        if Path(os.path.realpath(inner)).is_relative_to(os.path.realpath(outer)):
            raise KwsError(
                f"{inner} lies in {outer}, so its recordings would be heard twice; give folders that do not hold"
                " one another"
            )


def usable(recording: Recording, samples: int, doubtful: bool = True) -> list[tuple[int, int]]:
    """The parts of a recording of ``samples`` samples that say no word to spot, as first and end samples.

    Args:
        recording: the recording.
        samples: its length.
        doubtful: whether what nobody wrote down is usable: in training it is, in counting false accepts it is not.
    """
    out = []
    at = 0
    for start, end in sorted((*recording.said, *(() if doubtful else recording.doubtful))):
        first, last = (min(round(t * SAMPLE_RATE), samples) for t in (start, end))
        if first > at:
            out.append((at, first))
        at = max(at, last)
    if at < samples:
        out.append((at, samples))
    return out


def parts(recording: Recording, samples: int, doubtful: bool = True) -> Iterator[Pcm]:
    """Read the usable parts of a recording in bounded memory: int16 arrays of at most ``samples`` samples.

    An array never goes across what is left out.

    Raises:
        KwsError: the recording cannot be read.
    """
    at = 0
    for block in audio.blocks(recording.path, samples):
        for first, last in usable(recording, at + len(block), doubtful):
            cut = block[max(first - at, 0) : max(last - at, 0)]
            if len(cut):
                yield cut
        at += len(block)


def impulse_responses(recordings: Iterable[Recording]) -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """Read room impulse responses: float32 ``[samples]`` at 16 kHz each, from the direct sound on, of energy 1.

    The direct sound is the greatest sample; what lies more than a millisecond before it is cut off, so
    that a word stays where it is.

    Raises:
        KwsError: one cannot be read, or is silent.
    """
    out = []
    for recording in recordings:
        response = audio.read(recording.path).astype(np.float32)
        energy = float(np.sqrt(np.sum(np.square(response))))
        if energy == 0:
            raise KwsError(f"{recording.path} is silent; a room impulse response has a direct sound; delete it")
        direct = int(np.argmax(np.abs(response)))
        out.append(response[max(0, direct - SAMPLE_RATE // 1000) :] / energy)
    return out


def _listed(folder: Path, data: DataConfig) -> list[tuple[Path, str, str, str]]:
    """Path, name, source and split of each recording."""
    if not folder.is_dir():
        raise KwsError(f"there is no folder {folder}; give {_LAYOUT}")
    transcripts.refuse_mined(folder)
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not paths:
        raise KwsError(f"there are no recordings in {folder}; give {_LAYOUT}")
    divided = any((folder / name).is_dir() for name in _FOLDERS)
    whole = _split_of_folder(folder)
    out = []
    for path in paths:
        parts = path.relative_to(folder).parts
        if divided:
            split = _FOLDERS.get(parts[0], TRAINING)
            inner = parts[1:] if parts[0] in _FOLDERS else parts
        elif whole:
            split, inner = whole, parts
        else:
            speaker = speaker_of(Path(*parts))
            split, inner = hashed_split(speaker, data.validation_percent, data.testing_percent), parts
        source = inner[0] if len(inner) > 1 else path.stem.partition("_")[0]
        out.append((path, "/".join(map(decoded, parts)), decoded(source), split))
    return out


def _split_of_folder(folder: Path) -> str:
    """The split that a folder itself is, beside another one in the folder around it; "" for any other folder."""
    here = folder.resolve()
    beside = [name for name in _FOLDERS if name != here.name and (here.parent / name).is_dir()]
    return _FOLDERS.get(here.name, "") if beside else ""


@dataclass(frozen=True)
class _Table:
    """What the transcripts of a folder say of its recordings, by name.

    Attributes:
        said, doubtful: as of a :class:`Recording`.
        synthetic: recordings in which no human speaks.
        listed: recordings that it names.
    """

    said: defaultdict[str, list[tuple[float, float]]]
    doubtful: defaultdict[str, list[tuple[float, float]]]
    synthetic: set[str]
    listed: set[str]

    @classmethod
    def read(cls, folder: Path, words: Sequence[str]) -> _Table:
        table = cls(defaultdict(list), defaultdict(list), set(), set())
        if not (folder / transcripts.NAME).exists():
            return table
        spotted = {word.lower() for word in words}
        heard = _hints(folder)
        for s in transcripts.read(folder):
            table.listed.add(s.file)
            automatic = heard.get((s.file, round(s.start, 2)), "")
            marked = spotted & {c.lower() for c in s.commands}
            if marked or not sentences.without([s.text], words) or not sentences.without([automatic], words):
                table.said[s.file].append((s.start, s.end))
            elif UNKNOWN_TEXT in s.commands:
                table.doubtful[s.file].append((s.start, s.end))
            if s.voice:
                table.synthetic.add(s.file)
        return table


def _hints(folder: Path) -> dict[tuple[str, float], str]:
    path = folder / HINTS
    if not path.exists():
        return {}
    require_regular(path, _HINTS_TEXT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return {(row["file"], round(float(row["start_s"]), 2)): row["automatic_text"] or "" for row in rows}
    except (OSError, UnicodeDecodeError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise KwsError(f"cannot read {path}: {error}; it is {_HINTS_TEXT}") from error
