"""What is said in a long stream of words and noise, and when: a specification that rebuilds the stream byte for byte.

A stream is made of *pieces* of about ten minutes, each drawn from its own seed, so that hours of
it can be made in parallel and in constant memory. A piece is made of *stretches* of one to three
minutes: words (wanted and unwanted mixed), unwanted words alone, or noise alone. A stretch has
one background noise, one signal-to-noise ratio and one level of speech. The specification holds
the settings, the seed and the names of the clips; `kws.evaluation.stream.plan.plan` draws a
piece from it, and `kws.evaluation.stream.audio.render` makes its samples. This is the *desk*; a
specification that names what sounds in a room (`kws.evaluation.stream.room`) makes the other scene.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kws.config import SAMPLE_RATE, SILENCE, DataConfig
from kws.datasets import clips as clip_lists
from kws.datasets.splits import VALIDATION, speaker_of
from kws.errors import KwsError
from kws.evaluation.stream.room import Room
from kws.files import parse_json, read_file, write_atomic

KIND = "kws stream"
VERSION = 1
ROOM_VERSION = 2
"""Of specifications with a room."""
DESK, ROOM = SCENES = ("desk", "room")
CLEAN = math.inf
"""The signal-to-noise ratio of speech without added noise."""

PIECE_SECONDS = 600
SHORTEST_GAP = 0.25
"""The least between two clips, in seconds."""


def snr_name(snr_db: float) -> str:
    """A signal-to-noise ratio in words."""
    return "clean" if snr_db == CLEAN else f"{snr_db:g} dB"


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """What can be chosen of a stream.

    Attributes:
        minutes: length of the stream.
        seed: of every draw.
        snr_db: signal-to-noise ratios of the stretches, in dB, each in as many stretches of words
            as the others; :data:`CLEAN` is speech without added noise.
        rate: words a minute in stretches with words.
        wanted_percent: share of wanted words in stretches of words, per cent.
        level_dbfs: lowest and highest active level of speech, in dB below full scale.
        split: whose speakers, or which takes, are heard: ``validation``, ``testing``,
            ``training`` or ``all``.
    """

    minutes: float
    seed: int = 1
    snr_db: tuple[float, ...] = (CLEAN, 20.0, 10.0)
    rate: float = 20.0
    wanted_percent: float = 50.0
    level_dbfs: tuple[float, float] = (-35.0, -20.0)
    split: str = VALIDATION

    def __post_init__(self) -> None:
        _require(0 <= self.seed < 2**64, f"the seed must be 0 to 2^64 - 1, not {self.seed:g}")
        _require(0.5 <= self.minutes <= 1e6, f"a stream must last 0.5 to 1,000,000 minutes, not {self.minutes:g}")
        _require(bool(self.snr_db), "a stream needs at least one signal-to-noise ratio")
        bad = [s for s in self.snr_db if not (-20 <= s <= 60 or s == CLEAN)]
        _require(not bad, f"signal-to-noise ratios must be -20 to 60 dB or clean, not {bad}")
        _require(len(set(self.snr_db)) == len(self.snr_db), "a signal-to-noise ratio is named twice")
        _require(0 <= self.wanted_percent <= 100, f"wanted_percent must be 0 to 100, not {self.wanted_percent:g}")
        _require(
            len(self.level_dbfs) == 2 and -80 <= self.level_dbfs[0] <= self.level_dbfs[1] <= -6,
            f"level_dbfs must be [lowest, highest] between -80 and -6, not {list(self.level_dbfs)}",
        )


@dataclass(frozen=True, kw_only=True)
class StreamSpec(StreamSettings):
    """Everything that a stream is drawn from.

    Attributes:
        clip_ms: length that clips are padded or cut to, in milliseconds.
        wanted: clips of each wanted word, paths relative to the data folder.
        unwanted: clips of other words.
        noise: noise recordings; without any, the noise is synthesised.
        digest: SHA-256 of the contents of all of these files, and of those in the room, in order.
        room: what sounds in the room; None on the desk.
    """

    clip_ms: float
    wanted: dict[str, tuple[str, ...]]
    unwanted: tuple[str, ...]
    noise: tuple[str, ...]
    digest: str
    room: Room | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(bool(self.wanted) and all(self.wanted.values()), "a stream needs clips of every wanted word")
        _require(not any("\0" in name for name in self.files), "a clip's name holds a zero byte")
        _require(100 <= self.clip_ms <= 10000, f"clip_ms must be 100 to 10000, not {self.clip_ms:g}")
        fastest = 60 / (self.clip_ms / 1000 + SHORTEST_GAP)
        _require(0 < self.rate <= fastest, f"the rate must be at most {fastest:.0f} words a minute, not {self.rate:g}")

    @property
    def clip_samples(self) -> int:
        """Clip length in samples."""
        return round(self.clip_ms * SAMPLE_RATE / 1000)

    @property
    def samples(self) -> int:
        """Length of the stream in samples."""
        return round(self.minutes * 60 * SAMPLE_RATE)

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return max(1, round(self.minutes * 60 / PIECE_SECONDS))

    @property
    def distinct(self) -> tuple[int, int]:
        """Number of different clips, wanted and unwanted."""
        return sum(len(set(clips)) for clips in self.wanted.values()), len(set(self.unwanted))

    @property
    def noises(self) -> int:
        """Number of different noises: the recordings, or the three colours that stand for them."""
        return len(self.noise) or 3

    @property
    def scene(self) -> str:
        """``desk`` or ``room``."""
        return DESK if self.room is None else ROOM

    @property
    def conditions(self) -> tuple[tuple[str, float], ...]:
        """What is told apart when counting: the source of the sound, nothing on the desk, and the ratio in dB."""
        sources = ("",) if self.room is None else tuple(self.room.shares(bool(self.unwanted)))
        return tuple((source, snr) for source in sources for snr in self.snr_db)

    @property
    def files(self) -> tuple[str, ...]:
        """All clips and noise recordings, relative to the data folder."""
        return (*(c for clips in self.wanted.values() for c in clips), *self.unwanted, *self.noise)

    def bounds(self, piece: int) -> tuple[int, int]:
        """First sample of a piece, and the one after its last."""
        return self.samples * piece // self.pieces, self.samples * (piece + 1) // self.pieces

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        snr = ["clean" if s == CLEAN else s for s in self.snr_db]
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "room"}
        room = {} if self.room is None else {"room": self.room.as_dict()}
        version = VERSION if self.room is None else ROOM_VERSION
        return {"kind": KIND, "version": version, **values, "snr_db": snr, **room}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StreamSpec:
        """The other way.

        Raises:
            KwsError: a value is missing, unknown or out of range.
        """
        version = ROOM_VERSION if "room" in values else VERSION
        if (values.get("kind"), values.get("version")) != (KIND, version):
            raise KwsError(f"it is not the specification of a stream (kind {KIND!r}, version {version})")
        names = {f.name for f in dataclasses.fields(cls)} - (set() if "room" in values else {"room"})
        wrong = sorted(names ^ (set(values) - {"kind", "version"}))
        _require(not wrong, f"keys that it lacks or that do not belong there: {', '.join(wrong)}")
        try:
            low, high = (float(v) for v in values["level_dbfs"])
            return cls(
                seed=int(values["seed"]),
                minutes=float(values["minutes"]),
                snr_db=tuple(CLEAN if s == "clean" else float(s) for s in values["snr_db"]),
                rate=float(values["rate"]),
                wanted_percent=float(values["wanted_percent"]),
                level_dbfs=(low, high),
                clip_ms=float(values["clip_ms"]),
                split=str(values["split"]),
                wanted={str(word): tuple(map(str, clips)) for word, clips in values["wanted"].items()},
                unwanted=tuple(map(str, values["unwanted"])),
                noise=tuple(map(str, values["noise"])),
                digest=str(values["digest"]),
                room=Room.from_dict(values["room"]) if "room" in values else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise KwsError(f"its values are damaged ({error})") from error

    def save(self, path: Path) -> None:
        """Write the specification as JSON.

        Raises:
            KwsError: the file cannot be written.
        """
        write_atomic(path, json.dumps(self.as_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> StreamSpec:
        """Read a specification.

        Raises:
            KwsError: the file cannot be read, or is not a specification.
        """
        try:
            values = parse_json(read_file(path))
        except OSError as error:
            raise KwsError(f"cannot read {path}: {error.strerror or error}") from error
        except ValueError as error:
            raise KwsError(f"{path} is not JSON: {error}") from error
        try:
            return cls.from_dict(values if isinstance(values, dict) else {})
        except KwsError as error:
            raise KwsError(f"{path}: {error}") from error


def specify(root: Path, data: DataConfig, settings: StreamSettings) -> StreamSpec:
    """Specify a stream of the words of a data folder.

    Args:
        root: a data set in Speech Commands' layout or a folder of word folders.
        data: the wanted words, the clip length and the split percentages.
        settings: what is chosen of the stream.

    Raises:
        KwsError: the split lacks a wanted word, or a setting is out of range.
    """
    listed = clip_lists.index(root, data)
    split = settings.split
    heard = [c for c in listed if split in (c.split, "all") and c.word != SILENCE]
    wanted = {w: tuple(_relative(c.path, root) for c in heard if c.word == w) for w in data.words}
    missing = [w for w, clips in wanted.items() if not clips]
    if missing:
        raise KwsError(
            f"{root} has no clips of {', '.join(missing)} in its {split} split; add some, or take another split"
        )
    unwanted = tuple(_relative(c.path, root) for c in heard if c.word not in wanted)
    noise = tuple(_relative(p, root) for p in clip_lists.background(root))
    chosen = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    spec = StreamSpec(**chosen, clip_ms=data.clip_ms, wanted=wanted, unwanted=unwanted, noise=noise, digest="")
    return dataclasses.replace(spec, digest=digest(spec, root))


def digest(spec: StreamSpec, root: Path) -> str:
    """SHA-256 of the contents of all files of a stream, in hexadecimal: of each file's own digest.

    Raises:
        KwsError: a file cannot be read.
    """
    whole = hashlib.sha256()
    in_room = [] if spec.room is None else spec.room.files
    for path in (*(root / name for name in spec.files), *in_room):
        try:
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise KwsError(f"cannot read {path}, a clip of the stream: {error.strerror or error}") from error
    return whole.hexdigest()


def check(spec: StreamSpec, root: Path) -> None:
    """Make sure that a folder holds the very clips that a stream was made from.

    Raises:
        KwsError: a clip is missing, or one has other contents.
    """
    if digest(spec, root) != spec.digest:
        others = "" if spec.room is None else " and the recordings of the room"
        raise KwsError(f"the clips in {root}{others} are not those the stream was made from: their contents differ")


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise KwsError(message)


def halves(spec: StreamSpec) -> tuple[StreamSpec, ...]:
    """Two streams of half the length, each of one half of the speakers; the whole where one cannot be halved.

    A word that all of its speakers would leave in one half is halved by recording (`share_speakers`
    tells). Where a word has a single recording, or a source of the room a single voice, the stream stays whole.
    """
    if min(len(clips) for clips in spec.wanted.values()) < 2 or spec.minutes < 1:
        return (spec,)
    rooms = (None, None) if spec.room is None else spec.room.halves()
    if rooms is None:
        return (spec,)
    speakers = sorted(_speakers(spec))
    # By hash, since names may be numbered by sex or by place.
    speakers.sort(key=lambda name: hashlib.sha256(name.encode(errors="surrogateescape")).digest())
    half = {name: i % 2 for i, name in enumerate(speakers)}

    def of(clips: tuple[str, ...], which: int) -> tuple[str, ...]:
        parts = [tuple(c for c in clips if half[speaker_of(c)] == part) for part in (0, 1)]
        return parts[which] if all(parts) else clips[which::2]

    return tuple(
        dataclasses.replace(
            spec,
            seed=spec.seed + which,
            minutes=spec.minutes / 2,
            wanted={word: of(clips, which) for word, clips in spec.wanted.items()},
            unwanted=of(spec.unwanted, which),
            room=rooms[which],
            digest="",
        )
        for which in (0, 1)
    )


def share_speakers(specs: Sequence[StreamSpec]) -> bool:
    """Whether somebody speaks in more than one of some streams."""
    return sum(len(_speakers(spec)) for spec in specs) > len(set[str]().union(*map(_speakers, specs)))


def _speakers(spec: StreamSpec) -> set[str]:
    return {speaker_of(name) for clips in (*spec.wanted.values(), spec.unwanted) for name in clips}
