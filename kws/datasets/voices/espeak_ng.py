"""espeak-ng, the small synthesizer that always works: 440 accents and variants of a voice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from kws.datasets import espeak
from kws.datasets.voices.base import Delivery, VoiceEngine, require_count
from kws.types import Floats

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc")
# espeak-ng's voice variants without the robots, whispers and jokes. Their number is odd, so that
# walking both lists in step meets every pair of accent and variant once (`EspeakNg.voice_names`).
_VARIANTS = """
    f1 m1 f2 m2 f3 m3 f4 m4 f5 m5 m6 m7 m8 Alicia Andy Annie Alex Andrea Denis anika Diogo linda Gene belinda Gene2
    steph Hugo aunty Jacky steph2 Lee steph3 Marco shelby Mario grandma Michael Mike antonio boris ed grandpa gustave
    ian iven iven2 john marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro travis victor
"""
VARIANTS = tuple(_VARIANTS.split())


@dataclass(frozen=True)
class Pitched(Delivery):
    """A delivery with espeak-ng's other parameters.

    Attributes:
        pitch: 0 to 100, 50 is the voice's own.
        pitch_range: 0 (monotonous) to 100.
        rate: words a minute; what counts, not ``speed``.
    """

    pitch: int
    pitch_range: int
    rate: int

    def hurried(self, samples: int, longest: int) -> Self:
        """See `Delivery.hurried`; at most 450 words a minute."""
        return replace(self, rate=min(450, int(1.1 * self.rate * samples / longest)))


class EspeakNg(VoiceEngine[Pitched]):
    """espeak-ng (`kws.datasets.espeak`).

    Up to `len(VARIANTS)` voices no variant is used twice, so that no timbre is in two splits.
    """

    name = "espeak"
    licence = "espeak-ng: GPL 3.0, the speech that it makes is free of it"

    def version(self) -> str:
        """See `VoiceEngine.version`."""
        return f"espeak-ng {espeak.version()}"

    def most(self) -> int:
        """See `VoiceEngine.most`."""
        return len(ACCENTS) * len(VARIANTS)

    def voice_names(self, count: int) -> list[str]:
        """See `VoiceEngine.voice_names`."""
        require_count(count, self.most())
        return [f"{ACCENTS[i % len(ACCENTS)]}+{VARIANTS[i % len(VARIANTS)]}" for i in range(count)]

    def draw(self, rng: np.random.Generator) -> Pitched:
        """Draw pitch, intonation and rate."""
        pitch, pitch_range, rate = (int(rng.integers(low, high)) for low, high in ((35, 66), (25, 76), (115, 196)))
        return Pitched(rate / 160, int(rng.integers(1, 1 << 31)), pitch, pitch_range, rate)

    def natural(self, seed: int) -> Pitched:
        """See `VoiceEngine.natural`."""
        return Pitched(1.0, seed, 50, 50, 160)

    def say(self, text: str, voice: str, delivery: Pitched) -> Floats:
        """See `VoiceEngine.say`."""
        return espeak.say(text, voice, delivery.pitch, delivery.pitch_range, delivery.rate, delivery.seed)

    def _identity(self, voice: str) -> str:
        return voice
