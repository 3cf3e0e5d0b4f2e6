"""Loss ``ctc``: connectionist temporal classification (Graves 2006, doi:10.1145/1143844.1143891).

Of a word only its place in the order is asked for: somewhere in the sequence the network shall name it, and say
blank in all other frames. The label for silence is the blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, UNKNOWN, Experiment
from kws.errors import KwsError
from kws.network.tensorflow import import_tensorflow
from kws.training.batches import Batch
from kws.training.losses.base import Loss
from kws.training.sequences import Sequences
from kws.types import Int32

BLANK = 0
_OTHERS = -1


class CtcLoss(Loss):
    """The loss of one training.

    A stream's sequences hold one clip each, in noise, and go on where the last one ended: what a network hears is
    a row of words at random distances. From random weights it stays on the plateau of naming nothing; start from a
    trained network (``kws train --from``).
    """

    def __init__(self, experiment: Experiment, labels: Int32, streams: int) -> None:
        if experiment.data.labels[BLANK] != SILENCE:
            raise KwsError(f"the loss ctc takes the first label for the blank, and that is not {SILENCE}")
        self._unknown = experiment.data.labels.index(UNKNOWN)

    def reset(self) -> None:
        """Nothing is kept from sequence to sequence."""

    def targets(self, sequences: Sequences, batch: Batch, carry: npt.NDArray[np.bool_]) -> tuple[Int32, ...]:
        """The label of each sequence, int32 [streams]; blank where nothing is said, -1 for negatives."""
        return (np.where(sequences.negative, _OTHERS, batch.labels).astype(np.int32),)

    def __call__(self, logits: Any, targets: Sequence[Any]) -> tuple[Any, Any]:
        """Mean negative log likelihood a frame, and the share of sequences that greedy decoding transcribes rightly."""
        tf, _ = import_tensorflow()
        (labels,) = targets
        spoken, others = labels > BLANK, labels == _OTHERS
        streams, frames = tf.shape(logits)[0], tf.shape(logits)[1]
        # TensorFlow refuses sequences without a word: theirs is the likelihood of blanks alone.
        asked = tf.where(spoken, labels, BLANK + 1)
        words = tf.nn.ctc_loss(
            asked[:, None],
            logits,
            tf.ones([streams], tf.int32),
            tf.fill([streams], frames),
            logits_time_major=False,
            blank_index=BLANK,
        )
        # In other speech a frame may also name what is none of the words.
        log = tf.nn.log_softmax(logits)
        either = tf.reduce_logsumexp(tf.gather(log, [BLANK, self._unknown], axis=2), axis=2)
        silence = -tf.reduce_sum(tf.where(others[:, None], either, log[:, :, BLANK]), axis=1)
        loss = tf.reduce_mean(tf.where(spoken, words, silence)) / tf.cast(frames, tf.float32)
        symbols = tf.argmax(logits, axis=2, output_type=tf.int32)
        named = tf.reduce_any(symbols == labels[:, None], axis=1)
        right = (symbols == labels[:, None]) | (symbols == BLANK) | (others[:, None] & (symbols == self._unknown))
        transcribed = tf.reduce_all(right, axis=1) & (named | others)
        return loss, tf.reduce_mean(tf.cast(transcribed, tf.float32))

    def posteriors(self, logits: Any) -> Any:
        """Each word's greatest posterior in a clip, and what is left of the greatest one for the blank."""
        tf, _ = import_tensorflow()
        peaks = tf.reduce_max(tf.nn.softmax(logits), axis=1)[:, BLANK + 1 :]
        silent = 1 - tf.reduce_max(peaks, axis=1, keepdims=True)
        both = tf.concat([silent, peaks], axis=1)
        return both / tf.reduce_sum(both, axis=1, keepdims=True)
