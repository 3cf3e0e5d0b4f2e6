"""The samples of a stream: a continuous bed of noise, and words on it at stated signal-to-noise ratios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets.augment import COLOURS, active_rms, coloured_noise, word_ends
from kws.datasets.fit import read_loudest
from kws.evaluation.stream.plan import Stretch, Utterance, plan
from kws.evaluation.stream.spec import CLEAN, StreamSpec
from kws.types import Floats, Pcm

# The bed under "clean" speech, which real microphones have too; the clips' own noise is louder.
_CLEAN_DB = 60.0
FULL_SCALE_DB = 90.31
"""Full scale in dB of 1."""
_CROSSFADE = SAMPLE_RATE
_EDGE = SAMPLE_RATE // 100
# The bed's level wanders within this many dB, by a new target every ten seconds.
_WANDER_DB = 3.0
_WANDER_SECONDS = 10
_SYNTHETIC_SECONDS = 60
# Of a longer recording of noise the beginning is looped: a process keeps several of them.
_NOISE_SECONDS = 600
_SYNTHETIC_RMS = 3000
# Decoded clips kept by a process: 32 MB of clips of a second.
_CLIPS = 1024


@dataclass(frozen=True)
class Event:
    """A word in a piece, as scoring sees it.

    Attributes:
        word: the wanted word, or None for any other.
        path: the clip, relative to the data folder.
        start, end: where the word itself begins and ends, in samples of the piece: the first and
            last frames of 20 ms within 20 dB of the clip's loudest.
        condition: index into ``StreamSpec.snr_db``.
    """

    word: str | None
    path: str
    start: int
    end: int
    condition: int


@dataclass(frozen=True)
class Piece:
    """A rendered piece.

    Attributes:
        pcm: int16 [samples].
        events: the words in it, in order.
        stretches: its parts, in order.
    """

    pcm: Pcm
    events: tuple[Event, ...]
    stretches: tuple[Stretch, ...]


def render(spec: StreamSpec, root: Path, piece: int) -> Piece:
    """Make the samples of one piece.

    The noise is continuous: each stretch cuts one long piece from a recording (a shorter
    recording is looped, its ends crossfaded), stretches are crossfaded over a second, and the
    level wanders slowly. The signal-to-noise ratio is that of the word's active level
    (`kws.datasets.augment.active_rms`) to the noise's long-term rms at that moment: between two
    miaows a word stands clear, in one it may drown. The sum saturates.

    The bytes depend on the specification and the clips alone. Levels are rounded to 0.01 dB
    before they are used, so that a last bit of some library's logarithm does not matter.

    Args:
        spec: the stream.
        root: the data folder.
        piece: which piece, from 0.

    Raises:
        KwsError: a clip or a noise recording cannot be read.
    """
    stretches, said = plan(spec, piece)
    bed, wander = _bed(spec, root, piece, stretches)
    events = []
    for one in said:
        clip, begin, end, active = word_clip(root / one.path, spec.clip_samples)
        gain = gain_of(_speech_db(spec, stretches[one.stretch], wander, one) - active)
        bed[one.start : one.start + len(clip)] += gain * clip
        condition = stretches[one.stretch].condition
        events.append(Event(one.word, one.path, one.start + begin, one.start + end, condition))
    return Piece(audio.to_int16(bed), tuple(events), tuple(stretches))


def _speech_db(spec: StreamSpec, stretch: Stretch, wander: npt.NDArray[np.float64], said: Utterance) -> float:
    """Active level of a word, in dB of 1: as far above the noise of the moment as the ratio says."""
    if spec.snr_db[stretch.condition] == CLEAN:
        return stretch.level_dbfs + FULL_SCALE_DB
    middle = (said.start + spec.clip_samples / 2) / SAMPLE_RATE / _WANDER_SECONDS
    # The wander's gain is linear between its knots.
    gain = float(np.interp(middle, np.arange(len(wander)), wander))
    return stretch.level_dbfs + FULL_SCALE_DB + decibels(gain)


def _bed(spec: StreamSpec, root: Path, piece: int, stretches: list[Stretch]) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Noise of a whole piece, float32 [samples], and the gains that its level follows, one in ten seconds."""
    first, last = spec.bounds(piece)
    bed = np.zeros(last - first, np.float32)
    for stretch in stretches:
        noise, rms_db = noise_recording(spec, root, stretch.noise)
        ratio = min(spec.snr_db[stretch.condition], _CLEAN_DB)
        gain = gain_of(stretch.level_dbfs + FULL_SCALE_DB - ratio - rms_db)
        # Begins half a crossfade early and ends half a one late, where another stretch meets it.
        early = min(_CROSSFADE // 2, stretch.start)
        late = min(_CROSSFADE // 2, len(bed) - stretch.stop)
        cut = gain * loop(noise, int(stretch.offset * len(noise)), stretch.stop - stretch.start + early + late)
        ramp = np.sqrt((np.arange(_CROSSFADE) + 0.5) / _CROSSFADE).astype(np.float32)
        if early:
            cut[: 2 * early] *= ramp[: 2 * early]
        if late:
            cut[-2 * late :] *= ramp[::-1][: 2 * late]
        bed[stretch.start - early : stretch.stop + late] += cut
    step = SAMPLE_RATE * _WANDER_SECONDS
    drawn = np.random.default_rng([spec.seed, piece, 1]).uniform(-_WANDER_DB, _WANDER_DB, len(bed) // step + 2)
    knots = np.array([gain_of(x) for x in drawn])
    for i in range(0, len(bed), step):
        part = bed[i : i + step]
        ramp = np.linspace(knots[i // step], knots[i // step + 1], step, endpoint=False)
        part *= ramp[: len(part)].astype(np.float32)
    return bed, knots


def loop(noise: Pcm, start: int, samples: int) -> Floats:
    """Cut ``samples`` from a noise that repeats for ever, from sample ``start`` on: float32 [samples]."""
    start %= len(noise)
    return np.resize(np.concatenate([noise[start:], noise[:start]]), samples).astype(np.float32)


@lru_cache(16)
def _noise(path: Path | None, colour: int) -> tuple[Pcm, float]:
    if path is None:
        name, exponent = list(COLOURS.items())[colour]
        # It comes from a Fourier transform, so its end already fits its beginning.
        rng = np.random.default_rng([len(name), colour])
        noise = _SYNTHETIC_RMS * coloured_noise(rng, _SYNTHETIC_SECONDS * SAMPLE_RATE, exponent)
        looped = audio.to_int16(noise)
    else:
        looped = audio.to_int16(_seamless(_beginning(path).astype(np.float32)))
    power = float(np.mean(looped.astype(np.float64) ** 2))
    return looped, decibels(max(power, 1e-4) ** 0.5)


def noise_recording(spec: StreamSpec, root: Path, index: int) -> tuple[Pcm, float]:
    """A noise that can be looped, int16 [samples], and its rms in dB of 1.

    Without recordings it is a minute of white, pink or brown noise; of long ones it is the first ten minutes.

    Raises:
        KwsError: the recording cannot be read.
    """
    if not spec.noise:
        return _noise(None, index)
    return _noise(root / spec.noise[index], 0)


def _beginning(path: Path) -> Pcm:
    return next(audio.blocks(path, _NOISE_SECONDS * SAMPLE_RATE))


def _seamless(noise: Floats) -> Floats:
    """Crossfade a recording's end with its beginning, so that it can be repeated."""
    fade = min(_CROSSFADE, len(noise) // 4)
    if fade == 0:
        return noise
    ramp = np.sqrt((np.arange(fade) + 0.5) / fade).astype(np.float32)
    looped = noise[fade:].copy()
    looped[-fade:] = looped[-fade:] * ramp[::-1] + noise[:fade] * ramp
    return looped


@lru_cache(_CLIPS)
def word_clip(path: Path, samples: int) -> tuple[Floats, int, int, float]:
    """A clip of ``samples`` with soft edges, where its word begins and ends, and its active level in dB of 1."""
    pcm = read_loudest(path, samples)
    edge = min(_EDGE, len(pcm) // 2)
    x = pcm.astype(np.float32)
    ramp = ((np.arange(edge) + 0.5) / edge).astype(np.float32)
    x[:edge] *= ramp
    x[len(x) - edge :] *= ramp[::-1]
    before = (samples - len(x)) // 2
    x = np.pad(x, (before, samples - len(x) - before))
    end = int(word_ends(x[None])[0])
    begin = samples - int(word_ends(x[None, ::-1])[0])
    return x, begin, end, decibels(max(float(active_rms(x[None])[0]), 1.0))


def decibels(amplitude: float) -> float:
    """An amplitude in dB of 1, to 0.01 dB."""
    return round(20 * float(np.log10(amplitude)), 2)


def gain_of(db: float) -> np.float32:
    """What a level in dB, to 0.01 dB, multiplies by."""
    return np.float32(10 ** (round(db, 2) / 20))
