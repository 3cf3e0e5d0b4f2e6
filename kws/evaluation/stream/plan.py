"""One piece of a stream, drawn from its specification: what is said when, over which noise."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kws.config import SAMPLE_RATE
from kws.evaluation.stream.spec import SHORTEST_GAP, StreamSpec

T = TypeVar("T")

LEAD_SECONDS = 3.0
"""Noise alone at the head of a piece, where every piece starts from a reset."""
HEAD_SECONDS = 0.5
"""Noise alone at the head of every other stretch, while one noise gives way to the next."""
TAIL_SECONDS = 1.5
"""Noise alone at the end of every stretch."""

WORDS, UNWANTED, NOISE = KINDS = ("words", "unwanted", "noise")
# Of five stretches, two minutes each on average. At 20 words a minute, half of them wanted, it makes
# 240 commands and 480 other words an hour, less what heads and tails cost: a busy desk.
_STRETCHES = (WORDS, NOISE, UNWANTED, WORDS, NOISE)
_STRETCH_SECONDS = 120
_STRETCH_SPREAD = 0.5


@dataclass(frozen=True)
class Stretch:
    """A part of a piece with one noise, one ratio and one level.

    Attributes:
        start, stop: first sample in the piece, and the one after the last.
        kind: one of :data:`KINDS`.
        condition: index into ``StreamSpec.snr_db``.
        level_dbfs: active level of speech.
        noise: which noise.
        offset: where in the noise the stretch begins, 0 to 1.
    """

    start: int
    stop: int
    kind: str
    condition: int
    level_dbfs: float
    noise: int
    offset: float


@dataclass(frozen=True)
class Utterance:
    """One clip in a piece.

    Attributes:
        start: sample of the piece at which the clip begins.
        stretch: index of the stretch.
        word: the wanted word, or None.
        path: the clip, relative to the data folder.
    """

    start: int
    stretch: int
    word: str | None
    path: str


def plan(spec: StreamSpec, piece: int) -> tuple[list[Stretch], list[Utterance]]:
    """Draw a piece: its stretches, which fill it, and its clips, both in order of time."""
    rng = np.random.default_rng([spec.seed, piece])
    first, last = spec.bounds(piece)
    stretches = _stretches(spec, piece, last - first, rng)
    words = deck(list(spec.wanted), rng)
    others = deck(spec.unwanted, rng) if spec.unwanted else None
    said: list[Utterance] = []
    for index, stretch in enumerate(stretches):
        if stretch.kind == NOISE:
            continue
        wanted = spec.wanted_percent / 100 if stretch.kind == WORDS else 0.0
        said += utterances(spec, index, starts(spec, stretch, spec.rate, rng), wanted, words, others, rng)
    return stretches, said


def utterances(
    spec: StreamSpec,
    stretch: int,
    starts: Iterator[int],
    wanted: float,
    words: Iterator[str],
    others: Iterator[str] | None,
    rng: np.random.Generator,
) -> Iterator[Utterance]:
    """What is said in a stretch.

    Args:
        spec: the stream.
        stretch: its index.
        starts: where clips begin; drawn from ``rng`` as they are asked for.
        wanted: share of wanted words, 0 to 1.
        words: which of them comes next.
        others: which other clip does; None where there is none.
        rng: source of the draws.
    """
    for start in starts:
        if rng.random() < wanted:
            word = next(words)
            clips = spec.wanted[word]
            yield Utterance(start, stretch, word, clips[int(rng.integers(len(clips)))])
        elif others is not None:
            yield Utterance(start, stretch, None, next(others))


def _stretches(spec: StreamSpec, piece: int, samples: int, rng: np.random.Generator) -> list[Stretch]:
    count = max(1, round(samples / SAMPLE_RATE / _STRETCH_SECONDS))
    kinds = [_STRETCHES[i % len(_STRETCHES)] for i in rng.permutation(count)]
    share = rng.uniform(1 - _STRETCH_SPREAD, 1 + _STRETCH_SPREAD, count)
    ends = np.round(np.cumsum(share) / np.sum(share) * samples).astype(int)
    # In turn, from piece to piece, so that every ratio gets as many words as the others.
    turns = {kind: itertools.count(piece * kinds.count(kind)) for kind in KINDS}
    noises = deck(range(spec.noises), rng)
    return [
        Stretch(
            int(start),
            int(stop),
            kind,
            next(turns[kind]) % len(spec.snr_db),
            round(float(rng.uniform(*spec.level_dbfs)), 2),
            next(noises),
            round(float(rng.random()), 6),
        )
        for kind, start, stop in zip(kinds, [0, *ends[:-1]], ends, strict=True)
    ]


def starts(
    spec: StreamSpec, stretch: Stretch, rate: float, rng: np.random.Generator, gap: float = SHORTEST_GAP
) -> Iterator[int]:
    """Where clips begin: random gaps of at least ``gap`` seconds, whose mean gives ``rate`` words a minute."""
    clip = spec.clip_ms / 1000
    longest = 2 * (60 / rate - clip) - gap
    begin = stretch.start / SAMPLE_RATE + (HEAD_SECONDS if stretch.start else LEAD_SECONDS)
    while True:
        begin += float(rng.uniform(gap, longest))
        if begin + clip + TAIL_SECONDS > stretch.stop / SAMPLE_RATE:
            return
        yield round(begin * SAMPLE_RATE)
        begin += clip


def deck(cards: Sequence[T], rng: np.random.Generator) -> Iterator[T]:
    """Deal cards for ever, all of them in a new order before the first comes again."""
    while True:
        for i in rng.permutation(len(cards)):
            yield cards[i]
