"""False accepts on long recordings of other speech, music and noise: each heard in one go, as a device hears it.

Beside the room (`kws.evaluation.stream`), which mixes, reverberates and says commands, this is the plain
measure: the recordings as they are. What says a word to spot, or may say one because nobody wrote it down,
is cut out. What was trained on is left out by `kws.evaluation.stream.room_list.recordings`.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kws import workers
from kws.config import SAMPLE_RATE
from kws.datasets import roles
from kws.datasets.roles import Recording
from kws.engines import create
from kws.engines.base import Engine
from kws.evaluation.stream.room import MUSIC, NOISE, SPEECH
from kws.evaluation.stream.room_list import source_of
from kws.evaluation.stream.source import SourceRate
from kws.model.file import Model, ModelInfo
from kws.types import Int8, Progress

_BLOCK = 60 * SAMPLE_RATE


@dataclass(frozen=True)
class Heard:
    """What a model heard in one recording.

    Attributes:
        recording: the recording.
        source: ``speech``, ``music`` or ``noise``.
        samples: of it, listened to.
        words: how often each word was reported.
    """

    recording: Recording
    source: str
    samples: int
    words: dict[str, int]


@dataclass(frozen=True)
class LongReport:
    """What a model heard in long recordings.

    Attributes:
        engine: what ran it.
        heard: each recording, in the order given.
        familiar: collections that the training heard, too: other recordings of them.
    """

    engine: str
    heard: tuple[Heard, ...]
    familiar: tuple[str, ...]

    def by_source(self) -> list[SourceRate]:
        """Speech, music and noise, as far as there are such."""
        kinds = [s for s in (SPEECH, MUSIC, NOISE) if any(h.source == s for h in self.heard)]
        return [_rate(kind, [h for h in self.heard if h.source == kind]) for kind in kinds]

    def by_collection(self) -> list[SourceRate]:
        """What comes from one place, such as one corpus, most false accepts first."""
        names = dict.fromkeys((h.source, h.recording.source) for h in self.heard)
        found = [
            _rate(
                f"{source}: {name}",
                [h for h in self.heard if (h.source, h.recording.source) == (source, name)],
            )
            for source, name in names
        ]
        return sorted(found, key=lambda r: (-r.false_accepts, r.name))

    def worst(self) -> list[Heard]:
        """Recordings with false accepts, the most first."""
        return sorted((h for h in self.heard if h.words), key=lambda h: (-sum(h.words.values()), h.recording.name))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "engine": self.engine,
            "sources": [r.as_dict() for r in self.by_source()],
            "collections": [r.as_dict() for r in self.by_collection()],
            "trained_on_too": list(self.familiar),
            "worst": [{"recording": h.recording.name, "words": h.words} for h in self.worst()],
        }


def _rate(name: str, heard: Sequence[Heard]) -> SourceRate:
    words = sum((Counter(h.words) for h in heard), Counter[str]())
    hours = sum(h.samples for h in heard) / SAMPLE_RATE / 3600
    ranked = dict(sorted(words.items(), key=lambda item: (-item[1], item[0])))
    return SourceRate(name, hours, 1.0, sum(h.samples > 0 for h in heard), words.total(), ranked)


@dataclass
class _Listener:
    """Runs recordings (`kws.workers`)."""

    model: Model
    name: str
    _engine: Engine | None = None

    def __call__(self, job: Recording) -> tuple[int, dict[str, int]]:
        if self._engine is None:
            self._engine = create(self.name, self.model)
        info = self.model.require_info()
        samples, posteriors = hear(self._engine, job, len(info.labels))
        detections = info.decision.twin(info.labels).process(posteriors)
        return samples, dict(Counter(info.names[d.label] for d in detections))

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def hear(engine: Engine, recording: Recording, labels: int) -> tuple[int, Int8]:
    """Run an engine over a recording in one go, from a reset, a minute in memory at a time.

    Args:
        engine: what runs the model.
        recording: what to hear, without what says a word or may say one.
        labels: how many the model has.

    Returns:
        Samples heard, and posteriors: int8 [frames, labels].

    Raises:
        KwsError: the recording cannot be read.
    """
    engine.reset()
    rows = [np.zeros((0, labels), np.int8)]
    samples = 0
    for part in roles.parts(recording, _BLOCK, doubtful=False):
        rows.append(engine.process(part).posteriors)
        samples += len(part)
    return samples, np.concatenate(rows)


def listen(
    model: Model,
    recordings: Sequence[Recording],
    engine: str = "c",
    processes: int | None = None,
    progress: Progress | None = None,
) -> LongReport:
    """Run a model over recordings, all of each in one go, from a reset, a minute in memory at a time.

    Args:
        model: the model, with its metadata.
        recordings: `kws.evaluation.stream.room_list.recordings`.
        engine: what runs it.
        processes: how many; all cores if None. The result does not depend on it.
        progress: called with (recordings done, in total).

    Raises:
        KwsError: a bare network, an engine that is missing, or a recording that cannot be read.
    """
    info = model.require_info()
    # What an engine needs is built, or found missing, once.
    create(engine, model).close()
    found = {}
    jobs = [r for r in recordings if r.role != roles.ROOMS]
    with contextlib.closing(workers.run(_Listener(model, engine), jobs, processes)) as results:
        for done, (job, result) in enumerate(results, start=1):
            found[job] = result
            if progress is not None:
                progress(done, len(jobs))
    heard = tuple(Heard(r, source_of(r), *found[r]) for r in jobs if found[r][0])
    return LongReport(engine, heard, familiar(info, recordings))


def familiar(info: ModelInfo, recordings: Iterable[Recording]) -> tuple[str, ...]:
    """The collections of recordings that a model's training heard, too, as far as its provenance tells."""
    return tuple(sorted(info.collections & {r.source for r in recordings}))
