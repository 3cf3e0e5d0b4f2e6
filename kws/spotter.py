"""Words in a stream of samples, for other programs: what ``import kws`` offers (docs/python.md)."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kws import engines
from kws.decisions import DecisionConfig
from kws.decisions.detector import GREATEST_COOLDOWN
from kws.engines.base import Engine
from kws.errors import KwsError, no_such
from kws.fixedpoint.decisions import base as decision
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.model.file import Model, ModelInfo
from kws.types import Pcm

_LOWEST_RATE, _HIGHEST_RATE = 1000, 768_000


@dataclass(frozen=True)
class Detection:
    """A word that was heard.

    Attributes:
        word: which.
        score: mean probability of the word when it was detected, 0 to 1.
        seconds: when it was detected, from the beginning of the stream or the last reset; some 0.2 s after the
            word's end.
        model: the name of the model that heard it.
    """

    word: str
    score: float
    seconds: float
    model: str


class Spotter:
    """Models that listen to one stream of samples, side by side.

    Samples come in pieces of any length; how the stream is cut makes no difference. Times count from the
    beginning of the stream or the last :meth:`reset`. One spotter may be called from several threads, one call
    at a time; streams that run side by side take a spotter each.

    Args:
        *models: .tflite files or runs' folders, at least one.
        engine: what runs them, as ``--engine`` of the commands: ``c``, the exported C library, compiled for
            this machine at first use and kept in the cache; or ``numpy``, which needs no compiler and is
            slower. The same bits come out. By default ``c`` where a compiler and make are.
        sample_rate: of the samples that come, in Hz; other rates than 16 kHz are resampled (soxr, HQ).
        threshold: the mean probability from which on a word is detected, 0 to 1, in place of those in the
            models: a number for all words, or some words' own by name.
        cooldown: seconds after a detection in which its model reports no other, in place of the models' own.

    Attributes:
        models: the models' names: of the file without its suffix, or of the run's folder; the whole path
            where two are called alike.
        words: each model's words, and behind them its phrases, by its name.
        engine: the engine's name.

    Raises:
        KwsError: a model cannot be read or cannot hear, a threshold is for a word that no model knows, a number
            is out of its range, or the C library cannot be compiled.
    """

    def __init__(
        self,
        *models: str | os.PathLike[str],
        engine: str | None = None,
        sample_rate: int = SAMPLE_RATE,
        threshold: float | Mapping[str, float] | None = None,
        cooldown: float | None = None,
    ) -> None:
        if not models:
            raise KwsError("name at least one model for the spotter to listen with")
        self.engine = engine or engines.fastest()
        paths = [Path(path) for path in models]
        loaded = [Model.load(path) for path in paths]
        names = names_of(paths)
        infos = [model.require_info() for model in loaded]
        self.words: dict[str, tuple[str, ...]] = dict(zip(names, (info.reported for info in infos), strict=True))
        decisions = [changed(info, threshold, cooldown) for info in infos]
        check_words(threshold, infos)
        self._resampler = Resampler(sample_rate)
        self._lock = threading.Lock()
        with ExitStack() as stack:
            self._ears = [
                Ear(name, info, stack.enter_context(engines.create(self.engine, model)), other)
                for name, info, model, other in zip(names, infos, loaded, decisions, strict=True)
            ]
            self._open: ExitStack | None = stack.pop_all()

    @property
    def models(self) -> tuple[str, ...]:
        """The models' names."""
        return tuple(self.words)

    def process(self, pcm: npt.ArrayLike | bytes | bytearray | memoryview) -> list[Detection]:
        """Feed samples; return what was heard in them, in order of time.

        Args:
            pcm: any number of samples, ``[samples]`` or ``[samples, 1]``: int16, or float32 and float64 of full
                scale 1 (rounded to int16, saturating); or bytes of little-endian int16.

        Raises:
            KwsError: another type or shape, more than one channel, numbers that are none (NaN or
                infinity), or the spotter is closed.
        """
        samples = to_pcm(pcm)
        with self._lock:
            if self._open is None:
                raise KwsError("the spotter is closed; make another one")
            samples = self._resampler.process(samples)
            found = [detection for ear in self._ears for detection in ear.process(samples)]
        return sorted(found, key=lambda d: d.seconds)

    def reset(self) -> None:
        """Forget all samples: the next one is the first of a new stream."""
        with self._lock:
            self._resampler.reset()
            for ear in self._ears:
                ear.reset()

    def close(self) -> None:
        """Release what the engines hold; closing again does nothing."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Ear:
    """One model that listens to one stream."""

    def __init__(self, name: str, info: ModelInfo, engine: Engine, other: DecisionConfig | None) -> None:
        """An engine of the model, with another decision's settings in place of the model's own, if any."""
        self._name, self._engine = name, engine
        self._info = info if other is None else replace(info, decision=other)
        # Other settings need no other C: posteriors are the same, and the harness's decision takes them.
        self._decision = other.twin(info.labels) if other is not None else None
        self._engine.reset()

    def process(self, pcm: Pcm) -> list[Detection]:
        """Feed int16 ``[samples]`` at 16 kHz; return what was heard in them."""
        output = self._engine.process(pcm)
        own = output.detections if self._decision is None else self._decision.process(output.posteriors)
        return [self._told(detection) for detection in own]

    def reset(self) -> None:
        """Forget all samples."""
        self._engine.reset()
        if self._decision is not None:
            self._decision.reset()

    def _told(self, d: decision.Detection) -> Detection:
        info = self._info
        return Detection(info.names[d.label], info.score(d.score), info.seconds(d.frame), self._name)


class Resampler:
    """A stream of int16 at any rate to one at 16 kHz."""

    def __init__(self, rate: int) -> None:
        """A stream of ``rate`` Hz.

        Raises:
            KwsError: it is no rate of sound.
        """
        if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise KwsError(f"the sample rate must be {_LOWEST_RATE} to {_HIGHEST_RATE} Hz, not {rate}")
        self._rate = rate
        self.reset()

    def process(self, pcm: Pcm) -> Pcm:
        """The next samples, as far as they are known."""
        if self._stream is None:
            return pcm
        from kws.audio import to_int16

        return to_int16(self._stream.resample_chunk(pcm.astype(np.float32)))

    def reset(self) -> None:
        """Forget all samples."""
        self._stream: Any = None
        if self._rate != SAMPLE_RATE:
            import soxr

            self._stream = soxr.ResampleStream(self._rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")


def to_pcm(samples: npt.ArrayLike | bytes | bytearray | memoryview) -> Pcm:
    """Samples as :meth:`Spotter.process` takes them, as int16 ``[samples]``.

    Raises:
        KwsError: another type or shape, more than one channel, or numbers that are none.
    """
    if isinstance(samples, bytes | bytearray | memoryview):
        # A view may skip bytes.
        data = samples.tobytes() if isinstance(samples, memoryview) else samples
        if len(data) % 2:
            raise KwsError("the bytes end in the middle of a sample; send 16-bit little-endian samples")
        return np.frombuffer(data, "<i2").astype(np.int16)
    x = np.asarray(samples)
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim != 1:
        raise KwsError(f"samples must be [samples] of one channel, not {list(x.shape)}; choose one, as in pcm[:, 0]")
    if x.dtype == np.int16:
        return np.ascontiguousarray(x)
    if x.size == 0:
        return np.zeros(0, np.int16)
    if not np.issubdtype(x.dtype, np.floating):
        raise KwsError(f"samples must be int16, or float32 of full scale 1, not {x.dtype}")
    if not np.isfinite(x).all():
        raise KwsError("the samples hold numbers that are none (NaN or infinity)")
    from kws.audio import to_int16

    return to_int16(x.astype(np.float64) * 32768)


def changed(
    info: ModelInfo, threshold: float | Mapping[str, float] | None, cooldown: float | None
) -> DecisionConfig | None:
    """A model's detector with other settings; None where they are its own.

    Args:
        info: the model's.
        threshold: for all words, or some words' own by name; names that the model does not know are ignored.
        cooldown: in seconds.

    Raises:
        KwsError: a number is out of its range, or no detector stands for the decision.
    """
    if threshold is None and cooldown is None:
        return None
    detector = info.detector
    if isinstance(threshold, Mapping):
        own = zip(info.words, info.thresholds, strict=True)
        detector = replace(detector, word_thresholds=tuple(threshold.get(word, value) for word, value in own))
    elif threshold is not None:
        detector = replace(detector, threshold=threshold, word_thresholds=())
    if cooldown is not None:
        second = SAMPLE_RATE / info.frontend.hop
        if not 0 <= cooldown <= GREATEST_COOLDOWN / second:
            raise KwsError(f"the cool-down must be 0 to {GREATEST_COOLDOWN / second:g} s, not {cooldown:g}")
        detector = replace(detector, cooldown_frames=round(cooldown * second))
    return info.decision.with_words(detector)


def check_words(threshold: float | Mapping[str, float] | None, infos: Sequence[ModelInfo]) -> None:
    """Refuse thresholds of words that no model knows.

    Raises:
        KwsError: there is one.
    """
    known = list(dict.fromkeys(word for info in infos for word in info.words))
    for word in threshold if isinstance(threshold, Mapping) else ():
        if word not in known:
            raise no_such("there is a threshold for", word, known)


def names_of(paths: Sequence[Path]) -> list[str]:
    """A name for each model: short where it is the only one of that name.

    Raises:
        KwsError: a model is given twice.
    """
    short = [path.name if path.is_dir() else path.stem for path in paths]
    names = [name if short.count(name) == 1 else os.fspath(path) for name, path in zip(short, paths, strict=True)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise KwsError(f"the model {twice} is given twice")
    return names
