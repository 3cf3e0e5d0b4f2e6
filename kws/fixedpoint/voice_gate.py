"""The voice gate: which frames the network hears, by energy over a tracked floor in each band.

Twin of ``firmware/src/voice_gate.c``; specified in docs/SPEC.md, "Voice gate". C goes frame by frame and calls the
network itself. Here the frames that the network is to be called with come out, and whoever runs it, an interpreter
or the harness, hands its outputs back to :meth:`Heard.posteriors`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kws.fixedpoint.arrays import Int8, Int64

FLOOR_BITS = 8
"""Bits behind the point of a floor: an int8 feature has none."""
HIGHEST_FLOOR = 127 << FLOOR_BITS
"""The floors after a reset: nothing rises above them until they have come down."""
ASLEEP = -1


@dataclass(frozen=True)
class VoiceGateParameters:
    """The gate in integers.

    Attributes:
        margin: what a band must exceed its floor by to count, in Q.8.
        limit: the sum over the bands, in Q.8, from which on a frame is loud.
        rise: what a floor rises by a frame at most, in Q.8.
        fall_shift: a floor falls by ``2^-fall_shift`` of its distance a frame.
        lowest: the lowest floor, in Q.8.
        hold_frames: frames that the network is awake from a loud frame on, that one included.
        places: newest frames that are kept while it sleeps, at most ``hold_frames``.
        calls: most calls of the network in a frame, while it catches up; at least 2.
        settle_frames: frames that the network is awake after a reset, at least ``hold_frames``.
    """

    margin: int
    limit: int
    rise: int
    fall_shift: int
    lowest: int
    hold_frames: int
    places: int
    calls: int
    settle_frames: int


@dataclass(frozen=True)
class Heard:
    """What the network is to be called with for some frames of a stream.

    Attributes:
        calls: the frames that it hears, int8 [calls, bands].
        latest: of each frame, the last of ``calls`` that has been made by then; :data:`ASLEEP` while it sleeps.
    """

    calls: Int8
    latest: Int64

    def posteriors(self, outputs: Int8, asleep: Int8) -> Int8:
        """Posteriors of the frames, int8 [frames, labels], from the network's of the calls and those of its sleep."""
        chosen = np.empty((len(self.latest), len(asleep)), np.int8)
        awake = self.latest != ASLEEP
        chosen[~awake] = asleep
        chosen[awake] = outputs[self.latest[awake]]
        return chosen


class VoiceGate:
    """The gates of one or more streams in step."""

    def __init__(self, parameters: VoiceGateParameters, bands: int, streams: int = 1) -> None:
        self.parameters = parameters
        self._shape = (streams, bands)
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        self.floors: Int64 = np.full(self._shape, HIGHEST_FLOOR, np.int64)
        self.hold: Int64 = np.full(self._shape[0], self.parameters.settle_frames, np.int64)
        self._queues: list[list[Int8]] = [[] for _ in range(self._shape[0])]

    def process(self, features: Int8) -> list[Heard]:
        """Feed int8 [streams, frames, bands]; return what each stream's network hears of it."""
        awake = np.array([self._step(features[:, t]) for t in range(features.shape[1])], bool)
        awake = awake.reshape(features.shape[1], len(features))
        return [self._hear(stream, features[stream], awake[:, stream]) for stream in range(len(features))]

    def _step(self, features: Int8) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """One frame of all streams, int8 [streams, bands]: whether the network is awake."""
        p = self.parameters
        # GATE/1
        above = (features.astype(np.int64) << FLOOR_BITS) - self.floors
        excess = np.maximum(above - p.margin, 0).sum(axis=1)
        # GATE/2
        change = np.where(above > 0, np.minimum(above, p.rise), above >> p.fall_shift)
        self.floors = np.maximum(self.floors + change, p.lowest)
        # GATE/3
        self.hold = np.maximum(np.where(excess >= p.limit, p.hold_frames, 0), self.hold - 1)
        return self.hold > 0

    def _hear(self, stream: int, features: Int8, awake: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Heard:
        p = self.parameters
        queue = self._queues[stream]
        calls: list[Int8] = []
        latest = np.full(len(features), ASLEEP, np.int64)
        for t, row in enumerate(features):
            # GATE/4
            queue.append(row)
            if len(queue) > p.places:
                del queue[0]
            # GATE/5
            if not awake[t]:
                continue
            # GATE/6
            calls += queue[: p.calls]
            del queue[: p.calls]
            latest[t] = len(calls) - 1
        heard = np.array(calls, np.int8).reshape(len(calls), features.shape[1])
        # What is kept must not change with the caller's array.
        self._queues[stream] = [row.copy() for row in queue]
        return Heard(heard, latest)
