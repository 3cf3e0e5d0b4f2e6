"""False accepts on recordings that come with kws: speech, music and noise that no model was trained on.

Data of one's own holds one's own words, few people and no other speech, so that a model may name every
clip of it right and yet fire on whatever else is said. The set (`kws.datasets.negatives.EVALUATION_PACK`)
is heard as a device hears: each recording in one go, the detector running. What says one of the model's
words is cut out of it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import transcripts
from kws.datasets.negatives import EVALUATION_PACK, stretches
from kws.datasets.transcripts import Stretch
from kws.decisions import DecisionConfig
from kws.engines import create, fastest
from kws.engines.base import Engine
from kws.errors import KwsError
from kws.evaluation.poisson import most_per_hour
from kws.evaluation.stream.run import posteriors
from kws.model.file import Model, ModelInfo

SPEECH = "speech"
ALL = "all"


@dataclass(frozen=True)
class Source:
    """False accepts on one kind of recording.

    Attributes:
        name: ``speech``, ``music``, ``noise``, or ``all`` of them.
        seconds: of it, listened to.
        voices: different speakers, or recordings where nobody speaks.
        false_accepts: how often a word was reported.
        words: how often each word was, the most frequent first.
    """

    name: str
    seconds: float
    voices: int
    false_accepts: int
    words: dict[str, int]

    @property
    def hours(self) -> float:
        """Length in hours."""
        return self.seconds / 3600

    @property
    def per_hour(self) -> float | None:
        """False accepts per hour; None where nothing was left to listen to."""
        return self.false_accepts / self.hours if self.hours else None

    @property
    def most_per_hour(self) -> float | None:
        """The 95 % upper limit of the rate that the count allows (`kws.evaluation.poisson.most_per_hour`)."""
        return most_per_hour(self.false_accepts, self.hours)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            **dataclasses.asdict(self),
            "false_accepts_per_hour": self.per_hour,
            "at_most_per_hour": self.most_per_hour,
        }


@dataclass(frozen=True)
class Negatives:
    """What a decision makes of the recordings.

    Attributes:
        engine: what ran the model.
        sources: by kind, in order of the names; speech first.
        said: seconds left out because a word to spot is said in them.
    """

    engine: str
    sources: tuple[Source, ...]
    said: float

    @property
    def total(self) -> Source:
        """All kinds together."""
        words = sum((Counter(s.words) for s in self.sources), Counter[str]())
        return Source(
            ALL,
            sum(s.seconds for s in self.sources),
            sum(s.voices for s in self.sources),
            words.total(),
            dict(words.most_common()),
        )

    @property
    def speech(self) -> Source:
        """Speech alone."""
        return next((s for s in self.sources if s.name == SPEECH), Source(SPEECH, 0.0, 0, 0, {}))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "engine": self.engine,
            "sources": [s.as_dict() for s in self.sources],
            "all": self.total.as_dict(),
            "seconds_left_out": self.said,
        }


@dataclass(frozen=True)
class _Recording:
    kind: str
    voices: frozenset[str]
    samples: int
    posteriors: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Heard:
    """The recordings as a model hears them; any decision can then be tried.

    Attributes:
        info: of the model.
        engine: what ran it.
        recordings: what was heard.
        kinds: every kind in the set, also where nothing of it was left.
        said: seconds left out.
    """

    info: ModelInfo
    engine: str
    recordings: tuple[_Recording, ...]
    kinds: tuple[str, ...]
    said: float

    def count(self, decision: DecisionConfig | None = None) -> Negatives:
        """Count what a decision, by default the model's own, reports."""
        decision = decision or self.info.decision
        sources = []
        for kind in self.kinds:
            of_kind = [r for r in self.recordings if r.kind == kind]
            words = Counter(word for r in of_kind for word in _words(decision, self.info.labels, r.posteriors))
            sources.append(
                Source(
                    kind,
                    sum(r.samples for r in of_kind) / SAMPLE_RATE,
                    len(frozenset[str]().union(*(r.voices for r in of_kind))),
                    words.total(),
                    dict(sorted(words.items(), key=lambda item: (-item[1], item[0]))),
                )
            )
        return Negatives(self.engine, tuple(sources), self.said)


def hear(model: Model, folder: Path = EVALUATION_PACK) -> Heard:
    """Run a model over recordings of negatives, on the fastest engine here; all of a file in one go, from a reset.

    Args:
        model: the model, with its metadata.
        folder: recordings with transcripts, at 16 kHz.

    Raises:
        KwsError: a bare network, or recordings that are missing or cannot be read.
    """
    info = model.require_info()
    table = transcripts.read(folder)
    kept = set(stretches(folder, info.spoken))
    files = [(name, list(rows)) for name, rows in groupby(table, key=lambda row: row.file)]
    kinds = {name: SPEECH if any(row.text for row in rows) else Path(name).stem for name, rows in files}
    heard = []
    with _engine(model) as engine:
        for file, rows in files:
            left = [row for row in rows if row in kept]
            if not left:
                continue
            pcm = _without(audio.read(folder / file), [row for row in rows if row not in kept])
            voices = frozenset(row.voice for row in left)
            heard.append(_Recording(kinds[file], voices, len(pcm), posteriors(engine, pcm)))
    said = sum(row.end - row.start for row in table if row not in kept)
    return Heard(
        info, engine.name, tuple(heard), tuple(sorted(set(kinds.values()), key=lambda k: (k != SPEECH, k))), said
    )


def _engine(model: Model) -> Engine:
    try:
        return create(fastest(), model)
    except KwsError:
        # A compiler that is there need not work; the engines agree to the bit, so this one is just slower.
        return create("numpy", model)


def _without(pcm: npt.NDArray[np.int16], rows: Sequence[Stretch]) -> npt.NDArray[np.int16]:
    wanted = np.ones(len(pcm), np.bool_)
    for row in rows:
        wanted[round(row.start * SAMPLE_RATE) : round(row.end * SAMPLE_RATE)] = False
    return pcm[wanted]


def _words(decision: DecisionConfig, labels: Sequence[str], rows: npt.NDArray[np.int8]) -> list[str]:
    names = decision.names(labels)
    return [names[d.label] for d in decision.twin(labels).process(rows)]
