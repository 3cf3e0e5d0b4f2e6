"""What is wrong with a microphone while it is being heard: only zeros, clipping, a constant offset."""

from __future__ import annotations

import numpy as np

from kws.config import SAMPLE_RATE
from kws.datasets.measure import clipped_share
from kws.types import Pcm

SILENT = "only zeros: is the microphone muted, or has this program no permission to use it?"
CLIPPING = "clipping: turn the microphone down, or move away from it"
OFFSET = "a constant offset of {:.1f} % of full scale: the microphone or its amplifier is faulty, or still settling"

_WINDOW = SAMPLE_RATE
_SILENT_WINDOWS = 2
_CLIPPED_SHARE = 0.001
# The mean of a window of speech strays by some thousandths of full scale, and not to the same place.
_OFFSET = 0.01 * 32768
_OFFSET_WINDOWS = 3
_OFFSET_SPREAD = 0.25
# What comes and goes is told again no sooner than this many windows later.
_AGAIN_WINDOWS = 30


class Condition:
    """Judges windows of one second.

    Attributes:
        odd: what is wrong at present, as sentences.
    """

    def __init__(self) -> None:
        self.odd: tuple[str, ...] = ()
        self._rest: list[Pcm] = []
        self._samples = 0
        self._windows = 0
        self._silent = 0
        self._means: list[float] = []
        self._told: dict[str, int] = {}

    def hear(self, chunk: Pcm) -> list[str]:
        """Feed int16 ``[samples]`` at 16 kHz; what is to be told now, each thing when it begins."""
        self._rest.append(chunk)
        self._samples += len(chunk)
        if self._samples < _WINDOW:
            return []
        window = np.concatenate(self._rest)
        self._rest, self._samples = [], 0
        self._windows += 1
        odd = self._judge(window)
        self.odd = tuple(odd.values())
        return [text for kind, text in odd.items() if self._is_news(kind)]

    def _judge(self, window: Pcm) -> dict[str, str]:
        odd = {}
        self._silent = self._silent + 1 if not window.any() else 0
        if self._silent >= _SILENT_WINDOWS:
            odd["silent"] = SILENT
        if clipped_share(window) > _CLIPPED_SHARE:
            odd["clipping"] = CLIPPING
        self._means = [*self._means, float(window.mean())][-_OFFSET_WINDOWS:]
        lowest, highest = min(np.abs(self._means)), max(np.abs(self._means))
        steady = len(self._means) == _OFFSET_WINDOWS and abs(sum(np.sign(self._means))) == _OFFSET_WINDOWS
        if steady and lowest > _OFFSET and highest - lowest < _OFFSET_SPREAD * highest:
            odd["offset"] = OFFSET.format(100 * float(np.mean(self._means)) / 32768)
        return odd

    def _is_news(self, kind: str) -> bool:
        last = self._told.get(kind)
        self._told[kind] = self._windows
        return last is None or self._windows - last > _AGAIN_WINDOWS
