"""Loss ``ctc``: connectionist temporal classification (Graves 2006, doi:10.1145/1143844.1143891).

Of a word only its place in the order is asked for: somewhere in the sequence the network shall name it, and say
blank in all other frames. The label for silence is the blank. A word that tokens spell is a row of them, and so is a
transcribed sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE, UNKNOWN, Experiment
from kws.errors import KwsError
from kws.network.tensorflow import import_tensorflow
from kws.spelling import WORDS
from kws.training.batches import Batch
from kws.training.losses.base import Loss
from kws.training.sequences import Sequences
from kws.types import Int32

BLANK = 0
_OTHERS = -1


class CtcLoss(Loss):
    """The loss of one training.

    A stream's sequences hold ``training.words_a_row`` clips each, in noise, and go on where the last one ended: what a
    network hears is a row of words at random distances. From random weights it stays on the plateau of naming nothing;
    start from a trained network (``kws train --from``).
    """

    orders_words: ClassVar[bool] = True

    def __init__(self, experiment: Experiment, labels: Int32, streams: int) -> None:
        if experiment.data.labels[BLANK] != SILENCE:
            raise KwsError(f"the loss ctc takes the first label for the blank, and that is not {SILENCE}")
        data = experiment.data
        symbols = data.symbols
        self._unknown = symbols.index(UNKNOWN)
        self._names_words = data.tokens == WORDS
        rows = [[BLANK], [self._unknown], *([symbols.index(token) for token in word] for word in data.spelled)]
        self._lengths = np.array([0, *map(len, rows[1:])], np.int32)
        self._spelled = np.full((len(rows), max(self._lengths)), BLANK, np.int32)
        for row, tokens in zip(self._spelled, rows, strict=True):
            row[: len(tokens)] = tokens

    @property
    def names_words(self) -> bool:
        """Whether no tokens spell the words."""
        return self._names_words

    def reset(self) -> None:
        """Nothing is kept from sequence to sequence."""

    def targets(self, sequences: Sequences, batch: Batch, carry: npt.NDArray[np.bool_]) -> tuple[Int32, ...]:
        """The tokens of each sequence in order, blanks behind them; -1 for negatives: int32 [streams, tokens]."""
        labels = self._spelled[batch.labels].reshape(len(batch.labels), -1)
        # A stable sort by whether it is blank: clips of silence are no part of the order.
        order = np.argsort(labels == BLANK, axis=1, kind="stable")
        words = np.take_along_axis(labels, order, axis=1)
        if batch.tokens is not None:
            widest = max(words.shape[1], batch.tokens.shape[1])
            words, said = (np.pad(t, ((0, 0), (0, widest - t.shape[1]))) for t in (words, batch.tokens))
            words = np.where(said[:, :1] > BLANK, said, words)
        return (np.where(sequences.negative[:, None], _OTHERS, words).astype(np.int32),)

    def __call__(self, logits: Any, targets: Sequence[Any]) -> tuple[Any, Any]:
        """Mean negative log likelihood a frame, and the share of sequences that greedy decoding transcribes rightly."""
        tf, _ = import_tensorflow()
        streams, frames = tf.shape(logits)[0], tf.shape(logits)[1]
        labels = tf.reshape(targets[0], [streams, -1])
        spoken, others = labels[:, 0] > BLANK, labels[:, 0] == _OTHERS
        lengths = tf.reduce_sum(tf.cast(labels > BLANK, tf.int32), axis=1)
        # TensorFlow refuses sequences without a word: theirs is the likelihood of blanks alone.
        asked = tf.where(spoken[:, None], labels, BLANK + 1)
        words = tf.nn.ctc_loss(
            asked,
            logits,
            tf.maximum(lengths, 1),
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
        before = tf.concat([tf.fill([streams, 1], BLANK), symbols[:, :-1]], axis=1)
        named = (symbols != before) & (symbols != BLANK)
        place = tf.cumsum(tf.cast(named, tf.int32), axis=1)
        wanted = tf.gather(labels, tf.clip_by_value(place - 1, 0, tf.shape(labels)[1] - 1), batch_dims=1)
        right = tf.reduce_all(~named | (symbols == wanted), axis=1) & (place[:, -1] == lengths)
        nothing = tf.reduce_all((symbols == BLANK) | (symbols == self._unknown), axis=1)
        return loss, tf.reduce_mean(tf.cast(tf.where(others, nothing, right), tf.float32))

    def posteriors(self, logits: Any) -> Any:
        """Each word's greatest posterior in a clip, and what is left of the greatest one for the blank.

        Of words that tokens spell, what the likelihood of each word's tokens is of that of all.
        """
        tf, _ = import_tensorflow()
        if not self._names_words:
            return tf.nn.softmax(self._likelihoods(logits))
        peaks = tf.reduce_max(tf.nn.softmax(logits), axis=1)[:, BLANK + 1 :]
        silent = 1 - tf.reduce_max(peaks, axis=1, keepdims=True)
        both = tf.concat([silent, peaks], axis=1)
        return both / tf.reduce_sum(both, axis=1, keepdims=True)

    def _likelihoods(self, logits: Any) -> Any:
        """Log likelihoods of silence, of what is unknown and of each word alone, float32 [clips, labels]."""
        tf, _ = import_tensorflow()
        clips, frames, classes = tf.shape(logits)[0], tf.shape(logits)[1], len(self._lengths)
        losses = tf.nn.ctc_loss(
            tf.tile(tf.constant(np.maximum(self._spelled, BLANK + 1)), [clips, 1]),
            tf.repeat(logits, classes, axis=0),
            tf.tile(tf.constant(np.maximum(self._lengths, 1)), [clips]),
            tf.fill([clips * classes], frames),
            logits_time_major=False,
            blank_index=BLANK,
        )
        silent = tf.reduce_sum(tf.nn.log_softmax(logits)[:, :, BLANK], axis=1, keepdims=True)
        return tf.concat([silent, -tf.reshape(losses, [clips, classes])[:, BLANK + 1 :]], axis=1)
