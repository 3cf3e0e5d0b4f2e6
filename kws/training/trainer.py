"""What one epoch does with the clips, and how the result is validated; the part that all networks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.config import Experiment
from kws.network.base import KerasNetwork
from kws.training.batches import Batch, Batches, TrainingSet, ValidationSet
from kws.training.optimizer import AveragingOptimizer

_SMALLEST = 1e-7


@dataclass(frozen=True)
class Metrics:
    """How validation clips fare: cross-entropy, share named right from a reset and in a stream, share missed.

    The last at a given number of false accepts per hour (`kws.training.listening`), None where it is not known.
    """

    loss: float
    from_reset: float
    in_stream: float
    missed: float | None = None


class Trainer(ABC):
    """A network in training.

    Attributes:
        current: the weights that gradients move.
        average: their running average, which is validated and kept.
        optimizer: moves both.
    """

    current: KerasNetwork
    average: KerasNetwork
    optimizer: AveragingOptimizer

    def __init__(self, experiment: Experiment, clips: TrainingSet) -> None:
        self.experiment = experiment
        self.batches = Batches(experiment, clips)

    def epoch(self, number: int, progress: Callable[[int, int], None]) -> tuple[float, float]:
        """Learn from every clip once; returns the mean loss and share right.

        Args:
            number: from 1; the draws depend on it.
            progress: called with (steps done, steps in total).
        """
        # Its own generator for each epoch: a resumed run draws what an uninterrupted one does.
        rng = np.random.default_rng([self.experiment.training.seed, number])
        self.reset()
        results = []
        for step, batch in enumerate(self.batches.draw(rng)):
            results.append(self.learn(batch, step, rng))
            progress(step + 1, self.batches.steps)
        loss, right = np.mean(results, axis=0)
        return float(loss), float(right)

    def save(self, path: Path) -> None:
        """Write the averaged weights.

        Raises:
            KwsError: the file cannot be written.
        """
        self.average.save(path)

    def reset(self) -> None:  # noqa: B027 - whole clips leave nothing behind
        """Forget what the streams heard so far."""

    @abstractmethod
    def learn(self, batch: Batch, step: int, rng: np.random.Generator) -> tuple[float, float]:
        """Take one gradient step; returns loss and share right, in training (with dropout)."""

    @abstractmethod
    def validate(self, clips: ValidationSet) -> Metrics:
        """How the averaged weights do."""


def cross_entropy(posteriors: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> float:
    """Mean cross-entropy of posteriors [n, labels] against labels [n]."""
    named = posteriors[np.arange(len(labels)), labels]
    return float(-np.mean(np.log(np.maximum(named, _SMALLEST))))


def share_right(posteriors: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> float:
    """The share of posteriors [n, labels] whose greatest is that of labels [n]."""
    return float(np.mean(posteriors.argmax(axis=1) == labels))
