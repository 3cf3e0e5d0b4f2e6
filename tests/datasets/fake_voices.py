"""A voice engine for tests: tones in place of speech, a tenth of a second a letter."""

from __future__ import annotations

import hashlib

import numpy as np

from kws.config import SAMPLE_RATE
from kws.datasets.voices.base import Delivery, NeuralEngine, require_count
from kws.errors import KwsError
from kws.types import Floats


class Tones(NeuralEngine):
    """Counts what it is asked to say in ``said``; stops with `KeyboardInterrupt` after ``patience`` takes."""

    name = "tones"
    licence = "Tones: public domain"
    voices = 6

    def __init__(self, patience: int = 1_000_000) -> None:
        self.said: list[str] = []
        self._patience = patience

    def version(self) -> str:
        return "Tones 1"

    def most(self) -> int:
        return self.voices

    def voice_names(self, count: int) -> list[str]:
        require_count(count, self.voices)
        return [f"tone{i}" for i in range(count)]

    def say(self, text: str, voice: str, delivery: Delivery) -> Floats:
        if len(self.said) >= self._patience:
            raise KeyboardInterrupt
        if not any(c.isalpha() for c in text):
            raise KwsError(f"Tones makes no sound of {text!r}")
        self.said.append(text)
        samples = int(0.1 * SAMPLE_RATE * len(text) / delivery.speed)
        pitch = 200 + int(hashlib.sha256(f"{voice}{text}".encode()).hexdigest()[:2], 16)
        return (9000 * np.sin(2 * np.pi * pitch * np.arange(samples) / SAMPLE_RATE)).astype(np.float32)
