"""Why a word is not heard: the audio is measured, changed in one way after another, and heard again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kws.config import SAMPLE_RATE
from kws.engines.base import Engine
from kws.errors import KwsError, no_such
from kws.fixedpoint.posterior import probabilities
from kws.live.findings import Finding, findings
from kws.live.sound import Recording, Sound, at_16_khz, measure
from kws.model.file import Model, ModelInfo
from kws.types import Pcm

GAINS_DB = (6, 12, 20, 30, -6, -12)
RATES = (8000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000)
SPEEDS = (0.6, 0.7, 0.8, 0.9, 1.15, 1.3, 1.5, 1.7)
"""Factors of speed, and of pitch with it, that are tried."""
_PAD_SECONDS = 0.5
# What is looked at of a longer recording: around where the word comes nearest to being heard.
_LONG_SECONDS, _BEFORE, _AFTER = 10.0, 3.0, 1.5
_LOWEST_HZ = 120.0


@dataclass(frozen=True)
class Trial:
    """How a model heard the audio in one form.

    Attributes:
        kind: what was done to the audio, such as ``gain``; ``as it is`` is the audio itself.
        value: how much: dB, Hz, a factor or a channel.
        score: the word's best mean probability.
        heard: whether the word was detected.
        seconds: when its score was best.
        other: the label with the best mean beside the word's.
        other_score: that mean.
        detected: the words that were detected, in order.
    """

    kind: str
    value: float
    score: float
    heard: bool
    seconds: float
    other: str
    other_score: float
    detected: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes:
        word: that should be heard.
        threshold: mean probability that its detection takes.
        frames: over how many frames the mean goes; ``mean_ms`` is their time.
        mean_ms: of the mean.
        start: where the part begins that was looked at, in seconds of the recording.
        sound: of that part.
        trials: the first is the audio as it is.
        findings: what is wrong, the most telling first; the first is the answer.
    """

    word: str
    threshold: float
    frames: int
    mean_ms: float
    start: float
    sound: Sound
    trials: tuple[Trial, ...]
    findings: tuple[Finding, ...]

    @property
    def heard(self) -> bool:
        """Whether the word was detected in the audio as it is."""
        return self.trials[0].heard

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **self.__dict__,
            "heard": self.heard,
            "sound": self.sound.as_dict(),
            "trials": [t.__dict__ for t in self.trials],
            "findings": [f.__dict__ for f in self.findings],
        }


def diagnose(
    model: Model, engine: Engine, recording: Recording, word: str, chosen: tuple[bool, bool] = (False, False)
) -> Diagnosis:
    """Find out why a word that is said in a recording is not heard.

    Args:
        model: the model.
        engine: that runs it.
        recording: it, with all channels, at the rate that it claims. Of one longer than ten seconds
            the part is looked at where the word comes nearest.
        word: one of the model's.
        chosen: whether its beginning and its end are those of a stretch that somebody chose of a longer one: sound
            at these edges does not say that the word is cut off.

    Raises:
        KwsError: the model has no such word, or no detector.
    """
    info = model.require_info()
    if word not in info.words:
        raise no_such(f"{model.source} has no word", word, info.words)
    ear = _Ear(info, engine, word)
    start = 0.0
    if recording.seconds > _LONG_SECONDS:
        at = ear.hear("", 0, recording.mono()).seconds
        start = max(0.0, at - _BEFORE)
        chosen = (chosen[0] or start > 0, chosen[1] or at + _AFTER < recording.seconds)
        recording = recording.part(start, at + _AFTER)
    sound = measure(recording)
    sound = replace(
        sound,
        begins_inside=sound.begins_inside and not chosen[0],
        ends_inside=sound.ends_inside and not chosen[1],
    )
    trials = tuple(_trials(ear, recording, sound))
    threshold, frames = info.thresholds[info.words.index(word)], info.detector.average_frames
    found = findings(word, threshold, sound, trials, info)
    mean_ms = 1000 * frames * info.frontend.hop / SAMPLE_RATE
    return Diagnosis(word, threshold, frames, mean_ms, start, sound, trials, tuple(found))


class _Ear:
    """Hears stretches of audio, each from a reset."""

    def __init__(self, info: ModelInfo, engine: Engine, word: str) -> None:
        self._info, self._engine = info, engine
        self._word, self._index = word, info.labels.index(word)
        self._average = info.detector.average_frames
        # Of the words alone: in a phrase they are heard before they are told.
        self._detector = info.detector.twin(info.labels)

    def hear(self, kind: str, value: float, pcm: Pcm) -> Trial:
        info = self._info
        self._engine.reset()
        self._detector.reset()
        output = self._engine.process(pcm)
        rows = np.concatenate([np.zeros((self._average, len(info.labels))), probabilities(output.posteriors)])
        sums = np.cumsum(rows, axis=0)
        means = (sums[self._average :] - sums[: -self._average]) / self._average
        if len(means) == 0:
            return Trial(kind, value, 0.0, False, 0.0, info.labels[0], 0.0, ())
        best = int(means[:, self._index].argmax())
        # Silence is always heard somewhere.
        others = [i for i, label in enumerate(info.labels) if i != self._index and label != "_silence_"]
        other = max(others, key=lambda i: means[:, i].max()) if others else self._index
        detected = tuple(info.labels[d.label] for d in self._detector.process(output.posteriors))
        return Trial(
            kind,
            value,
            round(float(means[best, self._index]), 4),
            self._word in detected,
            round(info.seconds(best), 3),
            info.labels[other],
            round(float(means[:, other].max()), 4),
            detected,
        )


def _trials(ear: _Ear, recording: Recording, sound: Sound) -> Iterator[Trial]:
    pcm = recording.mono()
    yield ear.hear("as it is", 0, pcm)
    x = pcm.astype(np.float64) / 32768
    ac = x - x.mean()
    mono = recording.samples.mean(axis=1)
    for gain in GAINS_DB:
        yield ear.hear("gain", gain, at_16_khz(ac * 10 ** (gain / 20), SAMPLE_RATE))
    yield ear.hear("without offset", 0, at_16_khz(ac, SAMPLE_RATE))
    yield ear.hear("without rumble", 0, at_16_khz(_without_rumble(x), SAMPLE_RATE))
    room = np.random.default_rng(0).normal(0, 10 ** (max(sound.room_db, -80) / 20), round(_PAD_SECONDS * SAMPLE_RATE))
    yield ear.hear("with room around", 0, at_16_khz(np.concatenate([room, ac, room[::-1]]), SAMPLE_RATE))
    for rate in RATES:
        # Nearly the same is the same.
        if abs(rate / recording.sample_rate - 1) > 0.05:
            yield ear.hear("as if the rate were", rate, at_16_khz(mono, rate))
    for speed in SPEEDS:
        yield ear.hear("at the speed", speed, at_16_khz(ac, SAMPLE_RATE * speed))
    if recording.samples.shape[1] > 1:
        for channel, alone in enumerate(recording.samples.T):
            yield ear.hear("channel alone", channel + 1, at_16_khz(alone, recording.sample_rate))
    if sound.swapped:
        swapped = (mono * 32768).astype(np.int16).byteswap()
        yield ear.hear("bytes swapped", 0, at_16_khz(swapped / 32768, recording.sample_rate))


def _without_rumble(x: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Everything below 120 Hz taken away."""
    spectrum = np.fft.rfft(x)
    frequencies = np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE)
    spectrum[frequencies < _LOWEST_HZ] = 0
    return np.fft.irfft(spectrum, len(x))


def stretch(recording: Recording, start: float | None, end: float | None) -> Recording:
    """The part of a recording from ``start`` to ``end`` seconds.

    Raises:
        KwsError: there is nothing between them.
    """
    part = recording.part(start or 0.0, recording.seconds if end is None else end)
    if len(part.samples) == 0:
        to = "the end" if end is None else f"{end:g} s"
        raise KwsError(f"there is nothing between {start or 0:g} s and {to}; it is {recording.seconds:.2f} s long")
    return part
