"""What sounds in the room: long recordings of other speech, music and noise, and how its walls answer.

The second of two scenes. The *desk* (`kws.evaluation.stream.spec`) has single words over noise. The *room*
has natural speech half of the time, and music, noise and single other words, with commands now and then in
all of them; everything is reverberated. Of a source, every usable stretch is heard once before any is heard
again, in pieces of at most a minute, in a drawn order.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kws.config import SAMPLE_RATE
from kws.datasets.negatives import EVALUATION_PACK
from kws.errors import KwsError

SPEECH, MUSIC, NOISE, OTHERS = SOURCES = ("speech", "music", "noise", "other words")
COMMANDS = "commands"
"""Where a wanted word was reported for another, or twice: the fault of no source."""
SHARES = {SPEECH: 3, MUSIC: 1, NOISE: 1, OTHERS: 1}
"""How much of the time each source takes, where all are there."""
PACK = -1
"""Stands for the folder of the recordings that come with kws."""

_CHUNK = 60 * SAMPLE_RATE


@dataclass(frozen=True)
class Track:
    """A recording.

    Attributes:
        source: ``speech``, ``music`` or ``noise``.
        folder: index into ``Room.folders``, or :data:`PACK`.
        name: relative to the folder.
        voice: who speaks, or what sounds; halves of a stream share none.
        parts: first samples that are used, and the ones after the last, in order.
    """

    source: str
    folder: int
    name: str
    voice: str
    parts: tuple[tuple[int, int], ...]

    @property
    def samples(self) -> int:
        """Length of what is used."""
        return sum(last - first for first, last in self.parts)


@dataclass(frozen=True)
class Response:
    """A room impulse response.

    Attributes:
        folder: index into ``Room.folders``.
        name: relative to the folder.
        weight: how often it is drawn, beside the others.
    """

    folder: int
    name: str
    weight: int


@dataclass(frozen=True)
class Cut:
    """A stretch of a track, in samples of the file."""

    track: Track
    start: int
    stop: int


@dataclass(frozen=True)
class Room:
    """What sounds in the room.

    Attributes:
        tracks: the recordings.
        responses: room impulse responses; without any, nothing is reverberated.
        folders: of speech, noise and responses, in this order. They belong to this machine and not to the
            specification.
    """

    tracks: tuple[Track, ...]
    responses: tuple[Response, ...] = ()
    folders: tuple[Path, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if {t.source for t in self.tracks} - {SPEECH, MUSIC, NOISE}:
            raise KwsError("a track of the room is neither speech nor music nor noise")
        if not any(t.samples for t in self.tracks):
            raise KwsError("nothing is left to sound in the room; give recordings of other speech, music or noise")
        if any(not 0 <= a < b for t in self.tracks for a, b in t.parts):
            raise KwsError("a track's parts are damaged")
        if any(r.weight < 1 for r in self.responses):
            raise KwsError("a response's weight is not positive")

    def path(self, folder: int, name: str) -> Path:
        """Where a recording is.

        Raises:
            KwsError: its folder is not given.
        """
        if folder == PACK:
            return EVALUATION_PACK / name
        if not 0 <= folder < len(self.folders):
            raise KwsError(
                "the stream was made with more folders than are given; give the same --speech, --noise and --rooms,"
                " in the same order"
            )
        return self.folders[folder] / name

    @property
    def files(self) -> list[Path]:
        """Every recording, once, in order."""
        named = [(t.folder, t.name) for t in self.tracks] + [(r.folder, r.name) for r in self.responses]
        return [self.path(folder, name) for folder, name in dict.fromkeys(named)]

    def samples(self, source: str) -> int:
        """Length of the different recordings of a source."""
        return sum(t.samples for t in self.tracks if t.source == source)

    def material(self) -> dict[str, tuple[float, int]]:
        """Of each source, the seconds of different recordings, and how many voices or recordings those are."""
        found = {s: len({t.voice for t in self.tracks if t.source == s}) for s in (SPEECH, MUSIC, NOISE)}
        return {s: (self.samples(s) / SAMPLE_RATE, n) for s, n in found.items() if n}

    def shares(self, others: bool) -> dict[str, int]:
        """The sources that are there and their parts of the time; ``others``: whether other words are."""
        return {s: SHARES[s] for s in SOURCES if (others if s == OTHERS else self.samples(s))}

    def cuts(self, source: str, seed: int, start: int, samples: int) -> list[Cut]:
        """What sounds from sample ``start`` on of a source's endless track, for ``samples``."""
        chunks = self._chunks[source]
        lengths = np.array([sum(c.stop - c.start for c in chunk) for chunk in chunks])
        total = int(lengths.sum())
        found: list[Cut] = []
        while True:
            turn, at = divmod(start, total)
            order = np.random.default_rng([seed, 4, SOURCES.index(source), turn]).permutation(len(chunks))
            ends = np.cumsum(lengths[order])
            for place in range(int(np.searchsorted(ends, at, side="right")), len(order)):
                within = at - int(ends[place] - lengths[order[place]])
                for cut in chunks[order[place]]:
                    length = cut.stop - cut.start
                    taken = min(length - within, samples)
                    if taken > 0:
                        found.append(Cut(cut.track, cut.start + within, cut.start + within + taken))
                        at, start, samples = at + taken, start + taken, samples - taken
                    if samples <= 0:
                        return found
                    within = max(within - length, 0)

    @cached_property
    def _chunks(self) -> dict[str, list[tuple[Cut, ...]]]:
        """Each source's recordings, cut into pieces of at most a minute."""
        chunks: dict[str, list[tuple[Cut, ...]]] = {s: [] for s in (SPEECH, MUSIC, NOISE)}
        for track in self.tracks:
            chunk: list[Cut] = []
            room = _CHUNK
            for first, last in track.parts:
                at = first
                while at < last:
                    taken = min(last - at, room)
                    chunk.append(Cut(track, at, at + taken))
                    at, room = at + taken, room - taken
                    if room == 0:
                        chunks[track.source].append(tuple(chunk))
                        chunk, room = [], _CHUNK
            if chunk:
                chunks[track.source].append(tuple(chunk))
        return chunks

    def halves(self) -> tuple[Room, Room] | None:
        """Two rooms that share no voice of any source and no recording; None where a source cannot be halved."""
        parts: tuple[list[Track], list[Track]] = ([], [])
        for source in (SPEECH, MUSIC, NOISE):
            own = [t for t in self.tracks if t.source == source]
            voices = sorted({t.voice for t in own}, key=lambda v: hashlib.sha256(v.encode(errors="replace")).digest())
            if own and len(voices) < 2:
                return None
            # The longest first, each to the half that has less.
            voices.sort(key=lambda v: -sum(t.samples for t in own if t.voice == v))
            held = [0, 0]
            for voice in voices:
                which = int(held[1] < held[0])
                mine = [t for t in own if t.voice == voice]
                parts[which].extend(mine)
                held[which] += sum(t.samples for t in mine)
        first, second = (dataclasses.replace(self, tracks=tuple(p)) for p in parts)
        return first, second

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "tracks": [dataclasses.asdict(t) for t in self.tracks],
            "responses": list(map(dataclasses.asdict, self.responses)),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Room:
        """The other way; the folders are still to be said.

        Raises:
            KwsError: the values make no room.
            KeyError, TypeError, ValueError: they are damaged.
        """
        tracks = tuple(
            Track(
                str(t["source"]),
                int(t["folder"]),
                str(t["name"]),
                str(t["voice"]),
                tuple((int(a), int(b)) for a, b in t["parts"]),
            )
            for t in values["tracks"]
        )
        responses = (Response(int(r["folder"]), str(r["name"]), int(r["weight"])) for r in values["responses"])
        return cls(tracks, tuple(responses))
