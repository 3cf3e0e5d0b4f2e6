"""The negatives that come with kws: synthetic sentences to train with, real recordings to evaluate with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import sentences, transcripts
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError
from kws.files import write_atomic
from kws.types import Pcm

_PACKS = Path(__file__).with_name("packs")
TRAINING_PACK = _PACKS / "negatives"
"""40 minutes of synthetic sentences, for training alone: what real people say is judged on real recordings."""
EVALUATION_PACK = _PACKS / "evaluation"
"""Ten minutes of real speech, music and noise, for evaluation alone: no training takes it (`refuse_to_train`)."""
EVALUATION_ONLY = "evaluation-only.txt"


def stretches(folder: Path, words: Sequence[str]) -> list[Stretch]:
    """What is in a folder with transcripts and says none of ``words``, in the order of its table.

    Left out too is what the table marks as saying one of them.

    Args:
        folder: such as :data:`TRAINING_PACK`.
        words: words or phrases to spot.

    Raises:
        KwsError: as for `transcripts.read`.
    """
    spotted = {word.lower() for word in words}
    return [
        s
        for s in transcripts.read(folder)
        if not spotted & {c.lower() for c in s.commands} and sentences.without([s.text], words)
    ]


def cuts(folder: Path, chosen: Iterable[Stretch]) -> Iterator[tuple[Stretch, Pcm]]:
    """Read stretches: each with its samples, int16 ``[samples]`` at 16 kHz; a file is read once for those in a row.

    Raises:
        KwsError: a recording is missing or cannot be read, or ends before a stretch.
    """
    for name, group in groupby(chosen, key=lambda s: s.file):
        pcm = audio.read(folder / name)
        for s in group:
            first, last = round(s.start * SAMPLE_RATE), round(s.end * SAMPLE_RATE)
            if first >= min(last, len(pcm)):
                raise KwsError(f"{folder / name} has no sound at {s.start:g} s, where {transcripts.NAME} promises some")
            yield s, pcm[first:last]


def mark_evaluation(folder: Path) -> None:
    """Mark a folder as one for evaluation alone.

    Raises:
        KwsError: the mark cannot be written.
    """
    write_atomic(folder / EVALUATION_ONLY, "What is in this folder is for evaluation and is never trained on.\n")


def refuse_to_train(folders: Iterable[str | Path]) -> None:
    """Refuse folders with recordings for evaluation alone, whether marked, inside a marked one, or around one.

    Raises:
        KwsError: one of them is; it is named.
    """
    for folder in map(Path, folders):
        here = Path(os.path.realpath(folder))
        around = (here, *here.parents)
        if any((f / EVALUATION_ONLY).exists() for f in around) or any(here.glob(f"*/{EVALUATION_ONLY}")):
            raise KwsError(f"{folder} is for evaluation and is never trained on; name another folder")
