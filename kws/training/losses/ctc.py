"""Loss ``ctc``: connectionist temporal classification (Graves 2006, doi:10.1145/1143844.1143891).

Of a word only its place in the order is asked for: somewhere in the sequence the network shall name it, and say
blank in all other frames. The label for silence is the blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, Experiment
from kws.errors import KwsError
from kws.network.tensorflow import import_tensorflow
from kws.training.batches import Batch
from kws.training.losses.base import Loss
from kws.training.sequences import Sequences
from kws.types import Int32

BLANK = 0


class CtcLoss(Loss):
    """The loss of one training.

    A stream's sequences hold one clip each, in noise, and go on where the last one ended: what a network hears is
    a row of words at random distances. From random weights it stays on the plateau of naming nothing; start from a
    trained network (``kws train --from``).
    """

    def __init__(self, experiment: Experiment, labels: Int32, streams: int) -> None:
        if experiment.data.labels[BLANK] != SILENCE:
            raise KwsError(f"the loss ctc takes the first label for the blank, and that is not {SILENCE}")

    def reset(self) -> None:
        """Nothing is kept from sequence to sequence."""

    def targets(self, sequences: Sequences, batch: Batch, carry: npt.NDArray[np.bool_]) -> tuple[Int32, ...]:
        """The label of each sequence, int32 [streams]; :data:`BLANK` where no word is said."""
        return (batch.labels.astype(np.int32),)

    def __call__(self, logits: Any, targets: Sequence[Any]) -> tuple[Any, Any]:
        """Mean negative log likelihood a frame, and the share of sequences that greedy decoding transcribes rightly."""
        tf, _ = import_tensorflow()
        (labels,) = targets
        spoken = labels != BLANK
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
        silence = -tf.reduce_sum(tf.nn.log_softmax(logits)[:, :, BLANK], axis=1)
        loss = tf.reduce_mean(tf.where(spoken, words, silence)) / tf.cast(frames, tf.float32)
        symbols = tf.argmax(logits, axis=2, output_type=tf.int32)
        named = tf.reduce_any(symbols == labels[:, None], axis=1)
        other = tf.reduce_any((symbols != labels[:, None]) & (symbols != BLANK), axis=1)
        return loss, tf.reduce_mean(tf.cast(named & ~other, tf.float32))

    def posteriors(self, logits: Any) -> Any:
        """Each word's greatest posterior in a clip, and what is left of the greatest one for the blank."""
        tf, _ = import_tensorflow()
        peaks = tf.reduce_max(tf.nn.softmax(logits), axis=1)[:, BLANK + 1 :]
        silent = 1 - tf.reduce_max(peaks, axis=1, keepdims=True)
        both = tf.concat([silent, peaks], axis=1)
        return both / tf.reduce_sum(both, axis=1, keepdims=True)
