"""Some of the rows of a tensor: a STRIDED_SLICE along time.

Twin of ``firmware/src/layers/row_slice.c``; specified in docs/SPEC.md, "Network".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.layers.kernel import Kernel, Values


@dataclass(frozen=True)
class RowSlice(Kernel):
    """Keeps the rows ``start, start + step, ...``, ``rows`` of them; a row is the last axis."""

    start: int
    step: int
    rows: int

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        """int8 [streams, calls, ..., steps, values] to [streams, calls, ..., rows, values]."""
        return inputs[0][..., self.start : self.start + self.step * self.rows : self.step, :].copy()
