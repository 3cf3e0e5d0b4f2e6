"""What clips go through before they are heard: noise, gain, and the state that others left behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.audio import to_int16
from kws.config import SAMPLE_RATE
from kws.datasets.augment import active_rms
from kws.types import Floats, Pcm

SEQUENCE_CLIPS = 100
PAUSE_MS = 500.0
_PAUSE_DB = 30.0
_FULL_SCALE = 32767.0


@dataclass(frozen=True)
class Condition:
    """One way of hearing clips, each from a reset.

    Attributes:
        kind: ``clean`` (as recorded), ``snr`` or ``gain``.
        db: signal-to-noise ratio or gain, in dB; 0 for ``clean``.
    """

    kind: str
    db: float = 0.0


CLEAN = Condition("clean")
SNRS = tuple(Condition("snr", db) for db in (20.0, 10.0, 5.0, 0.0))
GAINS = tuple(Condition("gain", db) for db in (-30.0, -20.0, -10.0, 0.0, 6.0, 12.0))


def apply(condition: Condition, pcm: Pcm, spoken: npt.NDArray[np.bool_], noise: npt.NDArray[np.float32]) -> Pcm:
    """Clips as a condition has them.

    ``snr`` adds noise at that ratio to the clip's active level
    (`kws.datasets.augment.active_rms`); a sum that would leave full scale is made softer as a
    whole, so that noise is not judged together with clipping. Clips without speech stay as they
    are. ``gain`` multiplies, rounds and clips, as a badly set microphone does.

    Args:
        condition: which.
        pcm: int16 [n, samples].
        spoken: bool [n]; whether a clip is speech.
        noise: float32 [n, samples], any level; the same for every ratio.
    """
    if condition.kind == "gain":
        return to_int16(pcm * np.float32(10 ** (condition.db / 20)))
    if condition.kind == "snr":
        x = pcm.astype(np.float32)
        noise_rms = np.sqrt(np.mean(np.square(noise, dtype=np.float64), axis=1))
        level = active_rms(x) * 10 ** (-condition.db / 20) / np.maximum(noise_rms, 1.0)
        x += noise * (level * spoken).astype(np.float32)[:, None]
        peak = np.abs(x).max(axis=1, keepdims=True)
        scale = np.where(spoken[:, None], _FULL_SCALE / np.maximum(peak, _FULL_SCALE), 1.0)
        return to_int16(x * scale)
    return pcm


def pause(pcm: Pcm, noise: Floats) -> Pcm:
    """The room before each clip of a sequence: :data:`PAUSE_MS` of noise, 30 dB under the clip.

    Nobody says commands with no pause between them, and clips are cut close to their words.

    Args:
        pcm: int16 [n, samples].
        noise: cuts of noise, float32 [n, at least the pause's samples].

    Returns:
        int16 [n, samples of the pause].
    """
    cuts = noise[:, : round(PAUSE_MS * SAMPLE_RATE / 1000)]
    rms = np.sqrt(np.mean(np.square(cuts, dtype=np.float64), axis=1))
    level = active_rms(pcm.astype(np.float32)) * 10 ** (-_PAUSE_DB / 20) / np.maximum(rms, 1.0)
    return to_int16(cuts * level.astype(np.float32)[:, None])


@dataclass(frozen=True)
class ClipSequences:
    """Clips one after the other, in sequences through which the state goes on.

    Attributes:
        clips: their indices, int64 [sequences, clips].
        scored: bool, likewise; False where a clip is heard only for the state it leaves.
    """

    clips: npt.NDArray[np.int64]
    scored: npt.NDArray[np.bool_]


def clip_sequences(count: int, seed: int) -> ClipSequences:
    """Put clips in a random order into sequences of about :data:`SEQUENCE_CLIPS`.

    Each clip is scored once. A sequence begins with its own last clip, not scored (two where the
    clips do not come out even), so that no scored clip starts from a reset.

    Args:
        count: number of clips.
        seed: of the order.
    """
    order = np.random.default_rng([seed, count]).permutation(count)
    sequences = -(-count // SEQUENCE_CLIPS)
    length = -(-count // sequences)
    clips = np.empty((sequences, length + 1), np.int64)
    scored = np.ones((sequences, length + 1), np.bool_)
    for row, flags, own in zip(clips, scored, np.array_split(order, sequences), strict=True):
        warm_up = length + 1 - len(own)
        row[:] = np.concatenate([np.resize(own[::-1], warm_up)[::-1], own])
        flags[:warm_up] = False
    return ClipSequences(clips, scored)
