"""Recordings through a model in bounded memory: what fires, cut out with what was heard around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import sentences
from kws.datasets.roles import UNKNOWN_TEXT, Recording, usable
from kws.datasets.transcripts import Stretch
from kws.engines import create
from kws.engines.base import Engine
from kws.model.file import Model, ModelInfo
from kws.types import Floats, Pcm

FALSE, SAID, OTHER, DOUBTFUL = KINDS = ("false accept", "said", "another word", "not written down")
"""What a cut is: a false accept; what the transcript says is said; a false accept beside another word to spot;
what nobody wrote down."""
_BLOCK = 10 * SAMPLE_RATE
# A word that fires began at most so long before, and ended a little before.
_WORD = 1.2
# The mean log-mel spectrum of a second in so many cells of time and frequency tells recordings apart.
_CELLS = (12, 10)


@dataclass(frozen=True)
class Source:
    """A recording to hear.

    Attributes:
        folder: name of its folder, for the table.
        recording: the recording.
        stretches: of its transcript, in order.
        transcribed: whether its folder has transcripts at all.
    """

    folder: str
    recording: Recording
    stretches: tuple[Stretch, ...]
    transcribed: bool

    @property
    def name(self) -> str:
        """The folder's name and its own."""
        return f"{self.folder}/{self.recording.name}"


@dataclass(frozen=True)
class Hearing:
    """How to listen and what to keep.

    Attributes:
        engine: what runs the model.
        threshold: probability at which a word fires, in place of the model's own.
        before: seconds to keep before a detection.
        after: seconds to keep after it.
    """

    engine: str = "c"
    threshold: float | None = None
    before: float = 2.0
    after: float = 1.0


@dataclass(frozen=True)
class Cut:
    """Something that fired.

    Attributes:
        source: where.
        label: the word that was heard.
        score: its probability, 0 to 1.
        at: seconds from the start of the recording to the detection.
        start: likewise, to the first sample of ``pcm``.
        kind: one of :data:`KINDS`.
        text: what the transcript says there, "" if nothing.
        voice: the synthetic voice that says it, or "".
        print: what recordings are compared by: float32 of length 1, over the second before the detection.
        pcm: int16 [samples].
    """

    source: str
    label: str
    score: float
    at: float
    start: float
    kind: str
    text: str
    voice: str
    print: Floats = field(compare=False, repr=False)
    pcm: Pcm = field(compare=False, repr=False)

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / SAMPLE_RATE


@dataclass(frozen=True)
class Heard:
    """What some recordings gave.

    Attributes:
        cuts: what fired, in order.
        seconds: of audio heard.
        usable: of them, without stretches in which a word to spot is said, or that nobody wrote down.
    """

    cuts: tuple[Cut, ...]
    seconds: float
    usable: float


class Listener:
    """The worker (`kws.workers`): a job is the indices of some recordings."""

    def __init__(self, model: Model, sources: Sequence[Source], hearing: Hearing) -> None:
        self._model, self._sources, self._hearing = model, tuple(sources), hearing
        self._engine: Engine | None = None

    def __call__(self, job: tuple[int, ...]) -> Heard:
        """Hear the recordings, each from a reset.

        Raises:
            KwsError: one cannot be read.
        """
        if self._engine is None:
            self._engine = create(self._hearing.engine, self._model)
        cuts: list[Cut] = []
        total = clear = 0
        for index in job:
            source = self._sources[index]
            found, samples = _hear(self._model.require_info(), self._engine, source, self._hearing)
            cuts += found
            total += samples
            clear += sum(last - first for first, last in usable(source.recording, samples, doubtful=False))
        return Heard(tuple(cuts), total / SAMPLE_RATE, clear / SAMPLE_RATE)

    def close(self) -> None:
        """Release the engine."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


@dataclass(frozen=True)
class _Fired:
    sample: int
    label: int
    score: float


def _hear(info: ModelInfo, engine: Engine, source: Source, hearing: Hearing) -> tuple[list[Cut], int]:
    before, after = (round(s * SAMPLE_RATE) for s in (hearing.before, hearing.after))
    # The comparison needs its second, however little is kept.
    kept = max(before, SAMPLE_RATE)
    waiting: list[_Fired] = []
    cuts: list[Cut] = []
    tail: Pcm = np.zeros(0, np.int16)
    heard = 0
    for block, fired in _detections(info, engine, source, hearing):
        waiting += fired
        tail = np.concatenate([tail, block])
        heard += len(block)
        ready = [f for f in waiting if f.sample + after <= heard]
        waiting = waiting[len(ready) :]
        cuts += [_cut(info, source, f, tail, heard, (before, after)) for f in ready]
        first = min((f.sample for f in waiting), default=heard) - kept
        tail = tail[max(first - (heard - len(tail)), 0) :]
    cuts += [_cut(info, source, f, tail, heard, (before, after)) for f in waiting]
    return cuts, heard


def _detections(
    info: ModelInfo, engine: Engine, source: Source, hearing: Hearing
) -> Iterator[tuple[Pcm, list[_Fired]]]:
    """The recording block by block, each with what fired by its end."""
    detector = info.detector
    if hearing.threshold is not None:
        detector = dataclasses.replace(detector, word_thresholds=(hearing.threshold,) * len(info.words))
    decision = detector.twin(info.labels)
    engine.reset()
    for block in audio.blocks(source.recording.path, _BLOCK):
        found = decision.process(engine.process(block).posteriors)
        yield block, [_Fired(info.samples(d.frame), d.label, info.score(d.score)) for d in found]


def _cut(info: ModelInfo, source: Source, fired: _Fired, tail: Pcm, heard: int, around: tuple[int, int]) -> Cut:
    offset = heard - len(tail)
    first = max(fired.sample - around[0], 0)
    last = min(fired.sample + around[1], heard)
    at = fired.sample / SAMPLE_RATE
    label = info.labels[fired.label]
    kind, near = _kind(source, label, at, (first / SAMPLE_RATE, last / SAMPLE_RATE), info.words)
    second = tail[max(fired.sample - SAMPLE_RATE - offset, 0) : fired.sample - offset]
    return Cut(
        source.name,
        label,
        fired.score,
        at,
        first / SAMPLE_RATE,
        kind,
        " / ".join(s.text for s in near if s.text),
        next((s.voice for s in near if s.voice), ""),
        _print(info, second),
        tail[first - offset : last - offset].copy(),
    )


def _kind(
    source: Source, label: str, at: float, span: tuple[float, float], words: Sequence[str]
) -> tuple[str, list[Stretch]]:
    """What the transcript makes of a detection, and its stretches that the cut touches."""
    near = [s for s in source.stretches if s.start < span[1] and s.end > span[0]]
    while_fired = [s for s in near if s.start < at and s.end > at - _WORD]
    if any(_says(s, label) for s in while_fired):
        return SAID, near
    if any(_says(s, word) for s in near for word in words):
        return OTHER, near
    # What a recogniser heard in it counts as said in the listing of roles.
    marked = (*source.recording.said, *source.recording.doubtful)
    if any(UNKNOWN_TEXT in s.commands for s in near) or any(a < span[1] and b > span[0] for a, b in marked):
        return DOUBTFUL, near
    return FALSE, near


def _says(stretch: Stretch, word: str) -> bool:
    return word.lower() in {c.lower() for c in stretch.commands} or sentences.says(stretch.text, word)


def _print(info: ModelInfo, pcm: Pcm) -> Floats:
    """The shape of a second's log-mel spectrum, whatever its level: float32 of length 1, or zeros of silence."""
    second = np.zeros(SAMPLE_RATE, np.int16)
    second[SAMPLE_RATE - len(pcm) :] = pcm
    features = info.frontend.twin(1).process(second[None])[0].astype(np.float32)
    pooled = np.stack([_means(row, _CELLS[1]) for row in _means(features.T, _CELLS[0]).T])
    centred: Floats = (pooled - pooled.mean()).ravel()
    centred /= max(float(np.linalg.norm(centred)), 1e-6)
    return centred


def _means(x: npt.NDArray[np.float32], cells: int) -> Floats:
    """Means over ``cells`` parts of the last axis, which need not divide it."""
    edges = np.linspace(0, x.shape[-1], min(cells, x.shape[-1]) + 1).round().astype(int)
    out: Floats = np.asarray(np.add.reduceat(x, edges[:-1], axis=-1), np.float32)
    out /= np.diff(edges).astype(np.float32)
    return out
