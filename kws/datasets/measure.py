"""What a recording sounds like in a few numbers, in memory that does not grow with its length."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from kws.config import SAMPLE_RATE
from kws.types import Pcm

_FRAME = SAMPLE_RATE // 50
# A flat top is this many equal samples at the clip's own extreme; a wave never has one.
_FLAT = 4
_NEAR_FULL_SCALE = 29_000


@dataclass(frozen=True)
class Measured:
    """What `measure` found.

    Attributes:
        loudest: rms of the loudest 20 ms, full scale 32,768.
        clipped: share of samples in flat tops near full scale, 0 to 1: a flat top is a run of four or
            more equal samples at the greatest or least value, beyond 29,000, since a converter may
            saturate a little below the limit of int16.
        digest: of the samples.
    """

    loudest: float
    clipped: float
    digest: bytes


def measure(blocks: Callable[[], Iterable[Pcm]]) -> Measured:
    """Measure int16 samples at 16 kHz.

    Args:
        blocks: begins to read them, from the start at each call.
    """
    digest = hashlib.blake2b(digest_size=16)
    low, high, total, loudest = 0, 0, 0, 0.0
    rest = np.zeros(0, np.int16)
    for block in blocks():
        digest.update(block.tobytes())
        total += len(block)
        low, high = min(low, int(block.min())), max(high, int(block.max()))
        rest = np.concatenate([rest, block])
        whole = len(rest) // _FRAME * _FRAME
        loudest = max(loudest, _loudest(rest[:whole]))
        rest = rest[whole:]
    loudest = max(loudest, _loudest(np.pad(rest, (0, -len(rest) % _FRAME))))
    levels = {level for level in (low, high) if abs(level) >= _NEAR_FULL_SCALE}
    flat = sum(_flat(blocks(), level) for level in levels)
    return Measured(loudest, flat / max(1, total), digest.digest())


def loudest_rms(pcm: Pcm) -> float:
    """The rms of the loudest 20 ms of int16 ``[samples]`` at 16 kHz, full scale 32,768."""
    return measure(lambda: [pcm]).loudest


def clipped_share(pcm: Pcm) -> float:
    """The share of samples of int16 ``[samples]`` in flat tops near full scale, 0 to 1; see `Measured`."""
    return measure(lambda: [pcm]).clipped


def _loudest(whole: Pcm) -> float:
    frames = whole.astype(np.float32).reshape(-1, _FRAME)
    return float(np.sqrt(np.einsum("ij,ij->i", frames, frames).max(initial=0) / _FRAME))


def _flat(blocks: Iterable[Pcm], level: int) -> int:
    """Samples in runs of at least :data:`_FLAT` at ``level``; a run may go on in the next block."""
    return sum(run for run in _runs(blocks, level) if run >= _FLAT)


def _runs(blocks: Iterable[Pcm], level: int) -> Iterator[int]:
    open_run = 0
    for block in blocks:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], block == level, [False]]).astype(np.int8)))
        starts, ends = edges[::2], edges[1::2]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            run = end - start + (open_run if start == 0 else 0)
            if start > 0 and open_run:
                yield open_run
            open_run = 0
            if end == len(block):
                open_run = run
            else:
                yield run
        if not len(starts):
            yield open_run
            open_run = 0
    yield open_run
