"""A board that is slower than this machine, in the time of the stream: what it hears, and what it loses."""

from __future__ import annotations

import numpy as np

from kws.config import SAMPLE_RATE
from kws.engines.base import Engine, Output
from kws.types import Pcm

BLOCK = SAMPLE_RATE // 100
"""Samples that a board's peripheral writes at a time: 10 ms, as those of kws's own firmware do."""


class SlowBoard:
    """An engine behind two buffers of 10 ms in turn, each overwritten when the other is full.

    Nothing here looks at a clock: a recording that is read as fast as possible loses the same blocks as a
    microphone.

    Attributes:
        dropped: blocks lost so far.
    """

    def __init__(self, engine: Engine, seconds_a_frame: float) -> None:
        """An engine that takes ``seconds_a_frame`` for each frame that is completed."""
        self.dropped = 0
        self._engine, self._cost = engine, seconds_a_frame
        self._rest = np.zeros(0, np.int16)
        self._blocks = 0
        self._waiting: Pcm | None = None
        self._free = 0.0

    def process(self, pcm: Pcm) -> Output:
        """As the engine's, of those blocks that the board comes to while these samples arrive."""
        samples = np.concatenate([self._rest, pcm])
        whole = len(samples) // BLOCK * BLOCK
        self._rest = samples[whole:]
        heard = []
        for block in samples[:whole].reshape(-1, BLOCK):
            arrived = self._blocks * BLOCK / SAMPLE_RATE
            self._blocks += 1
            if self._waiting is not None and self._free <= arrived:
                # It was taken as soon as the frame before was done, before this one's end.
                heard.append(self._take(self._waiting, self._free))
                self._waiting = None
            if self._waiting is not None:
                self.dropped += 1
                self._waiting = block
            elif self._free <= arrived:
                heard.append(self._take(block, arrived))
            else:
                self._waiting = block
        return _joined(heard or [self._engine.process(samples[:0])])

    def _take(self, block: Pcm, at: float) -> Output:
        output = self._engine.process(block)
        self._free = at + self._cost * len(output.posteriors)
        return output


def _joined(outputs: list[Output]) -> Output:
    features = [o.features for o in outputs if o.features is not None]
    return Output(
        np.concatenate(features) if features else None,
        {},
        {},
        np.concatenate([o.posteriors for o in outputs]),
        [d for o in outputs for d in o.detections],
    )
