"""Decision ``sliding_mean``: the mean over a sliding window against a cut-off, of one word.

Twin of ``firmware/src/decisions/sliding_mean.c``; specified in docs/SPEC.md, "Sliding mean". C goes frame by
frame. Here the sums of all frames are made at once, and the rules are applied to stretches of frames above the
cut-off and below.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Decision, Detection


@dataclass(frozen=True)
class SlidingMeanParameters:
    """The decision in integers.

    Attributes:
        window: frames in the window.
        limit: what the sum of the window's posteriors (0 to 255 each) must exceed.
        cooldown_frames: frames after a detection in which no other is reported.
    """

    window: int
    limit: int
    cooldown_frames: int


class SlidingMean(Decision):
    """The decision of one stream.

    A score is the sum of the last ``window`` posteriors, 0 to 255 times that.
    """

    def __init__(self, parameters: SlidingMeanParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._before: npt.NDArray[np.int64] = np.zeros(self.parameters.window - 1, np.int64)
        self._frame = 0
        self._ready = 0  # the first frame after the cool-down
        self._held = False

    def process(self, posteriors: npt.NDArray[np.int8]) -> list[Detection]:
        """Feed int8 [frames, 1] posteriors (zero point -128); return what was detected."""
        p = self.parameters
        # SLIDE/1
        values = np.concatenate([self._before, posteriors[:, 0].astype(np.int64) + 128])
        self._before = values[len(posteriors) :].copy()
        running = np.concatenate([[0], np.cumsum(values)])
        sums = running[p.window :] - running[: -p.window]
        first = self._frame
        self._frame += len(sums)
        # SLIDE/2 and SLIDE/3
        above = (sums > p.limit) & (first + np.arange(len(sums)) >= p.window - 1)
        changes = np.flatnonzero(above[1:] != above[:-1]) + 1
        edges = [0, *changes.tolist(), len(above)] if len(above) else []
        detections = []
        for start, end in itertools.pairwise(edges):
            if not above[start]:
                self._held = False
                continue
            # SLIDE/4 and SLIDE/5
            t = max(start, self._ready - first)
            if not self._held and t < end:
                # SLIDE/6
                detections.append(Detection(first + t, 0, int(sums[t])))
                self._held = True
                self._ready = first + t + p.cooldown_frames + 1
        return detections
