"""Find what is wrong with folders of other speech, noise and rooms before they cost a night of training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kws import audio
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import roles, transcripts
from kws.datasets.check import CLIPPED_SHARE, SILENT_RMS, Finding, each
from kws.datasets.measure import Measured, measure
from kws.datasets.roles import Folders, Recording
from kws.datasets.splits import TRAINING, VALIDATION
from kws.errors import KwsError
from kws.types import Progress

_BLOCK = 1 << 16
# An impulse response that long is no room of a home, and every clip would pay for it.
_LONG_ROOM = 3.0
# Transcripts are rounded, and coding adds a little.
_SLACK = 0.1


@dataclass(frozen=True)
class Amount:
    """What there is of one source in one split.

    Attributes:
        role: ``speech``, ``noise`` or ``rooms``.
        source: as of a recording.
        split: likewise.
        recordings: how many.
        hours: of them.
        said: hours in which a word to spot is said.
        doubtful: hours that nobody wrote down: fit to train on, not to count false accepts in.
    """

    role: str
    source: str
    split: str
    recordings: int
    hours: float
    said: float
    doubtful: float


@dataclass(frozen=True)
class RolesReport:
    """What `check` found.

    Attributes:
        errors: what must be mended before training.
        warnings: what is worth a look.
        amounts: what there is, by role, source and split.
        sample_rates: number of readable recordings by sample rate in Hz.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    amounts: tuple[Amount, ...]
    sample_rates: dict[int, int]


@dataclass(frozen=True)
class _Measured:
    recording: Recording
    info: audio.Info
    sound: Measured


def check(folders: Folders, data: DataConfig | None = None, progress: Progress | None = None) -> RolesReport:
    """Read every recording of the roles and report what is wrong.

    Errors: unreadable recordings, transcripts of files that are missing, or of stretches after a file's end,
    silent impulse responses, and the same audio in two splits. Warnings: silent and clipped recordings, sample
    rates below 16 kHz, impulse responses longer than three seconds, speech without transcripts, and a role of
    which nothing is left for validation.

    Args:
        folders: where they are.
        data: the words to spot, and how speakers are split.
        progress: called with (recordings done, in total).

    Raises:
        KwsError: a folder is missing or empty, or its transcripts cannot be read.
    """
    listed = roles.everything(folders, data or DataConfig())
    errors: list[Finding] = [f for folder in folders.speech for f in _transcripts(folder)]
    measured, unreadable = each(_measure, listed, progress)
    errors += unreadable
    warnings = [f for m in measured for f in _doubts(m)]
    for folder in folders.speech:
        if not (folder / transcripts.NAME).exists():
            message = f"{folder.name} has no {transcripts.NAME}: it is taken to say none of the words to spot"
            warnings.append(Finding("no transcripts", message, (folder,)))
    for role in (roles.SPEECH, roles.NOISE):
        own = [r for r in listed if r.role == role]
        if own and not any(r.split == VALIDATION for r in own):
            message = f"no {role} is left for validation; put other recordings into a folder validation within it"
            warnings.append(Finding("no validation", message, ()))
    errors += [*_silent_rooms(measured), *_in_two_splits(measured)]
    return RolesReport(
        tuple(errors),
        tuple(sorted(warnings, key=lambda f: (f.kind, f.paths))),
        tuple(_amounts(measured)),
        dict(Counter(m.info.sample_rate for m in measured)),
    )


def _measure(recording: Recording) -> _Measured | Finding:
    try:
        sound = measure(lambda: audio.blocks(recording.path, _BLOCK))
        return _Measured(recording, audio.info(recording.path), sound)
    except KwsError as error:
        return Finding("unreadable", str(error), (recording.path,))


def _transcripts(folder: Path) -> Iterator[Finding]:
    if not (folder / transcripts.NAME).exists():
        return
    ends: defaultdict[str, float] = defaultdict(float)
    for s in transcripts.read(folder):
        ends[s.file] = max(ends[s.file], s.end)
    for file, end in ends.items():
        path = folder / file
        if not path.is_file():
            message = f"{folder.name}/{transcripts.NAME} tells what is said in {file}, which is not there"
            yield Finding("missing recording", f"{message}; copy it, or delete its lines", (path,))
            continue
        try:
            seconds = audio.info(path).seconds
        except KwsError:
            # It is reported as unreadable.
            continue
        if end > seconds + _SLACK:
            message = f"{folder.name}/{transcripts.NAME} tells what is said in {file} until {end:.1f} s; it ends at"
            yield Finding("transcript too long", f"{message} {seconds:.1f} s", (path,))


def _doubts(m: _Measured) -> Iterator[Finding]:
    path, name = (m.recording.path,), m.recording.name
    if m.info.sample_rate < SAMPLE_RATE:
        message = f"{name} is at {m.info.sample_rate} Hz, so nothing above {m.info.sample_rate // 2} Hz is in it"
        yield Finding("narrow band", message, path)
    if m.recording.role == roles.ROOMS:
        if m.info.seconds > _LONG_ROOM:
            message = f"{name} lasts {m.info.seconds:.1f} s; a room's response has faded after {_LONG_ROOM:g} s"
            yield Finding("long response", message, path)
        return
    if m.sound.loudest < SILENT_RMS:
        yield Finding("silent", f"{name} is silent, or nearly so; listen to it, then delete it", path)
    if m.sound.clipped >= CLIPPED_SHARE:
        yield Finding("clipped", f"{name} is clipped in {100 * m.sound.clipped:.1f} % of its samples", path)


def _silent_rooms(measured: Sequence[_Measured]) -> Iterator[Finding]:
    for m in measured:
        if m.recording.role == roles.ROOMS and m.sound.loudest == 0:
            message = f"{m.recording.name} is silent; a room impulse response has a direct sound; delete it"
            yield Finding("silent room", message, (m.recording.path,))


def _in_two_splits(measured: Sequence[_Measured]) -> Iterator[Finding]:
    by_digest: defaultdict[bytes, list[Recording]] = defaultdict(list)
    for m in measured:
        if m.recording.role != roles.ROOMS and m.sound.loudest >= SILENT_RMS:
            by_digest[m.sound.digest].append(m.recording)
    for same in by_digest.values():
        if len({r.split for r in same}) > 1 and any(r.split == TRAINING for r in same):
            names = ", ".join(r.name for r in same)
            paths = tuple(r.path for r in same)
            yield Finding("recording in two splits", f"the same audio is in two splits: {names}", paths)


def _amounts(measured: Sequence[_Measured]) -> Iterator[Amount]:
    groups: defaultdict[tuple[str, str, str], list[_Measured]] = defaultdict(list)
    for m in measured:
        groups[m.recording.role, m.recording.source, m.recording.split].append(m)
    for (role, source, split), own in groups.items():
        hours = sum(m.info.seconds for m in own) / 3600
        said, doubtful = (
            sum(_covered(getattr(m.recording, name), m.info.seconds) for m in own) / 3600
            for name in ("said", "doubtful")
        )
        yield Amount(role, source, split, len(own), hours, said, doubtful)


def _covered(spans: Sequence[tuple[float, float]], seconds: float) -> float:
    return sum(max(min(end, seconds) - start, 0.0) for start, end in spans)
