"""What each epoch of a training brought: as JSON and as a picture."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kws.files import replacing
from kws.text import caption
from kws.training_config import BEST, LAST


@dataclass(frozen=True)
class Epoch:
    """One pass over the training clips.

    Attributes:
        epoch: from 1.
        learning_rate: of its last step.
        loss: cross-entropy of the training clips, with dropout and augmentation.
        accuracy: share of training clips classified rightly, likewise.
        validation_loss: cross-entropy of the validation clips, each from reset.
        validation_accuracy: share of validation clips classified rightly, each from reset.
        stream_accuracy: the same in the middle of a stream: each clip starts from the state
            that another one left behind.
        score: what the best epoch is chosen by.
        seconds: time it took; not part of the comparison of two histories.
        missed: share of validation words that are missed at ``negatives.false_accepts_per_hour``, mean of
            as recorded and at 10 dB; None where there is nothing to count false accepts on.
    """

    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    stream_accuracy: float
    score: float
    seconds: float = field(compare=False)
    missed: float | None = None


@dataclass(frozen=True)
class History:
    """All epochs of a run so far, at least one.

    Attributes:
        epochs: in order.
        keep: which of them is kept, as in ``training.keep``.
    """

    epochs: tuple[Epoch, ...]
    keep: str = BEST

    @property
    def best(self) -> Epoch:
        """The epoch with the highest score, the later of two equal ones."""
        return max(self.epochs, key=lambda e: (e.score, e.epoch))

    @property
    def kept(self) -> Epoch:
        """The epoch whose weights are kept."""
        return self.epochs[-1] if self.keep == LAST else self.best

    def and_then(self, epoch: Epoch) -> History:
        """This history and one epoch more."""
        return dataclasses.replace(self, epochs=(*self.epochs, epoch))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; ``best_epoch`` is the one that is kept."""
        epochs = [dataclasses.asdict(e) for e in self.epochs]
        return {"best_epoch": self.kept.epoch, "keep": self.keep, "epochs": epochs}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> History:
        """The inverse of :meth:`as_dict`.

        Raises:
            KeyError, TypeError: other values.
        """
        return cls(tuple(Epoch(**e) for e in values["epochs"]), values.get("keep", BEST))

    def plot(self, path: Path, title: str) -> None:
        """Draw loss and accuracy by epoch, the epoch that is kept marked, as a PNG.

        Raises:
            KwsError: the file cannot be written.
        """
        # Not pyplot: it would start a window system, and choose a backend for the whole process.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(9, 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        number = [e.epoch for e in self.epochs]
        kept = self.kept
        left.plot(number, [e.loss for e in self.epochs], label="training")
        left.plot(number, [e.validation_loss for e in self.epochs], label="validation")
        left.set_ylabel("cross-entropy")
        right.plot(number, [100 * e.accuracy for e in self.epochs], label="training (augmented)")
        right.plot(number, [100 * e.validation_accuracy for e in self.epochs], label="validation, from reset")
        right.plot(number, [100 * e.stream_accuracy for e in self.epochs], label="validation, in a stream")
        if kept.missed is not None:
            found = [100 * (1 - (e.missed or 0)) for e in self.epochs]
            right.plot(number, found, label="words heard, at few false accepts")
        right.set_ylabel("accuracy, %")
        for axes in (left, right):
            axes.axvline(kept.epoch, color="grey", linestyle=":", label=f"chosen: epoch {kept.epoch}")
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
            axes.legend()
        figure.suptitle(caption(title))
        with replacing(path) as temporary:
            # Without the version stamp the same history is the same file.
            figure.savefig(temporary, dpi=120, metadata={"Software": None})
