"""A state that a network hands to itself: what one call writes, the next one reads.

Twin of ``firmware/src/layers/carry.c``; specified in docs/SPEC.md, "Carried states".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, State, Values


@dataclass(frozen=True)
class Carry(Kernel):
    """Keeps a tensor's values for the next call; its output is the state itself.

    Attributes:
        size: values that are kept.
        reset: what each of them is after a reset.
    """

    size: int
    reset: int

    @property
    def states(self) -> tuple[State, ...]:
        """The values kept."""
        return (State("carried", "int8", (self.size,), self.reset),)

    @property
    def feeds_back(self) -> bool:
        """Layers before it read what it kept in the call before."""
        return True

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, ...] to the same values, which are also the state."""
        x = inputs[0]
        (kept,) = states
        kept[:, 1:] = x.reshape(*x.shape[:2], self.size)  # CARRY/1
        return kept[:, 1:].copy()
