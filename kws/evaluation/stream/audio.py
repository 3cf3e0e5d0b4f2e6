"""The samples of a stream: a continuous bed of noise, and words on it at stated signal-to-noise ratios."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets.augment import COLOURS, active_rms, coloured_noise, word_ends
from kws.datasets.fit import fit
from kws.errors import KwsError
from kws.evaluation.stream.plan import Stretch, Utterance, plan
from kws.evaluation.stream.spec import CLEAN, StreamSpec
from kws.files import replacing, write_atomic
from kws.types import Floats, Pcm

# The bed under "clean" speech, which real microphones have too; the clips' own noise is louder.
_CLEAN_DB = 60.0
_FULL_SCALE = 32768.0
_CROSSFADE = SAMPLE_RATE
_EDGE = SAMPLE_RATE // 100
# The bed's level wanders within this many dB, by a new target every ten seconds.
_WANDER_DB = 3.0
_WANDER_SECONDS = 10
_SYNTHETIC_SECONDS = 60
_SYNTHETIC_RMS = 3000
# Decoded clips kept by a process: 32 MB of clips of a second.
_CLIPS = 1024
_WAV_BYTES = 2**32 - 64


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
        clip, begin, end, active = _clip(root / one.path, spec.clip_samples)
        gain = _gain(_speech_db(spec, stretches[one.stretch], wander, one) - active)
        bed[one.start : one.start + len(clip)] += gain * clip
        condition = stretches[one.stretch].condition
        events.append(Event(one.word, one.path, one.start + begin, one.start + end, condition))
    return Piece(audio.to_int16(bed), tuple(events), tuple(stretches))


def _speech_db(spec: StreamSpec, stretch: Stretch, wander: npt.NDArray[np.float64], said: Utterance) -> float:
    """Active level of a word, in dB of 1: as far above the noise of the moment as the ratio says."""
    if spec.snr_db[stretch.condition] == CLEAN:
        return stretch.level_dbfs + _db(_FULL_SCALE)
    middle = (said.start + spec.clip_samples / 2) / SAMPLE_RATE / _WANDER_SECONDS
    # The wander's gain is linear between its knots.
    gain = float(np.interp(middle, np.arange(len(wander)), wander))
    return stretch.level_dbfs + _db(_FULL_SCALE) + _db(gain)


def _bed(spec: StreamSpec, root: Path, piece: int, stretches: list[Stretch]) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Noise of a whole piece, float32 [samples], and the gains that its level follows, one in ten seconds."""
    first, last = spec.bounds(piece)
    bed = np.zeros(last - first, np.float32)
    for stretch in stretches:
        noise, rms_db = noise_recording(spec, root, stretch.noise)
        ratio = min(spec.snr_db[stretch.condition], _CLEAN_DB)
        gain = _gain(stretch.level_dbfs + _db(_FULL_SCALE) - ratio - rms_db)
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
    knots = np.array([_gain(x) for x in drawn])
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
        looped = audio.to_int16(_seamless(audio.read(path).astype(np.float32)))
    power = float(np.mean(looped.astype(np.float64) ** 2))
    return looped, _db(max(power, 1e-4) ** 0.5)


def noise_recording(spec: StreamSpec, root: Path, index: int) -> tuple[Pcm, float]:
    """A noise that can be looped, int16 [samples], and its rms in dB of 1.

    Without recordings it is a minute of white, pink or brown noise.

    Raises:
        KwsError: the recording cannot be read.
    """
    if not spec.noise:
        return _noise(None, index)
    return _noise(root / spec.noise[index], 0)


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
def _clip(path: Path, samples: int) -> tuple[Floats, int, int, float]:
    """A clip of ``samples`` with soft edges, where its word begins and ends, and its active level in dB of 1."""
    pcm = audio.read(path)
    if len(pcm) > samples:
        pcm = fit(pcm, samples)
    edge = min(_EDGE, len(pcm) // 2)
    x = pcm.astype(np.float32)
    ramp = ((np.arange(edge) + 0.5) / edge).astype(np.float32)
    x[:edge] *= ramp
    x[len(x) - edge :] *= ramp[::-1]
    before = (samples - len(x)) // 2
    x = np.pad(x, (before, samples - len(x) - before))
    end = int(word_ends(x[None])[0])
    begin = samples - int(word_ends(x[None, ::-1])[0])
    return x, begin, end, _db(max(float(active_rms(x[None])[0]), 1.0))


def _db(amplitude: float) -> float:
    return round(20 * float(np.log10(amplitude)), 2)


def _gain(db: float) -> np.float32:
    return np.float32(10 ** (round(db, 2) / 20))


def events_path(wav: Path) -> Path:
    """The JSON file beside a stream's WAV file that says what is said in it."""
    return wav.with_suffix(".json")


def write(spec: StreamSpec, root: Path, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write a whole stream as a 16-bit WAV file, and what is said in it as a JSON file of the same name.

    Args:
        spec: the stream.
        root: the data folder.
        path: the WAV file; the JSON file is that of `events_path`.
        progress: called with (pieces done, in total).

    Raises:
        KwsError: a clip cannot be read, a file cannot be written, or the stream is too long for a WAV file.
    """
    if 2 * spec.samples >= _WAV_BYTES:
        raise KwsError(f"a WAV file holds {_WAV_BYTES / 2 / SAMPLE_RATE / 3600:.0f} hours; write a shorter stream")
    events = []
    with replacing(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for piece in range(spec.pieces):
            rendered, first = render(spec, root, piece), spec.bounds(piece)[0]
            file.writeframes(rendered.pcm.astype("<i2").tobytes())
            for e in rendered.events:
                snr = spec.snr_db[e.condition]
                events.append(
                    {
                        "start": round((first + e.start) / SAMPLE_RATE, 4),
                        "end": round((first + e.end) / SAMPLE_RATE, 4),
                        "word": e.word,
                        "clip": e.path,
                        "snr_db": "clean" if snr == CLEAN else snr,
                    }
                )
            if progress is not None:
                progress(piece + 1, spec.pieces)
    write_atomic(events_path(path), json.dumps({"seed": spec.seed, "events": events}, indent=1) + "\n")
