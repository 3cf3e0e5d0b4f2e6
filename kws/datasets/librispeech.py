"""LibriSpeech's transcripts (``84-121123.trans.txt`` in each chapter's folder) as one ``transcripts.tsv``."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kws import audio
from kws.datasets import transcripts
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError
from kws.types import Progress

_PATTERN = "*.trans.txt"


def write_transcripts(folder: Path, progress: Progress) -> None:
    """Write ``transcripts.tsv`` into a folder that holds LibriSpeech's parts: each file is one stretch.

    The texts are LibriSpeech's, in lower case.

    Args:
        folder: such as ``LibriSpeech``, with ``dev-clean/84/121123/84-121123-0000.flac`` in it.
        progress: called with (recordings done, recordings in total).

    Raises:
        KwsError: there are no transcripts, or a recording that one names is missing or damaged.
    """
    named = list(_named(folder))
    if not named:
        raise KwsError(f"there are no transcripts ({_PATTERN}) in {folder}; it is no part of LibriSpeech")
    stretches = []
    with ThreadPoolExecutor(4) as pool:
        for path, text, seconds in pool.map(lambda item: (*item, audio.info(item[0]).seconds), named):
            stretches.append(Stretch(path.relative_to(folder).as_posix(), 0.0, seconds, text.lower()))
            progress(len(stretches), len(named))
    transcripts.write(folder, stretches)


def _named(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each recording with what is said in it, in order of the names."""
    for table in sorted(folder.rglob(_PATTERN)):
        try:
            lines = table.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KwsError(f"cannot read {table}: {error}; download the data set again") from error
        for line in lines:
            name, _, text = line.partition(" ")
            yield table.with_name(f"{name}.flac"), text
