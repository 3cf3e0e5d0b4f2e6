"""Who and what is trained on, validated with and tested with: split lists, or a rule."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from kws.config import BY_SPEAKER, ONE_OUT, DataConfig
from kws.errors import KwsError
from kws.files import require_regular

TRAINING, VALIDATION, TESTING = SPLITS = ("training", "validation", "testing")
LISTS = {VALIDATION: "validation_list.txt", TESTING: "testing_list.txt"}
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
_LINES = "text, one word/file.wav a line"
# Speech Commands' MAX_NUM_WAVS_PER_CLASS
_HASH_RANGE = 2**27 - 1
_TAKE = re.compile(r"(?<=.)(?:[ _\-]+\d+| ?\(\d+\))$")


def speaker_of(path: str | Path) -> str:
    """Who speaks in a file, by its name.

    The part before ``_nohash_`` (Speech Commands: ``0a7c2a8d_nohash_0.wav`` is ``0a7c2a8d``);
    otherwise the name up to a trailing take number set off by ``_``, ``-``, a space or brackets
    (``anna_03.wav`` and ``anna (3).wav`` are ``anna``, ``speaker7.wav`` is ``speaker7``).
    """
    stem = Path(path).stem
    if "_nohash_" in stem:
        return stem.split("_nohash_", 1)[0]
    return _TAKE.sub("", stem)


def kept_apart(root: Path, data: DataConfig, split: str) -> str:
    """What a split of a data folder shares with no other, ``speakers`` or ``takes``.

    Args:
        root: a folder of word folders. Its split lists are taken to keep speakers apart.
        data: the rule.
        split: one of :data:`SPLITS`, or ``all``.

    Raises:
        KwsError: a split list cannot be read.
    """
    whole = data.split_by == BY_SPEAKER or (data.split_by == ONE_OUT and split == TESTING)
    return "speakers" if whole or split == "all" or read_lists(root) else "takes"


def split_of(name: str | Path, validation_percent: float = 10, testing_percent: float = 10) -> str:
    """The split of a speaker, by Speech Commands' hash rule.

    SHA-1 of the speaker modulo 2^27, as a percentage: below ``validation_percent`` is
    validation, below the sum of both is testing, the rest is training. A clip never changes
    its split when others are added. Source: ``which_set`` in the data set's README.

    Args:
        name: a speaker or a file name (`speaker_of` is applied to it).
        validation_percent: share of speakers in validation, per cent.
        testing_percent: share of speakers in testing, per cent.
    """
    return hashed_split(speaker_of(name), validation_percent, testing_percent)


def hashed_split(name: str, validation_percent: float, testing_percent: float) -> str:
    """The split that the hash of ``name`` itself falls into; see `split_of`."""
    percentage = _hash(name) * (100.0 / _HASH_RANGE)
    if percentage < validation_percent:
        return VALIDATION
    return TESTING if percentage < validation_percent + testing_percent else TRAINING


def _hash(name: str) -> int:
    return int(hashlib.sha1(os.fsencode(name), usedforsecurity=False).hexdigest(), 16) % (_HASH_RANGE + 1)


def held_out_speaker(speakers: Iterable[str], wanted: str) -> str:
    """The speaker that all testing clips are of, under the rule ``one-speaker-out``.

    Args:
        speakers: of all clips.
        wanted: ``data.held_out``; empty for the speaker whose hash is lowest.

    Raises:
        KwsError: nobody has this name, or there is only one speaker.
    """
    names = sorted(set(speakers), key=lambda name: (_hash(name), name))
    if len(names) < 2:
        raise KwsError(
            f'all clips are of one speaker ({names[0]}), so none can be held out; set data.split_by = "take"'
        )
    if wanted and wanted not in names:
        raise KwsError(f"data.held_out = {wanted!r} speaks in no clip; the speakers are {', '.join(sorted(names))}")
    return wanted or names[0]


def key(path: Path) -> str:
    """How a split list names a clip: ``word/file`` without the suffix."""
    return f"{path.parent.name}/{path.stem}"


def named(line: str) -> str:
    """The `key` of the clip that a line of a list names, with or without the suffix, on Windows or elsewhere."""
    path = Path(line.strip().replace("\\", "/"))
    # A name may have dots itself, as of a time of day has: 12.30.05.
    return key(path) if path.suffix.lower() in SUFFIXES else f"{path.parent.name}/{path.name}"


def read_lists(root: Path) -> dict[str, set[str]]:
    """The split lists found in ``root``: split to ``word/stem``; empty where there are none.

    Lists written on Windows, with backslashes or a byte order mark, mean the same.

    Raises:
        KwsError: a list is there but cannot be read.
    """
    lists = {}
    for split, name in LISTS.items():
        path = root / name
        if not path.exists():
            continue
        require_regular(path, _LINES)
        try:
            lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
        except OSError as error:
            raise KwsError(f"cannot read {path}: {error}; it must be {_LINES}") from error
        lists[split] = {named(line) for line in lines if line.strip()}
    return lists
