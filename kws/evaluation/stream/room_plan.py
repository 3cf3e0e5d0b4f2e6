"""One piece of the room, drawn from its specification: which source sounds when, and what is said over it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from kws.config import SAMPLE_RATE
from kws.errors import KwsError
from kws.evaluation.stream.plan import Stretch, Utterance, deck, starts, utterances
from kws.evaluation.stream.room import OTHERS
from kws.evaluation.stream.spec import SHORTEST_GAP, StreamSpec

COMMANDS_PER_MINUTE = 3.0
"""Commands now and then, whatever sounds."""
PAUSE_SECONDS = 0.5
"""How long what sounds is silent before a word, and again after it, in stretches without a ratio."""
_STRETCH_SECONDS = 100
_SPREAD = 0.4


@dataclass(frozen=True)
class RoomStretch(Stretch):
    """A part of a piece with one source of sound; ``kind`` is the source.

    Attributes:
        position: where in the source's endless track (`kws.evaluation.stream.room.Room.cuts`) it begins.
        source_response, word_response: indices of the room's impulse responses; -1 without.
    """

    position: int
    source_response: int
    word_response: int


def plan(spec: StreamSpec, piece: int) -> tuple[list[RoomStretch], list[Utterance]]:
    """Draw a piece: its stretches, which fill it, and its clips, both in order of time."""
    rng = np.random.default_rng([spec.seed, piece, 2])
    stretches = _stretches(spec, piece, rng)
    words = deck(list(spec.wanted), rng)
    others = deck(spec.unwanted, rng) if spec.unwanted else None
    said: list[Utterance] = []
    for index, stretch in enumerate(stretches):
        alone = stretch.kind == OTHERS
        wanted = COMMANDS_PER_MINUTE / max(spec.rate, COMMANDS_PER_MINUTE) if alone else 1.0
        rate = max(spec.rate, COMMANDS_PER_MINUTE) if alone else COMMANDS_PER_MINUTE
        # Whatever sounds may pause for a word, before it and after.
        gap = SHORTEST_GAP if alone else 2 * PAUSE_SECONDS
        said += utterances(spec, index, starts(spec, stretch, rate, rng, gap), wanted, words, others, rng)
    return stretches, said


def _stretches(spec: StreamSpec, piece: int, rng: np.random.Generator) -> list[RoomStretch]:
    if spec.room is None:
        raise KwsError("the stream has no room")
    first, last = spec.bounds(piece)
    shares = spec.room.shares(bool(spec.unwanted))
    sources, whole = list(shares), sum(shares.values())
    drawn = []
    done = 0
    for source, share in shares.items():
        # Of the whole stream so far, in whole samples: the pieces of a source join without a gap.
        before, after = (x * (done + share) // whole - x * done // whole for x in (first, last))
        done += share
        amount = after - before
        count = max(1, round(amount / SAMPLE_RATE / _STRETCH_SECONDS))
        parts = rng.uniform(1 - _SPREAD, 1 + _SPREAD, count)
        ends = [0, *np.round(np.cumsum(parts) / np.sum(parts) * amount).astype(int)]
        turns = itertools.count(piece * count)
        for start, stop in itertools.pairwise(ends):
            condition = sources.index(source) * len(spec.snr_db) + next(turns) % len(spec.snr_db)
            drawn.append((source, condition, int(stop - start), before + int(start)))
    stretches = []
    at = 0
    weights = np.array([r.weight for r in spec.room.responses], np.float64)
    for i in rng.permutation(len(drawn)):
        source, condition, samples, position = drawn[i]
        level = round(float(rng.uniform(*spec.level_dbfs)), 2)
        answers = [int(rng.choice(len(weights), p=weights / weights.sum())) if len(weights) else -1 for _ in range(2)]
        stretches.append(
            RoomStretch(at, at + samples, source, condition, level, 0, 0.0, position, answers[0], answers[1])
        )
        at += samples
    return stretches
