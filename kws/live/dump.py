"""The audio around what a model heard, and around what it should have heard, as clips to train with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets.clips import NEAR, PHRASES
from kws.errors import KwsError
from kws.live.record import find_word, free_take, next_take, take_path
from kws.types import Pcm

_AFTER = round(0.25 * SAMPLE_RATE)
# A detection comes at most this long after its word's beginning ...
_DETECTED_IN = round(1.75 * SAMPLE_RATE)
# ... and a finger this long.
_MISSED_IN = 3 * SAMPLE_RATE
_KEPT = 4 * SAMPLE_RATE


@dataclass(frozen=True)
class _Pending:
    """A detection whose end has not been heard yet."""

    word: str
    due: int
    near: bool = False


class Dump:
    """Writes ``folder/WORD/SPEAKER_01.wav`` and on, a clip with the word in its middle; `kws train` takes the folder.

    What came near its threshold goes to ``folder/near_misses/WORD``, which training leaves alone until somebody has
    listened and moved it. What was heard by mistake goes to ``folder/not_WORD``: a folder of no word to spot, which is
    "unknown" in training. Of a phrase all that is kept of the sound goes to ``folder/phrases/NAME``.

    Attributes:
        saved: how many clips were written, by the folder's name.
    """

    def __init__(self, folder: Path, speaker: str, clip_ms: float, phrases: Collection[str] = ()) -> None:
        """Into ``folder``, which is made when there is something to keep.

        Args:
            folder: the data folder.
            speaker: the beginning of the files' names.
            clip_ms: length of the clips.
            phrases: what is detected and is no word to train.
        """
        self.saved: dict[str, int] = {}
        self._folder, self._speaker, self._phrases = folder, speaker, frozenset(phrases)
        self._samples = round(clip_ms * SAMPLE_RATE / 1000)
        self._kept = np.zeros(_KEPT + self._samples, np.int16)
        self._heard = 0
        self._pending: list[_Pending] = []
        self._last: tuple[str, Path] | None = None
        self._takes: dict[str, int] = {}

    def hear(self, chunk: Pcm, words: Iterable[str], near: Iterable[str] = ()) -> list[Path]:
        """Feed a chunk, the words that were detected in it and the near misses; the files that are whole now."""
        self._kept = np.concatenate([self._kept, chunk])[-len(self._kept) :]
        self._heard += len(chunk)
        self._pending += [_Pending(word, self._heard + _AFTER) for word in words]
        # They are told when they are over.
        self._pending += [_Pending(word, self._heard, near=True) for word in near]
        due = [p for p in self._pending if p.due <= self._heard]
        self._pending = [p for p in self._pending if p.due > self._heard]
        return [self._detected(p) for p in due]

    def missed(self, word: str) -> Path:
        """Keep the word that was just said and not heard.

        Raises:
            KwsError: it cannot be written.
        """
        return self._write(word, self._kept[-_MISSED_IN:])

    def false_accept(self) -> Path | None:
        """The last detection was none: its clip goes to the folder of what is not its word.

        Returns:
            Where it lies now; None if there is none, or somebody took it away.

        Raises:
            KwsError: it cannot be moved; it stays where it was.
        """
        self.finish()
        if self._last is None:
            return None
        word, path = self._last
        self._last = None
        if not path.is_file():
            return None
        name = f"{PHRASES}/not_{word}" if word in self._phrases else f"not_{word}"
        target, take = self._place(name)
        # Moved, and not written anew: on a full disk there is room for it where it is alone.
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        except OSError as error:
            raise KwsError(f"cannot move {path} to {target}: {error.strerror or error}") from error
        self._count(name, take)
        self.saved[str(path.parent.relative_to(self._folder))] -= 1
        return target

    def finish(self) -> list[Path]:
        """Write what waits for sound that will not come."""
        pending, self._pending = self._pending, []
        return [self._detected(p) for p in pending]

    def _detected(self, pending: _Pending) -> Path:
        late = self._heard - pending.due
        heard = self._kept[: len(self._kept) - late] if late > 0 else self._kept
        if pending.near:
            return self._write(f"{NEAR}/{pending.word}", heard[-self._stretch :])
        if pending.word in self._phrases:
            path = self._save(f"{PHRASES}/{pending.word}", heard[-_KEPT:])
        else:
            path = self._write(pending.word, heard[-self._stretch :])
        self._last = (pending.word, path)
        return path

    @property
    def _stretch(self) -> int:
        return max(_DETECTED_IN + _AFTER, self._samples + 1)

    def _write(self, word: str, heard: Pcm) -> Path:
        cut = find_word(heard, self._samples)
        return self._save(word, heard[-self._samples :] if cut.fault else cut.pcm)

    def _save(self, name: str, pcm: Pcm) -> Path:
        path, take = self._place(name)
        audio.write(path, pcm)
        self._count(name, take)
        return path

    def _place(self, name: str) -> tuple[Path, int]:
        """Where the next clip of a folder goes, and its number."""
        word = name.removeprefix(f"{NEAR}/").removeprefix(f"{PHRASES}/")
        if "/" in word or "\\" in word:
            raise KwsError(f"the word {word!r} cannot be the name of a folder")
        folder = self._folder / name
        # The folder is looked at once: after a day it holds thousands.
        take = free_take(folder, self._speaker, self._takes.get(name) or next_take(folder, self._speaker))
        return take_path(folder, self._speaker, take), take

    def _count(self, name: str, take: int) -> None:
        self._takes[name] = take + 1
        self.saved[name] = self.saved.get(name, 0) + 1
