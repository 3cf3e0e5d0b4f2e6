"""Takes that cut themselves out of a stream in which a word is said again and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.config import SAMPLE_RATE
from kws.errors import KwsError
from kws.live.listen import decibels
from kws.live.record import (
    Cut,
    Listening,
    Moment,
    Refused,
    ended,
    find_word,
    level_of,
    next_take,
    require_name,
    save,
    with_holes,
)
from kws.types import Pcm

_FRAME = SAMPLE_RATE // 50
# As `find_word` has them: what is louder than this is worth a look, in dB.
_QUIETEST = -50.0
_STARTS_ABOVE_ROOM = 12.0
_GOES_ON_ABOVE_ROOM = 6.0
# The room is the quietest tenth of so many frames, known after so many.
_ROOM_FRAMES = 150
_ROOM_KNOWN = 10
# A word has ended when it was quiet for so many frames.
_QUIET_FRAMES = 16
# Who stops may do so in the middle of a word; after so many quiet frames none goes on, as `find_word` has it.
_ENDED_FRAMES = 10
# Around a word, so that it can stand in the middle.
_AROUND = 0.55
# A door, a cough or a key is shorter than any word; speech that goes on is none.
_SHORTEST_FRAMES = 4
_LONGEST_FRAMES = 150
_KEPT = 6 * SAMPLE_RATE


@dataclass
class _Word:
    """A word that is being said: its first and last loud frame, counted from the stream's beginning."""

    first: int
    last: int


class TakeCutter:
    """Cuts each word out of a stream as it comes; whatever the chunks are, the takes are the same.

    The word has ended after a third of a second of quiet. It is then looked for by
    `kws.live.record.find_word` in what was heard from half a second before it to half a second after it.
    """

    def __init__(self, clip_ms: float = 1000.0) -> None:
        """Clips of ``clip_ms`` milliseconds."""
        self._samples = round(clip_ms * SAMPLE_RATE / 1000)
        self._kept = np.zeros(0, np.int16)
        self._begin = 0
        self._frame = 0
        self._levels: deque[float] = deque(maxlen=_ROOM_FRAMES)
        self._word: _Word | None = None
        self._due: list[_Word] = []

    @property
    def room_db(self) -> float | None:
        """The level of the room in dB of full scale, once it is known."""
        if len(self._levels) < _ROOM_KNOWN:
            return None
        return float(np.quantile(np.array(self._levels), 0.1))

    def hear(self, pcm: Pcm) -> list[Cut]:
        """Feed int16 [samples] at 16 kHz; returns the takes that are whole now, with faults or without."""
        self._kept = np.concatenate([self._kept, pcm])
        found: list[Cut] = []
        while (self._frame + 1) * _FRAME <= self._begin + len(self._kept):
            at = self._frame * _FRAME - self._begin
            wide = self._kept[at : at + _FRAME].astype(np.float64)
            self._follow(decibels(float(np.sqrt(np.mean(wide * wide)))))
            self._frame += 1
            found += self._ready()
        self._forget()
        return found

    def finish(self, stopped: bool = False) -> list[Cut]:
        """The stream has ended: what waits for sound that will not come.

        Args:
            stopped: it was stopped, so that a word that was still being said is none.
        """
        if self._word is not None and not (stopped and self._frame - self._word.last <= _ENDED_FRAMES):
            self._end(self._word)
        waiting, self._due = self._due, []
        return [self._cut(word) for word in waiting]

    def _follow(self, level: float) -> None:
        room = self.room_db
        word = self._word
        if word is None:
            self._levels.append(level)
            if room is not None and level > max(_QUIETEST, room + _STARTS_ABOVE_ROOM):
                self._word = _Word(self._frame, self._frame)
            return
        assert room is not None
        if level > room + _GOES_ON_ABOVE_ROOM:
            word.last = self._frame
        if self._frame - word.last >= _QUIET_FRAMES or self._frame - word.first > _LONGEST_FRAMES:
            self._end(word)

    def _end(self, word: _Word) -> None:
        self._word = None
        if word.last - word.first + 1 >= _SHORTEST_FRAMES:
            self._due.append(word)
        if word.last - word.first > _LONGEST_FRAMES - _QUIET_FRAMES:
            # It may be the room that has become louder.
            self._levels.clear()

    def _ready(self) -> list[Cut]:
        after = round(_AROUND * SAMPLE_RATE / _FRAME)
        ready = [word for word in self._due if self._frame >= word.last + after]
        self._due = [word for word in self._due if word not in ready]
        return [self._cut(word) for word in ready]

    def _cut(self, word: _Word) -> Cut:
        around = round(_AROUND * SAMPLE_RATE)
        start = max(word.first * _FRAME - around, self._begin) - self._begin
        stop = (word.last + 1) * _FRAME + around - self._begin
        heard = self._kept[start:stop]
        missing = self._samples + _FRAME - len(heard)
        if missing > 0:
            heard = np.concatenate([heard, np.zeros(missing, np.int16)])
        return find_word(heard, self._samples)

    def _forget(self) -> None:
        """Keep what a word that is being said may still need."""
        spare = len(self._kept) - _KEPT
        if spare > 0:
            self._kept = self._kept[spare:]
            self._begin += spare


def record_continuously(
    chunks: Iterable[Pcm],
    word: str,
    out: Path,
    takes: int,
    speaker: str = "me",
    clip_ms: float = 1000.0,
    lost: Callable[[], int] = lambda: 0,
) -> Iterator[Moment]:
    """Record takes of a word that is said again and again, as `kws.live.record.record` does at prompts.

    Args:
        chunks: sound at 16 kHz as it comes.
        word: what is said; the name of the folder.
        out: the data folder.
        takes: how many takes to keep.
        speaker: who speaks.
        clip_ms: length of the clips, in milliseconds.
        lost: how many blocks of samples are lost so far; the next take after one is lost is refused.

    Raises:
        KwsError: a name that cannot be a file's, a take cannot be written, or the sound ended, or broke off, before
            enough takes were kept.
        KeyboardInterrupt: it came while a chunk was waited for, and words that were said before it were not enough.
    """
    for name, what in ((word, "word"), (speaker, "speaker")):
        require_name(name, what)
    cutter = TakeCutter(clip_ms)
    take = next_take(out / word, speaker)
    kept = 0
    before = lost()
    source = iter(chunks)
    stop: BaseException | None = None
    while True:
        chunk = None
        try:
            chunk = next(source, None)
        except (KeyboardInterrupt, KwsError) as end:
            # The last word may still wait for the quiet after it.
            stop = end
        if chunk is not None:
            yield Listening(take, level_of(chunk), cutter.room_db is not None)
        for heard in cutter.hear(chunk) if chunk is not None else cutter.finish(stopped=True):
            cut = with_holes(heard, lost() - before)
            before = lost()
            if cut.fault:
                yield Refused(take, cut)
                continue
            saved = save(cut, out, word, speaker, take)
            yield saved
            kept += 1
            take = saved.take + 1
            if kept == takes:
                return
        if chunk is None:
            raise stop or ended(kept, takes)
