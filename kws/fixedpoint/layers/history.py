"""The newest rows of earlier calls in front of this call's: what a streamed convolution reads.

Twin of ``firmware/src/layers/history.c``; specified in docs/SPEC.md, "History".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, State, Values


@dataclass(frozen=True)
class History(Kernel):
    """A ring buffer over calls; its values are moved and never changed.

    Attributes:
        size: values that are kept.
        reset: what each of them is after a reset.
    """

    size: int
    reset: int

    @property
    def states(self) -> tuple[State, ...]:
        """The values kept."""
        return (State("history", "int8", (self.size,), self.reset),)

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, values] to [streams, calls, size + values]."""
        x = inputs[0]
        streams, calls = x.shape[:2]
        (kept,) = states
        new = int(np.prod(x.shape[2:]))
        every = np.concatenate([kept[:, 0], x.reshape(streams, calls * new)], axis=1)
        # HISTORY/1 is what is put out, /2 what is kept.
        at = np.arange(calls)[:, None] * new
        kept[:, 1:] = every[:, at + new + np.arange(self.size)]
        return every[:, at + np.arange(self.size + new)]
