"""Which recordings sound in the room: other people than those of the training, in nothing that is doubtful."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import roles, transcripts
from kws.datasets.negatives import EVALUATION_PACK, stretches
from kws.datasets.roles import Folders, Recording
from kws.datasets.splits import TESTING, TRAINING, VALIDATION
from kws.errors import KwsError
from kws.evaluation.stream import spec as specs
from kws.evaluation.stream.room import MUSIC, NOISE, PACK, SHARES, SPEECH, Response, Room, Track
from kws.evaluation.stream.spec import StreamSettings, StreamSpec

LEAST_MINUTES, MOST_MINUTES = 60.0, 1200.0
# What falls by 25 dB within that time is a room of a home (a reverberation time of 0.84 s at the most); halls are
# drawn a tenth as often.
_DECAY_DB, _ROOM_SECONDS, _ROOMS_PER_HALL = 25.0, 0.35, 10
# Public collections of music whose names do not say so.
_MUSIC = frozenset({"librosa", "sonicpi", "webaudio", "fma", "gtzan"})


def is_music(recording: Recording) -> bool:
    """Whether a recording is music: the folder that was given, one within it, or its source is called so."""
    within = Path(recording.name).parts
    given = recording.path.parents[len(within) - 1].name
    names = [part.lower() for part in (given, *within[:-1], recording.source)]
    return any("music" in name or name in _MUSIC for name in names)


def recordings(folders: Folders, data: DataConfig, split: str) -> list[Recording]:
    """The recordings of speech and noise that may be measured on.

    Never those of the training split, whatever ``split`` says of the words.

    Args:
        folders: where they are.
        data: the words to spot, and how speakers are split; those of the model.
        split: ``validation`` or ``testing``; both where it says anything else.

    Raises:
        KwsError: as `kws.datasets.roles.everything`, or nothing is left.
    """
    return measurable(roles.everything(dataclasses.replace(folders, rooms=()), data), folders, split)


def measurable(everything: Sequence[Recording], folders: Folders, split: str) -> list[Recording]:
    """Those of recordings that are listed already, as `recordings`.

    Args:
        everything: what `kws.datasets.roles.everything` lists of the folders.
        folders: where they are.
        split: as of `recordings`.

    Raises:
        KwsError: nothing is left of a role that a folder is given of.
    """
    asked = {split} if split in (VALIDATION, TESTING) else {VALIDATION, TESTING}
    listed = [r for r in everything if r.role != roles.ROOMS]
    found = [r for r in listed if r.split in asked]
    for role, given in ((roles.SPEECH, folders.speech), (roles.NOISE, folders.noise)):
        if given and not any(r.role == role for r in found):
            names = ", ".join(map(str, given))
            training = " (all of it is for training)" if all(r.split == TRAINING for r in listed) else ""
            raise KwsError(
                f"there is nothing of the {' and '.join(sorted(asked))} split in {names}{training}; put recordings"
                " that were not trained on into a folder validation within it"
            )
    return found


def source_of(recording: Recording) -> str:
    """``speech``, ``music`` or ``noise``."""
    return SPEECH if recording.role == roles.SPEECH else MUSIC if is_music(recording) else NOISE


def room(folders: Folders, data: DataConfig, split: str) -> Room:
    """What sounds in the room; the recordings that come with kws stand in for a role that no folder is given of.

    Raises:
        KwsError: as `recordings`, a recording cannot be read, or false accepts cannot be counted in any speech.
    """
    given = (*folders.speech, *folders.noise, *folders.rooms)
    tracks = [_track(r, given) for r in recordings(folders, data, split)]
    speech = [t for t in tracks if t.source == SPEECH]
    if speech and not any(t.parts for t in speech):
        raise KwsError(
            f"false accepts cannot be counted in the speech of {', '.join(map(str, folders.speech))}: each of the"
            f" {len(speech)} recordings that were not trained on says a word to spot all along, or nobody wrote down"
            " what it says; give other speech, or leave --speech out for what comes with kws"
        )
    absent = {*(() if folders.speech else (SPEECH,)), *(() if folders.noise else (MUSIC, NOISE))}
    tracks += [t for t in pack(data.words) if t.source in absent]
    responses = roles.everything(Folders(rooms=folders.rooms), data) if folders.rooms else []
    return Room(tuple(t for t in tracks if t.parts), tuple(_response(r, given) for r in responses), given)


def pack(words: Iterable[str]) -> list[Track]:
    """The recordings that come with kws, without what says one of the words: a track a voice."""
    kept = stretches(EVALUATION_PACK, list(words))
    spoken = {s.file for s in transcripts.read(EVALUATION_PACK) if s.text}
    found = []
    for (file, voice), group in groupby(kept, key=lambda s: (s.file, s.voice)):
        parts = tuple((round(s.start * SAMPLE_RATE), round(s.end * SAMPLE_RATE)) for s in group)
        source = SPEECH if file in spoken else MUSIC if "music" in file else NOISE
        found.append(Track(source, PACK, file, voice or file, parts))
    return found


def _track(recording: Recording, folders: tuple[Path, ...]) -> Track:
    folder, name = _place(recording, folders)
    samples = int(audio.info(recording.path).seconds * SAMPLE_RATE)
    parts = tuple((a, b) for a, b in roles.usable(recording, samples, doubtful=False) if b - a >= SAMPLE_RATE // 2)
    return Track(source_of(recording), folder, name, name, parts)


def _response(recording: Recording, folders: tuple[Path, ...]) -> Response:
    folder, name = _place(recording, folders)
    response = roles.impulse_responses([recording])[0]
    left = np.cumsum(np.square(response[::-1], dtype=np.float64))[::-1]
    seconds = int(np.count_nonzero(left > left[0] * 10 ** (-_DECAY_DB / 10))) / SAMPLE_RATE
    return Response(folder, name, _ROOMS_PER_HALL if seconds <= _ROOM_SECONDS else 1)


def _place(recording: Recording, folders: tuple[Path, ...]) -> tuple[int, str]:
    """The index of a recording's folder, the deepest where one lies in another, and its name there."""
    around = [i for i, folder in enumerate(folders) if recording.path.is_relative_to(folder)]
    index = max(around, key=lambda i: len(folders[i].parts))
    return index, recording.path.relative_to(folders[index]).as_posix()


def minutes(found: Room) -> float:
    """As long as it takes to hear all speech of a room once, within one hour and twenty."""
    share = SHARES[SPEECH] / sum(SHARES.values())
    return min(max(found.samples(SPEECH) / SAMPLE_RATE / 60 / share, LEAST_MINUTES), MOST_MINUTES)


def specify(root: Path, data: DataConfig, settings: StreamSettings, found: Room) -> StreamSpec:
    """Specify a room with the words of a data folder.

    Args:
        root: a data set in Speech Commands' layout or a folder of word folders.
        data: the wanted words, the clip length and the split percentages.
        settings: what is chosen of the stream.
        found: what sounds in the room.

    Raises:
        KwsError: as `kws.evaluation.stream.spec.specify`.
    """
    desk = specs.specify(root, data, settings)
    both = dataclasses.replace(desk, room=found, digest="")
    return dataclasses.replace(both, digest=specs.digest(both, root))
