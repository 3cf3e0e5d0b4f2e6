"""Record takes of a word, one after the other: listen, find the word, judge it, cut it out, save it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets.clips import audio_files
from kws.datasets.measure import clipped_share
from kws.errors import KwsError
from kws.live.listen import decibels
from kws.types import Pcm

CHUNK_MS = 40
# Time to breathe before each take, in which nothing is kept.
PAUSE_SECONDS = 0.7
# How much longer than a clip is listened, for those who are slow to start.
SLACK_SECONDS = 1.0

_FRAME = SAMPLE_RATE // 50
# All in dB. A word must be louder than this ...
_QUIETEST = -50.0
# ... and than the room by this much.
_ABOVE_ROOM = 12.0
# Frames belong to a word that are this much over the room, and not much quieter than its loudest.
_WORD_ABOVE_ROOM = 6.0
_WORD_BELOW_LOUDEST = 30.0
# A closed mouth, as in "stop": parts of a word may be this far apart.
_LONGEST_GAP = 0.2
_CLIPPED_SHARE = 0.001
_MOST_REFUSED = 5


@dataclass(frozen=True)
class Cut:
    """A word found in a stretch of sound, or why there is none to keep.

    Attributes:
        pcm: the clip, int16, the word in its middle.
        fault: what is wrong and what to do; empty if nothing is.
        level_db: the loudest 20 ms, in dB of full scale.
        room_db: the quietest tenth of the stretch likewise.
    """

    pcm: Pcm
    fault: str
    level_db: float
    room_db: float


@dataclass(frozen=True)
class Listening:
    """One more chunk was heard: its level in dB of full scale, of which take, and whether it counts yet."""

    take: int
    level_db: float
    ready: bool


@dataclass(frozen=True)
class Saved:
    """A take was kept."""

    take: int
    path: Path
    cut: Cut


@dataclass(frozen=True)
class Refused:
    """A take was not kept; ``cut.fault`` says why. It is asked for again."""

    take: int
    cut: Cut


Moment = Listening | Saved | Refused


def find_word(heard: Pcm, samples: int) -> Cut:
    """Cut the loudest word out of a stretch of sound, with as much room before it as after it.

    Args:
        heard: int16, longer than ``samples``.
        samples: length of the clip to cut.
    """
    frames = heard[: len(heard) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    levels = np.array([decibels(rms) for rms in np.sqrt(np.mean(frames**2, axis=1))])
    loudest, room = int(levels.argmax()), float(np.quantile(levels, 0.1))
    level = float(levels[loudest])
    part = levels >= min(level, max(room + _WORD_ABOVE_ROOM, level - _WORD_BELOW_LOUDEST))
    first, last = _span(part, loudest, round(_LONGEST_GAP * SAMPLE_RATE / _FRAME))
    middle = (first + last + 1) * _FRAME // 2
    begin = min(max(0, middle - samples // 2), len(heard) - samples)
    fault = ""
    if level < _QUIETEST or level < room + _ABOVE_ROOM:
        fault = f"nothing was heard over the room ({room:.0f} dB); speak up, come closer, or turn the microphone up"
    elif clipped_share(heard) > _CLIPPED_SHARE:
        fault = "too loud, so the tops are cut off; move away, or turn the microphone down"
    elif (last + 1 - first) * _FRAME > samples:
        fault = f"longer than {samples / SAMPLE_RATE:g} s; say the word alone and a little faster"
    elif first == 0 or last == len(levels) - 1:
        fault = "cut off at its beginning or end; wait for the prompt and speak at once"
    return Cut(heard[begin : begin + samples], fault, level, room)


def _span(part: npt.NDArray[np.bool_], around: int, gap: int) -> tuple[int, int]:
    """First and last of the marked places that reach ``around`` by steps of ``gap`` at most."""
    marked = np.flatnonzero(part)
    breaks = np.flatnonzero(np.diff(marked) > gap)
    place = int(np.searchsorted(marked, around))
    before, after = breaks[breaks < place], breaks[breaks >= place]
    first = marked[before[-1] + 1] if len(before) else marked[0]
    last = marked[after[0]] if len(after) else marked[-1]
    return int(first), int(last)


def require_name(name: str, what: str) -> None:
    """Refuse what cannot be the name of a folder of clips, or the beginning of a clip's name.

    Raises:
        KwsError: it cannot.
    """
    if not name or name != name.strip() or name.startswith((".", "_")) or "/" in name or "\\" in name:
        raise KwsError(f"{name!r} cannot be the name of a {what}; use letters, digits and - in it")


def next_take(folder: Path, speaker: str) -> int:
    """The number after the highest of a speaker's takes in a folder."""
    pattern = re.compile(re.escape(speaker) + r"_(\d+)")
    names = [path.stem for path in audio_files(folder)] if folder.is_dir() else []
    return 1 + max((int(m[1]) for m in map(pattern.fullmatch, names) if m), default=0)


def take_path(folder: Path, speaker: str, take: int, suffix: str = ".wav") -> Path:
    """Where a speaker's take of a number lies in its word's folder."""
    return folder / f"{speaker}_{take:02}{suffix}"


def level_of(chunk: Pcm) -> float:
    """Of int16 [samples], in dB of full scale."""
    return decibels(float(np.sqrt(np.mean(chunk.astype(np.float64) ** 2))) if len(chunk) else 0.0)


def with_holes(cut: Cut, holes: int) -> Cut:
    """A take whose fault it is that blocks of samples were lost, if any were and it has no other."""
    if not holes or cut.fault:
        return cut
    return replace(cut, fault=f"{holes} blocks of samples were lost on the way; say it again")


def free_take(folder: Path, speaker: str, take: int) -> int:
    """The first number from ``take`` on that is free: a page and a terminal may record the same word at once."""
    while take_path(folder, speaker, take).exists():
        take += 1
    return take


def save(cut: Cut, out: Path, word: str, speaker: str, take: int) -> Saved:
    """Write a take as ``out/word/speaker_01.wav``, by its number or the next that is free.

    Raises:
        KwsError: it cannot be written.
    """
    take = free_take(out / word, speaker, take)
    path = take_path(out / word, speaker, take)
    audio.write(path, cut.pcm)
    return Saved(take, path, cut)


def ended(kept: int, takes: int) -> KwsError:
    """What is wrong where the sound ends before enough takes are kept."""
    return KwsError(f"the sound ended after {kept} of {takes} takes; run the same again for the rest")


def record(
    chunks: Iterable[Pcm],
    word: str,
    out: Path,
    takes: int,
    speaker: str = "me",
    clip_ms: float = 1000.0,
    lost: Callable[[], int] = lambda: 0,
) -> Iterator[Moment]:
    """Record takes of a word as ``out/word/speaker_01.wav`` and on, after those that are there.

    Each take: a pause, then a clip's length and a second more in which the word is said once.

    Args:
        chunks: sound at 16 kHz as it comes, such as `kws.microphone.microphone` gives it.
        word: what is said; the name of the folder.
        out: the data folder.
        takes: how many takes to keep.
        speaker: who speaks.
        clip_ms: length of the clips, in milliseconds.
        lost: how many blocks of samples are lost so far; a take in which one is, is refused.

    Raises:
        KwsError: a name that cannot be a file's; the sound ended; five takes in a row were
            refused; a take cannot be written.
    """
    for name, what in ((word, "word"), (speaker, "speaker")):
        require_name(name, what)
    samples = round(clip_ms * SAMPLE_RATE / 1000)
    pause, length = round(PAUSE_SECONDS * SAMPLE_RATE), samples + round(SLACK_SECONDS * SAMPLE_RATE)
    source = iter(chunks)
    take = next_take(out / word, speaker)
    kept = refused = 0
    while kept < takes:
        heard: list[Pcm] = []
        total = 0
        before = lost()
        while total < pause + length:
            chunk = next(source, None)
            if chunk is None:
                raise ended(kept, takes)
            heard.append(chunk)
            total += len(chunk)
            yield Listening(take, level_of(chunk), total > pause)
        cut = with_holes(find_word(np.concatenate(heard)[pause : pause + length], samples), lost() - before)
        if cut.fault:
            refused += 1
            yield Refused(take, cut)
            if refused == _MOST_REFUSED:
                raise KwsError(f"{refused} takes in a row could not be used, the last one: {cut.fault}")
            continue
        saved = save(cut, out, word, speaker, take)
        yield saved
        refused = 0
        kept += 1
        take = saved.take + 1
