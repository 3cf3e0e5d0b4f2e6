"""Word folders whose names somebody took for another's: their clips would silently be other words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from kws.datasets import clips

# Written around a word, and no part of it.
_AROUND = " \t\n\r.,;:!?'\"-"


def misspelt(root: Path, words: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """The folders that differ from a word, or from ``_background_noise_``, in what one easily overlooks.

    From a word in case, in spaces and punctuation around it, in how a letter is composed, or in marks
    without a width; from the noise in anything but letters.

    Args:
        root: a folder of word folders.
        words: those to spot; where there are none, a folder's plain name stands for the others.

    Yields:
        the folder, and a sentence that says what becomes of its clips.

    Raises:
        KwsError: ``root`` is missing.
    """
    names = [folder.name for folder in clips.word_folders(root)]
    meant = {_plain(word): word for word in [*(n for n in names if n == _plain(n)), *words]}
    for name in names:
        word = meant.get(_plain(name))
        if name in words:
            continue
        if word is not None and word != name:
            # What looks alike is told apart by its code points alone.
            said = ascii if _seen(name) == _seen(word) else repr
            yield (
                root / name,
                f"the folder {said(name)} is not the word {said(word)}, so its clips count as another word; rename it",
            )
        elif _letters(name) == _letters(clips.BACKGROUND):
            yield (
                root / name,
                f"the folder {name!r} is not {clips.BACKGROUND!r}, so its noise counts as another word; rename it",
            )


def _seen(name: str) -> str:
    """As a reader takes it: other forms of the same letters are these, and nobody sees marks of no width."""
    return "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")


def _plain(name: str) -> str:
    return _seen(name).strip(_AROUND).casefold()


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, _seen(name))).casefold()
