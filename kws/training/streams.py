"""Clips joined to endless streams, with what the network should say after every frame.

A device is never reset: words come at random distances, noise and other words lie between
them, and the state goes on through all of it. So each row of a batch is a stretch of a stream:
some frames of noise, a clip, some more frames of noise; the row in the same place of the next
batch goes on where this one ends. A word should be named from its end on for as long as a
detector needs, and be forgotten after that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

# All in frames of 20 ms, counted from the end of a word. A word may be named a little before its
# end is certain, ...
EARLY = 2
# ... must be named for half a second, in which a detector averages and decides, ...
NAMED = 25
# ... and be forgotten soon after. In between either is right.
FORGOTTEN = 45
# Forgetting matters less than naming.
_QUIET_WEIGHT = 0.3
_SAYING_WEIGHT = 0.3
_NEVER = 1 << 20


@dataclass(frozen=True)
class Stretch:
    """One stretch of each stream of a batch.

    Attributes:
        features: int8 [streams, frames, bands].
        targets: what to say after each frame, as probabilities: float32 [streams, frames, labels].
        weights: how much that matters, float32 [streams, frames].
        allowed: labels that are right while a word is being said, 0 or 1: float32 [streams, labels].
        saying: how much it matters that no other is named, float32 [streams, frames].
    """

    features: Int8
    targets: Floats
    weights: Floats
    allowed: Floats
    saying: Floats


class Streams:
    """Streams that clips are joined to, one clip at a time each.

    Args:
        streams: number of streams.
        gap: frames of noise around each clip; how many of them come before it is drawn.
        noise: features of clips without speech, int8 [clips, frames, bands]; where there are
            none, clips follow each other at once.
        labels: number of labels.
        silence: index of the label of noise.
        unknown: index of the label of other words.
    """

    def __init__(self, streams: int, gap: int, noise: Int8, labels: int, silence: int, unknown: int) -> None:
        self._gap = min(gap, noise.shape[1]) if len(noise) else 0
        self._noise = noise
        self._each = np.eye(labels, dtype=np.float32)
        self._quiet = self._each[silence]
        self._unnamed = self._quiet + self._each[unknown]
        self._since = np.full(streams, _NEVER)
        self._last = np.tile(self._quiet, (streams, 1))

    def reset(self) -> None:
        """Forget what was joined so far."""
        self._since[:] = _NEVER

    def join(
        self,
        clips: Int8,
        targets: Floats,
        words: npt.NDArray[np.integer],
        ends: npt.NDArray[np.integer],
        carry: npt.NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> Stretch:
        """Join one clip to each stream.

        Args:
            clips: int8 [streams, frames, bands].
            targets: what to say after each clip's word: float32 [streams, labels].
            words: the clips' labels, int [streams].
            ends: frames that are complete where the word ends, int [streams].
            carry: which streams go on, bool [streams]; the others begin here.
            rng: source of the draws.
        """
        n, frames, _ = clips.shape
        total = frames + self._gap
        self._since[~carry] = _NEVER
        spoken = self._quiet[words] == 0
        before = np.asarray(rng.integers(0, self._gap + 1, size=n))
        time = np.arange(total)
        features = self._background(n, total, rng)
        for row, clip, place in zip(features, clips, before, strict=True):
            row[place : place + frames] = clip
        # Frames since the end of the word before, and of this one.
        earlier = self._since[:, None] + time
        after = np.where(spoken[:, None], time - (before + ends)[:, None], -_NEVER)
        now = after >= -EARLY
        # While a word is being said, it may be named already, but no other may that was not just said.
        saying = spoken[:, None] & ~now & (time >= before[:, None])
        age = np.where(now, after, earlier)
        named, forgotten = age < NAMED, age >= FORGOTTEN
        word = np.where(now[:, :, None], targets[:, None], self._last[:, None])
        wanted = np.where(named[:, :, None], word, self._quiet).astype(np.float32)
        weights = np.where(named, 1.0, np.where(forgotten, _QUIET_WEIGHT, 0.0)) * ~saying
        self._since = np.minimum(age[:, -1] + 1, _NEVER)
        self._last = np.where(now[:, -1:], targets, self._last)
        allowed = np.maximum(self._unnamed, self._each[words])
        weight = np.where(saying & (earlier >= FORGOTTEN), _SAYING_WEIGHT, 0.0)
        return Stretch(features, wanted, weights.astype(np.float32), allowed, weight.astype(np.float32))

    def _background(self, n: int, total: int, rng: np.random.Generator) -> Int8:
        if not self._gap:
            return np.empty((n, total, self._noise.shape[2]), np.int8)
        # Two cuts, joined somewhere under the clip: the noise before it need not be that after it.
        first, second = (self._noise[rng.integers(len(self._noise), size=n)] for _ in range(2))
        out = np.empty((n, total, self._noise.shape[2]), np.int8)
        out[:, : self._gap], out[:, -self._gap :] = first[:, : self._gap], second[:, -self._gap :]
        return out
