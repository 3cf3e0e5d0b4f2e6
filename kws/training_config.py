"""The settings of the training loop."""

from __future__ import annotations

from dataclasses import dataclass

from kws.fields import number, require, require_ranges

ALL, HEAD = TRAINABLE = ("all", "head")
BEST, LAST = KEPT = ("best", "last")
GREATEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class TrainingConfig:
    """The training loop.

    Attributes:
        epochs: greatest number of passes over the training clips.
        batch_size: clips a gradient step.
        learning_rate: peak learning rate (cosine decay to a hundredth of it).
        patience: epochs without a better validation accuracy before training stops.
        keep: which epoch's weights are kept: those of the ``best`` by the validation clips, or of the ``last``, which
            the decay of the learning rate makes the better one where few clips would choose by chance.
        loss: what a network that hears streams learns from (`kws.training.losses`). One that hears
            whole clips has a loss of its own.
        carry_state: share of clips that start from the state another clip left behind, as they will
            on a device that listens all day, instead of from a reset.
        gap_ms: milliseconds of noise around each clip, in which the state goes on too.
        at_once: share of the clips after a reset that begin at once, without noise before them, as they do where
            single clips are named.
        words_a_row: clips that follow each other closely, cut to their words, before the next gradient step hears
            others; more than 1 only with a loss that asks for an order of words (``ctc``).
        sentences: share of a batch's rows, negatives apart, that are whole transcribed sentences of other speech
            (`kws train --speech`), spelled by ``data.tokens``, which cannot be words; they come on top of
            ``batch_size`` clips and are as long as rows of ``words_a_row`` words at most. They are no negatives then.
        distillation: weight of a teacher's posteriors against the labels, where there is a teacher.
        weight_decay: decoupled weight decay (AdamW).
        label_smoothing: label smoothing of the cross-entropy.
        calibration_clips: training clips that set the int8 ranges.
        trainable: what learns: ``all`` layers, or only the ``head``, the last layer, on top of those
            of another model (`kws train --from`).
        seed: seed of every random draw.
    """

    epochs: int = number(50, 1, 100_000)
    batch_size: int = number(128, 1, 65_536)
    learning_rate: float = number(3e-3, 0, 1, above=True, below=True)
    patience: int = number(12, 1, 100_000)
    keep: str = BEST
    loss: str = "frames"
    carry_state: float = number(0.4, 0, 1)
    gap_ms: float = number(320.0, 0, 20_000)
    at_once: float = number(0.0, 0, 1)
    words_a_row: int = number(1, 1, 16)
    sentences: float = number(0.0, 0, 1, below=True)
    distillation: float = number(0.8, 0, 1)
    weight_decay: float = number(1e-3, 0, 1, below=True)
    label_smoothing: float = number(0.05, 0, 1, below=True)
    calibration_clips: int = number(500, 1, 100_000)
    trainable: str = ALL
    seed: int = number(1, 0, GREATEST_SEED)

    def __post_init__(self) -> None:
        require_ranges("training", self)
        require(
            self.trainable in TRAINABLE,
            f"training.trainable must be one of {', '.join(TRAINABLE)}, not {self.trainable!r}",
        )
        require(self.keep in KEPT, f"training.keep must be one of {', '.join(KEPT)}, not {self.keep!r}")
