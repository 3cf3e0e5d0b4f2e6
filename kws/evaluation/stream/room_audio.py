"""The samples of the room: long recordings that follow one another, and words over them or in their pauses."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import roles
from kws.datasets.augment import active_rms, coloured_noise
from kws.datasets.roles import Recording
from kws.datasets.splits import TRAINING
from kws.errors import KwsError
from kws.evaluation.stream.audio import FULL_SCALE_DB, Event, Piece, decibels, gain_of, word_clip
from kws.evaluation.stream.plan import Utterance
from kws.evaluation.stream.room import NOISE, OTHERS, SPEECH, Room
from kws.evaluation.stream.room_plan import PAUSE_SECONDS, RoomStretch, plan
from kws.evaluation.stream.spec import CLEAN, StreamSpec
from kws.types import Floats, Pcm

FLOOR_DBFS = -70.0
"""The room's own noise, pink, under everything."""
_FLOOR_SECONDS = 20
_CLEAN_DB = 60.0
_EDGE = SAMPLE_RATE // 100
_FRAME = SAMPLE_RATE // 20
# Where what sounds pauses: at its quietest moment so near the drawn one.
_SEARCH = SAMPLE_RATE
_BLOCK = 1 << 17
_RESPONSES = 256
# Samples of decoded recordings that a process keeps: 64 MB.
_KEPT = 1 << 25


def render(spec: StreamSpec, root: Path, piece: int) -> Piece:
    """Make the samples of one piece of the room.

    In every stretch one source sounds, at a level below that of the words: the active level of speech, the rms
    of music and noise, are the stated ratio below. Without a ratio ("clean") the source is as loud as the words
    and pauses for each of them, half a second before and after, at its quietest moment within a second of the
    drawn one: people stop talking when somebody talks to a device. Single other words are said over noise, and
    without a ratio over the room's own, 60 dB below. Words and source are each convolved with an impulse response
    of energy 1; a word ends where it ends without its reverberation. The sum saturates. The bytes depend on the
    specification and the files alone.

    Args:
        spec: the stream, with a room.
        root: the data folder.
        piece: which piece, from 0.

    Raises:
        KwsError: a clip or a recording cannot be read, or the stream has no room.
    """
    if spec.room is None:
        raise KwsError("the stream has no room")
    stretches, said = plan(spec, piece)
    first, last = spec.bounds(piece)
    bed = gain_of(FLOOR_DBFS + FULL_SCALE_DB) * np.resize(_floor(), last - first)
    events = []
    for index, stretch in enumerate(stretches):
        sound, mine = _sound(spec, spec.room, stretch, [u for u in said if u.stretch == index])
        bed[stretch.start : stretch.stop] += sound
        for one in mine:
            clip, begin, end, active = word_clip(root / one.path, spec.clip_samples)
            heard = reverberated(clip, _answer(spec.room, stretch.word_response))
            heard = heard[: len(bed) - one.start]
            bed[one.start : one.start + len(heard)] += gain_of(stretch.level_dbfs + FULL_SCALE_DB - active) * heard
            events.append(Event(one.word, one.path, one.start + begin, one.start + end, stretch.condition))
    return Piece(audio.to_int16(bed), tuple(events), tuple(stretches))


def _sound(spec: StreamSpec, room: Room, stretch: RoomStretch, said: list[Utterance]) -> tuple[Floats, list[Utterance]]:
    """What sounds in a stretch, float32 [samples], and its words, in the pauses if it makes any."""
    samples = stretch.stop - stretch.start
    ratio = spec.snr_db[stretch.condition % len(spec.snr_db)]
    pausing = ratio == CLEAN and stretch.kind != OTHERS
    pause = spec.clip_samples + 2 * round(PAUSE_SECONDS * SAMPLE_RATE)
    needed = samples - pause * len(said) if pausing else samples
    x = _source(spec, room, stretch, needed)
    level = _level(x, stretch.kind)
    if pausing:
        x, said = _with_pauses(x, stretch.start, said, pause)
    fade(x)
    if level > 1:
        below = 0.0 if pausing else min(ratio, _CLEAN_DB)
        x *= gain_of(stretch.level_dbfs + FULL_SCALE_DB - below - decibels(level))
    return reverberated(x, _answer(room, stretch.source_response))[:samples], said


def _source(spec: StreamSpec, room: Room, stretch: RoomStretch, samples: int) -> Floats:
    """Samples of what sounds: float32 [samples], soft where one recording gives way to another."""
    kind = stretch.kind
    if kind == OTHERS:
        if not room.samples(NOISE):
            return np.resize(_floor(), samples)
        kind = NOISE
    out = np.zeros(samples, np.float32)
    at = 0
    for cut in room.cuts(kind, spec.seed, stretch.position, samples):
        pcm = _decoded.cut(room.path(cut.track.folder, cut.track.name), cut.start, cut.stop)
        part = pcm.astype(np.float32)
        fade(part)
        out[at : at + len(part)] = part
        at += cut.stop - cut.start
    return out


class _Decoded:
    """Keeps short recordings decoded, since most are asked for again; of long ones it reads what is asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, Pcm] = OrderedDict()

    def cut(self, path: Path, start: int, stop: int) -> Pcm:
        """Samples ``start`` to ``stop``."""
        if path not in self._kept:
            if audio.info(path).seconds * SAMPLE_RATE > _KEPT / 4:
                return audio.cut(path, start, stop)
            self._kept[path] = audio.read(path)
        self._kept.move_to_end(path)
        while sum(map(len, self._kept.values())) > _KEPT and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return self._kept[path][start:stop]


_decoded = _Decoded()


def _level(x: Floats, kind: str) -> float:
    """The active level of speech, the rms of anything else, in units of one sample."""
    if kind == SPEECH:
        return float(active_rms(x[None])[0]) if len(x) else 0.0
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if len(x) else 0.0


def _with_pauses(x: Floats, start: int, said: list[Utterance], pause: int) -> tuple[Floats, list[Utterance]]:
    """Let ``x`` pause for each word where it is quietest, and move the words there."""
    energy = np.square(x[: len(x) // _FRAME * _FRAME], dtype=np.float64).reshape(-1, _FRAME).sum(axis=1)
    parts: list[Floats] = []
    moved = []
    lead = round(PAUSE_SECONDS * SAMPLE_RATE)
    before = 0
    for i, one in enumerate(said):
        drawn = one.start - start - i * pause - lead
        low = max(before, drawn - _SEARCH) // _FRAME
        high = min(len(x), drawn + _SEARCH) // _FRAME
        quiet = energy[low:high]
        place = max((low + int(np.argmin(quiet))) * _FRAME + _FRAME // 2 if len(quiet) else drawn, before)
        place = min(place, len(x))
        part = x[before:place].copy()
        fade(part)
        parts += [part, np.zeros(pause, np.float32)]
        moved.append(dataclasses.replace(one, start=start + place + i * pause + lead))
        before = place
    rest = x[before:].copy()
    fade(rest)
    return np.concatenate([*parts, rest]), moved


def fade(x: Floats) -> None:
    """Let samples begin and end softly, within 10 ms, in place."""
    edge = min(_EDGE, len(x) // 2)
    ramp = ((np.arange(edge) + 0.5) / max(edge, 1)).astype(np.float32)
    x[:edge] *= ramp
    x[len(x) - edge :] *= ramp[::-1]


def reverberated(x: Floats, response: Floats | None) -> Floats:
    """Convolve float32 ``[n]`` with a response ``[m]``: ``[n + m - 1]``, block by block; as it is without one."""
    if response is None or not len(x):
        return x
    out = np.zeros(len(x) + len(response) - 1, np.float32)
    size = min(_BLOCK, 1 << int(np.ceil(np.log2(len(out)))))
    step = size - len(response) + 1
    spectrum = np.fft.rfft(response.astype(np.float64), size)
    for i in range(0, len(x), step):
        y = np.fft.irfft(np.fft.rfft(x[i : i + step].astype(np.float64), size) * spectrum, size)
        part = out[i : i + size]
        part += y[: len(part)].astype(np.float32)
    return out


def _answer(room: Room, index: int) -> Floats | None:
    if index < 0:
        return None
    found = room.responses[index]
    return _response(room.path(found.folder, found.name))


@lru_cache(_RESPONSES)
def _response(path: Path) -> Floats:
    return roles.impulse_responses([Recording(path, path.name, roles.ROOMS, "", TRAINING)])[0]


@lru_cache(1)
def _floor() -> Floats:
    """Pink noise of rms 1 whose end fits its beginning."""
    return coloured_noise(np.random.default_rng([4]), _FLOOR_SECONDS * SAMPLE_RATE, 1.0)
