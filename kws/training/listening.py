"""What an always-on listener is judged by: words missed at a given number of false accepts per hour.

An estimate for choosing an epoch, made in seconds: float weights, the mean of each posterior over half a second,
one threshold for all words. What the device does is measured by `kws stream-test`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, UNKNOWN, Experiment
from kws.training.negative_features import NegativeFeatures
from kws.types import Floats, Int8, Int32

Hear = Callable[[Iterable[Int8]], Iterator[Floats]]
"""From pieces of streams, int8 [streams, frames, bands], to posteriors, float32 [streams, frames, labels]."""

_STREAMS = 64
_PIECE = 250
_MEAN_MS = 500.0
_PAUSE_MS = 700.0
# Nothing is reported twice within this time.
_APART_MS = 1000.0


@dataclass(frozen=True)
class Listening:
    """Validation words, and validation speech and noise.

    Attributes:
        experiment: the settings.
        words: features of clips of words, as recorded and with noise, int8 [clips, 2, frames, bands].
        labels: int32 [clips].
        pauses: noise, int8 [n, frames, bands].
        negatives: what says no word to spot.
    """

    experiment: Experiment
    words: Int8
    labels: Int32
    pauses: Int8
    negatives: Sequence[NegativeFeatures]

    @property
    def hours(self) -> float:
        """Of negatives."""
        return sum(n.seconds for n in self.negatives) / 3600

    def missed(self, hear: Hear) -> float:
        """The share of words missed at ``negatives.false_accepts_per_hour``, mean of as recorded and with noise.

        Args:
            hear: runs a network on streams.
        """
        threshold = self.threshold(hear)
        scores = np.stack([self._scores(hear, self.words[:, variant]) for variant in range(self.words.shape[1])])
        return float(np.mean(scores < threshold))

    def threshold(self, hear: Hear) -> float:
        """The lowest threshold with no more than so many false accepts: a value that is not itself reached by one more.

        Args:
            hear: runs a network on streams.
        """
        peaks = np.concatenate([self._peaks(hear, n.features) for n in self.negatives])
        allowed = int(self.experiment.negatives.false_accepts_per_hour * self.hours)
        ordered = np.sort(peaks)[::-1]
        return float(np.nextafter(ordered[allowed], 2)) if allowed < len(ordered) else 0.0

    def _peaks(self, hear: Hear, features: Int8) -> npt.NDArray[np.float64]:
        """The greatest mean posterior of a word in each second, where neither second beside it has a greater one."""
        apart = self.experiment.frontend.frames_in(_APART_MS)
        streams = max(1, min(_STREAMS, len(features) // _PIECE))
        long = len(features) // streams
        rows = features[: streams * long].reshape(streams, long, -1)
        means = self._means(hear, _pieces(rows))[:, :, self._spotted].max(axis=2)
        blocks = means[:, : max(1, long // apart) * apart]
        blocks = blocks.reshape(streams, -1, min(apart, long)).max(axis=2)
        beside = np.pad(blocks, ((0, 0), (1, 1)), constant_values=-1)
        greatest = (blocks > beside[:, :-2]) & (blocks >= beside[:, 2:])
        peaks: npt.NDArray[np.float64] = blocks[greatest]
        return peaks

    def _scores(self, hear: Hear, words: Int8) -> npt.NDArray[np.float64]:
        """The greatest mean posterior of each clip's word, until shortly after its end."""
        pause = self.experiment.frontend.frames_in(_PAUSE_MS)
        frames = min(pause, self.pauses.shape[1]) if len(self.pauses) else 0
        streams = min(_STREAMS, len(words))
        places = np.arange(-(-len(words) // streams) * streams) % len(words)
        out = np.empty(len(places))

        def sequences() -> Iterator[Int8]:
            for start in range(0, len(places), streams):
                chosen = words[places[start : start + streams]]
                if not frames:
                    yield chosen
                    continue
                noise = np.resize(self.pauses[:, :frames], (2 * streams, frames, chosen.shape[2]))
                yield np.concatenate([noise[:streams], chosen, noise[streams:]], axis=1)

        for number, heard in enumerate(hear(sequences())):
            here = places[number * streams : (number + 1) * streams]
            means = _running(heard, self._window)[:, frames:]
            out[number * streams : (number + 1) * streams] = means[np.arange(streams), :, self.labels[here]].max(axis=1)
        return out[: len(words)]

    def _means(self, hear: Hear, pieces: Iterable[Int8]) -> npt.NDArray[np.float64]:
        return _running(np.concatenate(list(hear(pieces)), axis=1), self._window)

    @property
    def _window(self) -> int:
        return max(1, self.experiment.frontend.frames_in(_MEAN_MS))

    @property
    def _spotted(self) -> list[int]:
        return [i for i, label in enumerate(self.experiment.data.labels) if label not in (SILENCE, UNKNOWN)]


def _pieces(rows: Int8) -> Iterator[Int8]:
    for start in range(0, rows.shape[1], _PIECE):
        yield rows[:, start : start + _PIECE]


def _running(posteriors: Floats, window: int) -> npt.NDArray[np.float64]:
    """Means over the last ``window`` frames, fewer at the beginning, of [streams, frames, labels]."""
    total = np.cumsum(posteriors, axis=1, dtype=np.float64)
    total[:, window:] -= total[:, :-window].copy()
    count = np.minimum(np.arange(1, posteriors.shape[1] + 1), window)
    means: npt.NDArray[np.float64] = total / count[:, None]
    return means
