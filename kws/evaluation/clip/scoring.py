"""Statistics of labelled clips: rates with intervals, confusion, words, speakers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kws.config import SILENCE
from kws.datasets.clips import Example
from kws.types import Int64

MIN_WORD_CLIPS = 3
MIN_SPEAKER_CLIPS = 5
"""Fewer say too little of a speaker to be ranked."""
_Z = 1.959963984540054
"""The normal distribution's quantile for 95 % between both tails."""
_SIMULATIONS = 1000


@dataclass(frozen=True)
class Rate:
    """So many right of so many.

    Attributes:
        correct: right ones.
        total: all; positive.
        design_effect: of how many clips each says as little as one of independent clips would
            (`design_effect`), at least 1.
    """

    correct: int
    total: int
    design_effect: float = 1.0

    @property
    def share(self) -> float:
        """Share right, 0 to 1."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the share (Wilson 1927) from the effective number of clips."""
        p, n, z = self.share, self.total / self.design_effect, _Z
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Accuracy:
    """How one engine (or the float network) labelled the clips.

    Attributes:
        engine: its name; ``float`` for the unquantized network.
        confusion: int [labels, labels]; rows are the true labels.
        design_effect: of the clips' speakers (`design_effect`).
        agreement: share of clips with the same label as the float network, or None.
        carried: clips labelled right in a stream whose state is never reset, or None.
        posterior_error: mean and greatest absolute difference of a posterior (0 to 1) from the
            float network's, over all frames of all clips, or None.
    """

    engine: str
    confusion: npt.NDArray[np.int64]
    design_effect: float = 1.0
    agreement: float | None = None
    carried: Rate | None = None
    posterior_error: tuple[float, float] | None = None

    @property
    def rate(self) -> Rate:
        """Clips labelled right, each from a reset."""
        return Rate(int(np.trace(self.confusion)), int(self.confusion.sum()), self.design_effect)

    @property
    def accuracy(self) -> float:
        """Share of clips labelled right, 0 to 1."""
        return self.rate.share

    def recall(self) -> npt.NDArray[np.float64]:
        """Share of each label's clips that were labelled so; NaN for a label without clips."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.diag(self.confusion) / self.confusion.sum(axis=1), np.float64)

    def precision(self) -> npt.NDArray[np.float64]:
        """Share right of the clips given each label; NaN for a label never given."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.diag(self.confusion) / self.confusion.sum(axis=0), np.float64)


@dataclass(frozen=True)
class Group:
    """The clips of one word folder or of one speaker.

    Attributes:
        name: of the folder, or of the speaker.
        rate: clips labelled right.
        heard: wrong labels given and how often, most frequent first.
    """

    name: str
    rate: Rate
    heard: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Speakers:
    """Accuracy by speaker, of speakers with at least :data:`MIN_SPEAKER_CLIPS` clips.

    Attributes:
        groups: worst first.
        worst_decile: mean accuracy of the worst tenth of them (rounded up).
        by_chance: what ``worst_decile`` would be, on average, if all speakers were equally easy:
            some get the worst clips by luck alone, and most speakers have too few clips to be told
            from the unlucky.
        dispersion: how much their accuracies scatter, against what chance would make of equally easy
            speakers: Pearson's chi-squared by degrees of freedom, 1 by chance; or None where it has none.
    """

    groups: tuple[Group, ...]
    worst_decile: float
    by_chance: float
    dispersion: float | None

    @property
    def worst(self) -> tuple[Group, ...]:
        """The worst tenth."""
        return self.groups[: _tenth(len(self.groups))]


def design_effect(right: npt.NDArray[np.bool_], speakers: Sequence[object]) -> float:
    """How much speakers who are easier or harder than others widen the uncertainty of the share right.

    The variance of the share over speakers, who were drawn as wholes, against that over clips, as
    if these were independent (Kish 1965); by linearisation, as for a ratio. At least 1, and 1 for
    a single speaker, of whom alone the figures then tell.

    Args:
        right: bool [clips].
        speakers: who speaks in each clip, [clips].
    """
    _, who = np.unique([str(s) for s in speakers], return_inverse=True)
    count, share = int(who.max(initial=0)) + 1, float(right.mean())
    if count < 2 or share in (0.0, 1.0):
        return 1.0
    excess = np.bincount(who, right - share)
    return max(1.0, float(count / (count - 1) * (excess**2).sum() / (len(right) * share * (1 - share))))


def confusion(true: npt.NDArray[np.int32], guess: Int64, labels: int) -> npt.NDArray[np.int64]:
    """Counts of clips by true label (rows) and given label, int64 [labels, labels]."""
    counts = np.zeros((labels, labels), np.int64)
    np.add.at(counts, (true, guess), 1)
    return counts


def by_word(examples: Sequence[Example], guess: Int64, labels: Sequence[str]) -> tuple[Group, ...]:
    """Accuracy by word folder, worst first; words with fewer than :data:`MIN_WORD_CLIPS` clips come last."""
    groups = _grouped([SILENCE if e.clip is None else e.clip.word for e in examples], examples, guess, labels)
    return tuple(sorted(groups, key=lambda g: (g.rate.total < MIN_WORD_CLIPS, *_badness(g))))


def by_speaker(examples: Sequence[Example], guess: Int64, labels: Sequence[str]) -> Speakers | None:
    """Accuracy by speaker, silence left out; None where nobody has enough clips."""
    groups = _grouped([None if e.clip is None else e.clip.speaker for e in examples], examples, guess, labels)
    ranked = sorted((g for g in groups if g.rate.total >= MIN_SPEAKER_CLIPS), key=_badness)
    if not ranked:
        return None
    shares = np.array([g.rate.share for g in ranked])
    totals = np.array([g.rate.total for g in ranked])
    overall = sum(g.rate.correct for g in ranked) / totals.sum()
    equal = np.random.default_rng(0).binomial(totals, overall, (_SIMULATIONS, len(totals))) / totals
    tenth = _tenth(len(ranked))
    by_chance = np.sort(equal, axis=1)[:, :tenth].mean()
    dispersion = None
    if 0 < overall < 1 and len(ranked) > 1:
        chi_squared = (totals * (shares - overall) ** 2).sum() / (overall * (1 - overall))
        dispersion = float(chi_squared / (len(ranked) - 1))
    return Speakers(tuple(ranked), float(shares[:tenth].mean()), float(by_chance), dispersion)


def _tenth(count: int) -> int:
    return math.ceil(count / 10)


def _badness(group: Group) -> tuple[float, int, str]:
    return group.rate.share, -group.rate.total, group.name


def _grouped(
    names: Sequence[str | None], examples: Sequence[Example], guess: Int64, labels: Sequence[str]
) -> list[Group]:
    totals: Counter[str] = Counter()
    wrong: dict[str, Counter[str]] = {}
    for name, example, given in zip(names, examples, guess, strict=True):
        if name is None:
            continue
        totals[name] += 1
        heard = wrong.setdefault(name, Counter())
        if given != example.label:
            heard[labels[given]] += 1
    return [
        Group(name, Rate(total - wrong[name].total(), total), dict(wrong[name].most_common()))
        for name, total in totals.items()
    ]
