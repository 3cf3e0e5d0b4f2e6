"""What is served: models, their words by name, and a session for each client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from kws import engines
from kws.decisions import DecisionConfig
from kws.engines.base import Engine
from kws.errors import KwsError, no_such
from kws.microphone import LoudestChannel
from kws.model.file import Model, ModelInfo
from kws.spotter import Detection, Ear, Resampler, changed, check_words, names_of
from kws.types import Pcm

_MOST_CHANNELS = 16
# A piece of this length is heard at once; longer ones let others have their turn.
SLICE_SAMPLES = 16_000


@dataclass(frozen=True)
class Settings:
    """What stands in for a model's own detector settings.

    Attributes:
        thresholds: of some words, by name.
        threshold: of the other words; None is the model's own.
        cooldown: in seconds; None is the model's own.
    """

    thresholds: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None
    cooldown: float | None = None


@dataclass(frozen=True)
class Served:
    """A word, or a phrase, that clients may ask for.

    Attributes:
        name: what they call it: the word, or MODEL/WORD where several models know it.
        word: the word.
        model: the name of the model that hears it.
    """

    name: str
    word: str
    model: str


class Service:
    """Models that are loaded once for all clients; a context manager.

    Attributes:
        words: what is heard, in the models' order.
        engine: what runs them.

    Args:
        paths: .tflite files or runs' folders, at least one.
        engine: as of `kws.engines.create`; None is the fastest.
        settings: by the model's name; ``""`` is for all models that have none of their own.

    Raises:
        KwsError: a model cannot be read or cannot hear, settings for no model or no word, or out of range.
    """

    def __init__(
        self, paths: Sequence[Path], engine: str | None = None, settings: Mapping[str, Settings] | None = None
    ) -> None:
        self.engine = engine or engines.fastest()
        names = names_of(paths)
        models = [Model.load(path) for path in paths]
        infos = [model.require_info() for model in models]
        for name in settings or {}:
            if name and name not in names:
                raise no_such("there are settings for the model", name, names)
        self._models: list[tuple[str, ModelInfo, DecisionConfig | None]] = []
        for name, info in zip(names, infos, strict=True):
            own, common = ((settings or {}).get(key, Settings()) for key in (name, ""))
            check_words(own.thresholds, [info])
            self._models.append((name, info, _decision(info, own, common)))
        check_words((settings or {}).get("", Settings()).thresholds, infos)
        self.words = _served({name: info.reported for name, info in zip(names, infos, strict=True)})
        self._stack = ExitStack()
        with self._stack:
            self._make: list[Callable[[], Engine]] = [
                self._stack.enter_context(engines.several(self.engine, model)) for model in models
            ]
            # An engine that cannot be made is found out now, and not by the first client.
            self._idle = [[make()] for make in self._make]
            self._stack = self._stack.pop_all()

    def names(self, wanted: Sequence[str] | None) -> frozenset[tuple[str, str]]:
        """Model and word of each of the names that a client asks for; of all where it names none.

        Args:
            wanted: names of :attr:`words`, or of models.

        Raises:
            KwsError: a name that is none.
        """
        if not wanted:
            return frozenset((w.model, w.word) for w in self.words)
        found: set[tuple[str, str]] = set()
        for name in wanted:
            matching = {(w.model, w.word) for w in self.words if name in (w.name, w.model, w.word)}
            if not matching:
                raise no_such("there is no word", name, [w.name for w in self.words])
            found |= matching
        return frozenset(found)

    def session(self) -> Session:
        """A session for one client; close it, so that its engines serve the next one."""
        used = [idle.pop() if idle else make() for idle, make in zip(self._idle, self._make, strict=True)]
        ears = [Ear(name, info, engine, other) for (name, info, other), engine in zip(self._models, used, strict=True)]
        return Session(ears, lambda: self._take_back(used))

    def name_of(self, detection: Detection) -> str:
        """What clients call a word that was detected."""
        return next(w.name for w in self.words if (w.model, w.word) == (detection.model, detection.word))

    def _take_back(self, used: Sequence[Engine]) -> None:
        for idle, engine in zip(self._idle, used, strict=True):
            idle.append(engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for engine in (engine for idle in self._idle for engine in idle):
            engine.close()
        self._stack.close()


class Session:
    """One client's streams, one after the other."""

    def __init__(self, ears: Sequence[Ear], release: Callable[[], None]) -> None:
        """Ears of its own, and what is to be done with them at the end."""
        self._ears = ears
        self._release: Callable[[], None] | None = release
        self._format: tuple[int, int, int] | None = None
        self.begin()

    def begin(self) -> None:
        """A new stream begins: everything before is forgotten."""
        self._format = None
        for ear in self._ears:
            ear.reset()

    def process(self, audio: bytes, rate: int, width: int, channels: int) -> Iterator[list[Detection]]:
        """Feed samples; yield what was heard, a second at a time.

        Args:
            audio: little-endian int16, or int32, of all channels in turn.
            rate: in Hz.
            width: bytes of a sample, 2 or 4.
            channels: of which the loudest is heard.

        Raises:
            KwsError: a format that cannot be heard, or part of a sample.
        """
        if width not in (2, 4) or not 1 <= channels <= _MOST_CHANNELS:
            raise KwsError(
                f"audio must be int16 or int32 of 1 to {_MOST_CHANNELS} channels, not {8 * width} x {channels}"
            )
        if len(audio) % (width * channels):
            raise KwsError("the audio ends in the middle of a sample")
        if self._format != (rate, width, channels):
            self._resampler, self._loudest = Resampler(rate), LoudestChannel(rate)
            self._format = (rate, width, channels)
        x = np.frombuffer(audio, "<i2" if width == 2 else "<i4")
        samples = (x if width == 2 else x >> 16).astype(np.int16).reshape(-1, channels)
        for start in range(0, len(samples), SLICE_SAMPLES):
            yield self._heard(self._loudest.process(samples[start : start + SLICE_SAMPLES]))

    def close(self) -> None:
        """Give the engines back; closing again does nothing."""
        if self._release is not None:
            self._release()
        self._release = None

    def _heard(self, pcm: Pcm) -> list[Detection]:
        pcm = self._resampler.process(np.ascontiguousarray(pcm))
        return sorted((d for ear in self._ears for d in ear.process(pcm)), key=lambda d: d.seconds)


def _decision(info: ModelInfo, own: Settings, common: Settings) -> DecisionConfig | None:
    """A model's own settings come before those for all."""
    for_all = own.threshold if own.threshold is not None else common.threshold
    thresholds = dict.fromkeys(info.words, for_all) if for_all is not None else {}
    thresholds.update({w: v for w, v in common.thresholds.items() if w in info.words and own.threshold is None})
    thresholds.update(own.thresholds)
    return changed(info, thresholds or None, own.cooldown if own.cooldown is not None else common.cooldown)


def _served(words: Mapping[str, Sequence[str]]) -> tuple[Served, ...]:
    every = [word for of_model in words.values() for word in of_model]
    return tuple(
        Served(word if every.count(word) == 1 else f"{model}/{word}", word, model)
        for model, of_model in words.items()
        for word in of_model
    )
