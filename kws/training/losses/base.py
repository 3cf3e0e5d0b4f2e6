"""What every loss of networks that hear streams can tell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kws.config import Experiment
from kws.network.tensorflow import import_tensorflow
from kws.training.batches import Batch
from kws.training.sequences import Sequences


class Loss(ABC):
    """What the network should say of sequences, and how far from it it is.

    Attributes:
        orders_words: whether it can ask for several words of a row in order: labels are then int32 [streams, words].
    """

    orders_words: ClassVar[bool] = False

    @property
    def names_words(self) -> bool:
        """Whether a frame's posteriors are of words, so that a threshold on them spots words."""
        return True

    @abstractmethod
    def __init__(self, experiment: Experiment, labels: npt.NDArray[np.int32], streams: int) -> None:
        """Prepare for a training.

        Args:
            experiment: the settings.
            labels: of all training clips, int32 [clips].
            streams: sequences of a batch.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget what the streams heard so far."""

    @abstractmethod
    def targets(self, sequences: Sequences, batch: Batch, carry: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], ...]:
        """What to say, as arrays of always the same types and shapes, the first axis of which are the streams.

        Args:
            sequences: what is heard.
            batch: the clips in them, and the sentences.
            carry: bool [streams]: which go on where the last sequence of the same stream ended.
        """

    @abstractmethod
    def __call__(self, logits: Any, targets: Sequence[Any]) -> tuple[Any, Any]:
        """The loss to minimise, and the share that is right; called while tracing a TensorFlow function.

        Args:
            logits: float32 tensor [streams, frames, labels].
            targets: :meth:`targets` as tensors.
        """

    def posteriors(self, logits: Any) -> Any:
        """What a network trained so says of clips, by default after the last frame; called while tracing a function.

        Args:
            logits: float32 tensor [clips, frames, labels].

        Returns:
            float32 tensor [clips, labels], each row a distribution.
        """
        tf, _ = import_tensorflow()
        return tf.nn.softmax(logits[:, -1])
