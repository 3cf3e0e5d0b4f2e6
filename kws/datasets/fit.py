"""A recording of any length made as long as a clip, in memory that does not grow with the recording."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kws import audio
from kws.types import Pcm

_BLOCK = 1 << 16


def fit(pcm: Pcm, samples: int) -> Pcm:
    """Pad int16 ``[n]`` evenly on both sides, or keep its loudest window, to give ``[samples]``."""
    return fitted([pcm], samples)


def fitted(blocks: Iterable[Pcm], samples: int) -> Pcm:
    """`fit` of the blocks joined, holding no more of them than one block and a window.

    Args:
        blocks: int16 arrays of any lengths.
        samples: length of the result.
    """
    held = _loudest(blocks, samples)
    before = (samples - len(held)) // 2
    return np.pad(held, (before, samples - len(held) - before))


def read_fitted(path: Path, samples: int) -> Pcm:
    """Read a recording as a clip: `fit` of it, int16 ``[samples]``.

    Raises:
        KwsError: it cannot be read.
    """
    return fitted(audio.blocks(path, _BLOCK), samples)


def read_loudest(path: Path, samples: int) -> Pcm:
    """Read a recording, or of a longer one its loudest window of ``samples``: int16 ``[samples]`` or fewer.

    Raises:
        KwsError: it cannot be read.
    """
    return _loudest(audio.blocks(path, _BLOCK), samples)


def _loudest(blocks: Iterable[Pcm], samples: int) -> Pcm:
    held = np.zeros(0, np.int16)
    best, loudest = None, -1
    for block in blocks:
        held = np.concatenate([held, block])
        if len(held) < samples:
            continue
        sums = np.concatenate([[0], np.cumsum(held.astype(np.int64) ** 2)])
        energy = sums[samples:] - sums[: len(sums) - samples]
        start = int(np.argmax(energy))
        # The first of equals wins, as if all were one array.
        if energy[start] > loudest:
            best, loudest = held[start : start + samples].copy(), int(energy[start])
        held = held[len(held) - samples + 1 :]
    return held if best is None else best
