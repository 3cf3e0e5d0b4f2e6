"""What every voice engine gives: voices as speakers, and text as samples."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import soxr

from kws.config import SAMPLE_RATE
from kws.errors import KwsError
from kws.types import Floats

_FRAME = SAMPLE_RATE // 100
_MARGIN = 3
_QUIET_DB = -45.0


@dataclass(frozen=True)
class Delivery:
    """How one take is said.

    Attributes:
        speed: how fast; 1 is the voice's own speed, 2 twice as fast.
        seed: of the noise in the voice, where the engine takes one.
    """

    speed: float
    seed: int

    def hurried(self, samples: int, longest: int) -> Self:
        """The same, fast enough to bring ``samples`` samples down to ``longest``."""
        return replace(self, speed=1.1 * self.speed * samples / longest)


D = TypeVar("D", bound=Delivery)


class TooLongError(KwsError):
    """A voice takes too long for a word, even in a hurry."""


class VoiceEngine(ABC, Generic[D]):
    """A speech synthesizer with many voices.

    Attributes:
        name: what ``--voice-engine`` calls it.
        licence: of the engine and its voices, for the README of what it makes.
        speeds: the range that `draw` takes the speed from.
        note: what the user should know about this installation, or "".
    """

    name: ClassVar[str]
    licence: ClassVar[str]
    speeds: ClassVar[tuple[float, float]] = (0.75, 1.35)
    note: str = ""

    @abstractmethod
    def version(self) -> str:
        """The engine's name and version, and its voices where they have a version of their own.

        Raises:
            KwsError: the engine is missing; the message says how to install it.
        """

    @abstractmethod
    def most(self) -> int:
        """How many voices there are.

        Raises:
            KwsError: the engine or its voices are missing.
        """

    @abstractmethod
    def voice_names(self, count: int) -> list[str]:
        """The first ``count`` voices; a longer list begins with the shorter one.

        Raises:
            KwsError: fewer than one or more than there are, or the engine is missing.
        """

    @abstractmethod
    def say(self, text: str, voice: str, delivery: D) -> Floats:
        """Speak ``text``.

        Returns:
            float32 ``[samples]`` at 16 kHz, full scale 32,768, silence trimmed at both ends.

        Raises:
            KwsError: the engine is missing, has no such voice, or makes no sound of the text.
        """

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> D:
        """Draw how a take is said."""

    @abstractmethod
    def natural(self, seed: int) -> D:
        """How the voice speaks by itself."""

    def speakers(self, count: int) -> dict[str, str]:
        """Choose ``count`` voices: speaker id (8 hexadecimal digits of a SHA-1) to voice name.

        Raises:
            KwsError: as for `voice_names`.
        """
        names = self.voice_names(count)
        return {hashlib.sha1(self._identity(n).encode(), usedforsecurity=False).hexdigest()[:8]: n for n in names}

    def _identity(self, voice: str) -> str:
        return f"{self.name}:{voice}"

    def speak(self, text: str, voice: str, rng: np.random.Generator, longest: float | None = None) -> Floats:
        """Say ``text`` as drawn from ``rng``; said again faster where it takes longer than ``longest`` seconds.

        Returns:
            As `say`.

        Raises:
            TooLongError: the text cannot be said in ``longest`` seconds.
            KwsError: as for `say`.
        """
        delivery = self.draw(rng)
        speech = self.say(text, voice, delivery)
        if longest is None:
            return speech
        most = round(longest * SAMPLE_RATE)
        if len(speech) > most:
            speech = self.say(text, voice, delivery.hurried(len(speech), most))
        if len(speech) > most:
            raise TooLongError(f"{text!r} takes longer than {longest:g} s even when said fast; choose a shorter word")
        return speech


class NeuralEngine(VoiceEngine[Delivery]):
    """An engine that is told a speed and nothing else."""

    def draw(self, rng: np.random.Generator) -> Delivery:
        """Draw the speed from ``speeds``, evenly."""
        return Delivery(float(rng.uniform(*self.speeds)), int(rng.integers(1, 1 << 31)))

    def natural(self, seed: int) -> Delivery:
        """See `VoiceEngine.natural`."""
        return Delivery(1.0, seed)


def require_count(count: int, most: int) -> None:
    """Refuse a number of voices that there is not.

    Raises:
        KwsError: fewer than one voice or more than ``most``.
    """
    if not 1 <= count <= most:
        raise KwsError(f"the number of voices must be 1 to {most}, not {count}")


def trimmed(speech: npt.NDArray[Any], rate: int, text: str, engine: str) -> Floats:
    """Resample to 16 kHz and cut silence off both ends.

    A frame of 10 ms is silent 45 dB below the loudest; 30 ms are left on both sides.

    Args:
        speech: float ``[samples]``, full scale 32,768.
        rate: its sample rate in Hz.
        text: what is said, for the error.
        engine: who says it, for the error.

    Returns:
        float32 ``[samples]`` at 16 kHz.

    Raises:
        KwsError: there is no sound.
    """
    x: Floats = soxr.resample(speech.astype(np.float32), rate, SAMPLE_RATE, quality="HQ")
    frames = -(-len(x) // _FRAME)
    power = (np.pad(x, (0, frames * _FRAME - len(x))).reshape(frames, _FRAME) ** 2).mean(axis=1)
    if not frames or not np.isfinite(power).all() or power.max() < 1:
        raise KwsError(f"{engine} makes no sound of {text!r}; give a word it can pronounce")
    loud = np.flatnonzero(power > power.max() * 10 ** (_QUIET_DB / 10))
    return x[max(loud[0] - _MARGIN, 0) * _FRAME : (loud[-1] + 1 + _MARGIN) * _FRAME]


# As many vocal tracts as sound natural: faster and higher together, like a shorter one.
_TRACTS = (1.0, 0.92, 1.08, 0.87, 1.14, 0.96, 1.04)
TRACTS = len(_TRACTS)


def with_tracts(voices: Sequence[str], count: int) -> list[str]:
    """Make more speakers of few voices: ``name*1.08`` is ``name`` with all frequencies 8 % higher.

    Raises:
        KwsError: more than :data:`TRACTS` speakers a voice are asked for.
    """
    require_count(count, len(voices) * TRACTS)
    every = [voice if tract == 1 else f"{voice}*{tract:g}" for tract in _TRACTS for voice in voices]
    return every[:count]


def split_tract(voice: str) -> tuple[str, float]:
    """The name and the factor of a voice of `with_tracts`.

    Raises:
        KwsError: the factor is none of those.
    """
    name, _, factor = voice.partition("*")
    tract = next((t for t in _TRACTS if f"{t:g}" == (factor or "1")), None)
    if tract is None:
        raise KwsError(f"there is no voice {voice!r}; the factor must be one of {', '.join(f'{t:g}' for t in _TRACTS)}")
    return name, tract
