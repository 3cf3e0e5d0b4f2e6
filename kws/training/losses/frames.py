"""Loss ``frames``: cross-entropy of what is said after every frame.

A word should be named from its end on for as long as a detector needs, and be forgotten after that.
While it is being said, it may be named already, but no other may. In what is no word to spot (negatives)
none may be named, silence and unknown are both right: the loss is -log(1 - the sum of the words' posteriors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, UNKNOWN, Experiment
from kws.network.tensorflow import import_tensorflow
from kws.training.batches import Batch
from kws.training.losses.base import Loss
from kws.training.sequences import Sequences
from kws.types import Floats, Int32

# All counted from the end of a word. A word may be named a little before its end is certain, ...
EARLY_MS = 40.0
# ... must be named for half a second, in which a detector averages and decides, ...
NAMED_MS = 500.0
# ... and be forgotten soon after. In between either is right.
FORGOTTEN_MS = 900.0
# Forgetting matters less than naming.
_QUIET_WEIGHT = 0.3
_SAYING_WEIGHT = 0.3
_NEVER = 1 << 20
# Added to a logit, it leaves nothing of the label's probability.
_EXCLUDED = -1e9
# Sequences of a batch without a word to spot that words are ranked against.
_HARDEST = 4
# Keeps log odds finite.
_ODDS = 1e-3


@dataclass(frozen=True)
class FrameTargets:
    """What to say of sequences.

    Attributes:
        posteriors: what to say after each frame, as probabilities: float32 [streams, frames, labels].
        weights: how much that matters, float32 [streams, frames].
        allowed: labels that are right while a word is being said, 0 or 1: float32 [streams, labels].
        saying: how much it matters that no other is named, float32 [streams, frames].
        reported: the label that a detector should report of a clip, 0 or 1: float32 [streams, labels]; of streams
            without a word to spot, those that it must not.
        when: frames at which it should, or must not, 0 or 1: float32 [streams, frames].
        other: streams without a word to spot, 0 or 1: float32 [streams].
    """

    posteriors: Floats
    weights: Floats
    allowed: Floats
    saying: Floats
    reported: Floats
    when: Floats
    other: Floats


class FramesLoss(Loss):
    """The loss of one training, with the word that each stream heard last."""

    def __init__(self, experiment: Experiment, labels: Int32, streams: int) -> None:
        names, frontend = experiment.data.labels, experiment.frontend
        self._excess = _excess(experiment, labels, streams)
        self._negative_weight = experiment.negatives.weight
        self._ranking = experiment.negatives.ranking
        self._each = np.eye(len(names), dtype=np.float32)
        self._quiet = self._each[names.index(SILENCE)]
        self._unnamed = self._quiet + self._each[names.index(UNKNOWN)]
        self._early, self._named, self._forgotten = map(frontend.frames_in, (EARLY_MS, NAMED_MS, FORGOTTEN_MS))
        self._since = np.full(streams, _NEVER)
        self._last = np.tile(self._quiet, (streams, 1))

    def reset(self) -> None:
        """Forget what the streams heard so far."""
        self._since[:] = _NEVER

    def frame_targets(self, sequences: Sequences, batch: Batch, carry: npt.NDArray[np.bool_]) -> FrameTargets:
        """What to say of each sequence; the next one may ask for a word that this one ends with."""
        self._since[~carry] = _NEVER
        spoken = (self._quiet[batch.labels] == 0) & ~sequences.negative
        time = np.arange(sequences.features.shape[1])
        # Frames since the end of the word before, and of this one.
        earlier = self._since[:, None] + time
        after = np.where(spoken[:, None], time - (sequences.starts + batch.ends)[:, None], -_NEVER)
        now = after >= -self._early
        # While a word is being said, it may be named already, but no other may that was not just said.
        saying = (spoken[:, None] & ~now & (time >= sequences.starts[:, None])) | sequences.negative[:, None]
        age = np.where(now, after, earlier)
        named, forgotten = age < self._named, age >= self._forgotten
        word = np.where(now[:, :, None], batch.targets[:, None], self._last[:, None])
        wanted = np.where(named[:, :, None], word, self._quiet).astype(np.float32)
        # What else is said around a word is not silence.
        quiet = np.where(sequences.around, 0.0, _QUIET_WEIGHT)[:, None]
        weights = np.where(named, 1.0, np.where(forgotten, quiet, 0.0)) * ~saying
        self._since = np.minimum(age[:, -1] + 1, _NEVER)
        self._last = np.where(now[:, -1:], batch.targets, self._last)
        allowed = np.maximum(self._unnamed, self._each[batch.labels])
        each = np.where(sequences.negative, self._negative_weight, _SAYING_WEIGHT)[:, None]
        weight = np.where(saying & (earlier >= self._forgotten), each, 0.0)
        spotted = 1 - self._unnamed
        own = self._each[batch.labels] * spotted * ~sequences.negative[:, None]
        other = ~own.any(axis=1)
        reported = np.where(other[:, None], spotted, own)
        when = np.where(other[:, None], earlier >= self._forgotten, now & ~forgotten)
        return FrameTargets(
            wanted,
            weights.astype(np.float32),
            allowed,
            weight.astype(np.float32),
            reported,
            when.astype(np.float32),
            other.astype(np.float32),
        )

    def targets(self, sequences: Sequences, batch: Batch, carry: npt.NDArray[np.bool_]) -> tuple[Floats, ...]:
        """:meth:`frame_targets`, field by field; the last three only where they are ranked."""
        made = self.frame_targets(sequences, batch, carry)
        compared = (made.reported, made.when, made.other) if self._ranking else ()
        return made.posteriors, made.weights, made.allowed, made.saying, *compared

    def __call__(self, logits: Any, targets: Sequence[Any]) -> tuple[Any, Any]:
        """Mean weighted cross-entropy, and the weighted share of frames whose greatest posterior is right."""
        tf, _ = import_tensorflow()
        posteriors, weights, allowed, saying, *compared = targets
        ranking = self._misranked(logits, *compared) if compared else 0.0
        # Logit adjustment, in training only (Menon 2020, arXiv:2007.07314). As an input of the function:
        # TensorFlow folds a constant into other sums, which rounds otherwise.
        with tf.init_scope():
            excess = tf.constant(self._excess)
        logits += excess
        named = tf.nn.softmax_cross_entropy_with_logits(posteriors, logits)
        others = (1 - allowed[:, None]) * _EXCLUDED
        among = tf.reduce_logsumexp(logits, axis=2) - tf.reduce_logsumexp(logits + others, axis=2)
        loss = tf.reduce_sum(named * weights + among * saying) / tf.reduce_sum(weights + saying)
        right = tf.cast(tf.argmax(logits, 2) == tf.argmax(posteriors, 2), tf.float32)
        return loss + self._ranking * ranking, tf.reduce_sum(right * weights) / tf.reduce_sum(weights)

    def _misranked(self, logits: Any, reported: Any, when: Any, other: Any) -> Any:
        """How far sequences without a word to spot rank above those with one, by what a detector compares.

        Of each stream the greatest mean of a posterior over half a second, as log odds; of all pairs of a word and one
        of the ``_HARDEST`` others the mean of a pairwise logistic loss (Burges 2005, "Learning to rank using
        gradient descent"), which the hardest of a batch dominate as they do false accepts.
        """
        tf, _ = import_tensorflow()
        heard = reported[:, None] * when[:, :, None]
        frames = min(self._named, heard.shape[1])
        means = tf.nn.avg_pool1d(tf.nn.softmax(logits) * heard, frames, 1, "VALID")
        greatest = tf.reduce_max(means, axis=[1, 2])
        odds = tf.math.log(greatest + _ODDS) - tf.math.log(1 - greatest + _ODDS)
        hardest, places = tf.math.top_k(tf.where(other > 0, odds, -1 / _ODDS), min(_HARDEST, heard.shape[0]))
        # A word that ends too late in its sequence for a whole mean says nothing.
        whole = tf.reduce_sum(heard, axis=[1, 2]) >= frames
        words = tf.cast(whole & (other == 0), tf.float32)
        pairs = words[:, None] * tf.gather(other, places)[None]
        misranked = tf.nn.softplus(hardest[None] - odds[:, None])
        return tf.math.divide_no_nan(tf.reduce_sum(misranked * pairs), tf.reduce_sum(pairs))


def _excess(experiment: Experiment, labels: Int32, streams: int) -> Floats:
    """How much likelier "unknown" and silence are in training than in validation, as natural logarithms [labels].

    All the other words and the negatives that there are teach more than the few that are validated with, but
    should not make the network say "unknown" or silence more readily where a word is unclear. Since either is
    right in negatives, they count for both, each frame by its weight.
    """
    data = experiment.data
    excess = np.zeros(len(data.labels), np.float32)
    counts = np.bincount(labels, minlength=len(data.labels)).astype(np.float64)
    unknown, silence = data.labels.index(UNKNOWN), data.labels.index(SILENCE)
    words = counts.sum() - counts[unknown] - counts[silence]
    clips = min(experiment.training.batch_size, len(labels))
    negatives = max(0.0, len(labels) * (streams - clips) / clips * experiment.negatives.weight)
    expected = data.unknown_percent / 100 * words
    if expected and counts[unknown] + negatives:
        excess[unknown] = np.log((counts[unknown] + negatives) / expected)
    # Silence clips are as many as are validated with.
    if counts[silence]:
        excess[silence] = np.log1p(negatives / counts[silence])
    return excess
