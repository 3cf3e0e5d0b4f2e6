"""What more takes would bring: errors on takes held out, measured with fewer of them, and the curve through these.

A training for each point would take minutes, so what is fitted is the last layer alone, by ridge regression (Hoerl and
Kennard 1970) on the state of the model that the training starts from, which has heard none of the takes. What errors
have above their floor falls as one over the number of takes (Amari 1993), so the curve is a floor and a multiple of
1/n, by least squares, both 0 or more. Intervals are those of the bootstrap over takes (Efron 1979). How well that
foretells is measured in docs/EXPERIMENTS.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import clips, negatives
from kws.datasets.fit import fit, read_fitted
from kws.errors import KwsError
from kws.evaluation.clip.places import last_frame
from kws.evaluation.poisson import upper_limit
from kws.frontends import FrontendConfig
from kws.network import FloatNetwork
from kws.types import Floats, Pcm, Progress

LEAST_TAKES = 8
"""Of each word; with fewer there is nothing to hold out."""
_LEAST_TRAINED = 3
_MOST_TAKES = 200
_MOST_SIZES = 6
_HELD_OUT = 0.2
_DRAWS = 60
_RESAMPLED = 1000
_OTHERS = 400
_RIDGE = 0.1
_BATCH = 64
_INTERVAL = (0.025, 0.975)
# The share of the errors that twice as many takes save: more than the first for certain and they help; less than the
# second for certain and they bring little. A curve without a floor halves.
_HELP, _LITTLE = 0.05, 0.2

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """An error rate at a number of takes.

    Attributes:
        takes: of each word that were learned from.
        errors: share of held-out takes that were named otherwise, 0 to 1.
        low, high: its 95 % interval.
    """

    takes: int
    errors: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """What was measured, and what follows from it.

    Attributes:
        words: the words.
        takes: of each that were used.
        others: takes and cuts of what is none of the words.
        measured: points, with fewer takes foremost.
        fitted: the curve through them as (takes, errors), as far as twice as many.
        now: the fitted curve at :attr:`takes`.
        twice: the fitted curve at twice as many.
        saved: the share of errors at :attr:`now` that :attr:`twice` has not, as (low, high), 95 %.
        most: where no take was named otherwise at the last point, the greatest share that this allows at 95 %; else
            None.
    """

    words: tuple[str, ...]
    takes: int
    others: int
    measured: tuple[Point, ...]
    fitted: tuple[tuple[int, float], ...]
    now: Point
    twice: Point
    saved: tuple[float, float]
    most: float | None

    @property
    def advice(self) -> str:
        """What to do, in a sentence."""
        if self.most is not None:
            return (
                f"none of the takes held out is heard as something else, so these cannot tell what more would bring"
                f" (errors of up to {100 * self.most:.0f} % fit that); record other people, other rooms and other words"
            )
        low, high = self.saved
        amount = f"twice as many save {100 * low:.0f} to {100 * high:.0f} % of these errors"
        if low > _HELP:
            return f"more takes will help: {amount}"
        if high < _LITTLE:
            return f"more takes alike bring little: {amount}; record other people, other rooms and other words"
        return f"whether more takes help cannot be told yet: {amount}; vary them: distance, loudness, rooms, people"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "advice": self.advice}


def learning_curve(
    folder: Path,
    data: DataConfig,
    frontend: FrontendConfig,
    network: FloatNetwork,
    seed: int = 1,
    progress: Progress | None = None,
) -> Curve:
    """Measure a curve on a folder of takes.

    Args:
        folder: a folder of word folders; those that are no words of ``data`` are other words.
        data: the words and the length of a clip.
        frontend: of the network.
        network: whose last recurrent layer's state is learned from; it should not have heard the takes.
        seed: of every draw.
        progress: called with clips heard and in all.

    Raises:
        KwsError: a word has fewer than :data:`LEAST_TAKES` takes, or a recording cannot be read.
    """
    found = clips.index(folder, data)
    few = [(w, n) for w in data.words if (n := sum(c.word == w for c in found)) < LEAST_TAKES]
    if few:
        listed = ", ".join(f"{n} of {word}" for word, n in few)
        raise KwsError(f"there are {listed}; record at least {LEAST_TAKES} takes of each word to learn what more bring")
    samples = round(data.clip_ms * SAMPLE_RATE / 1000)
    rng = np.random.default_rng(seed)
    every: list[Path | Pcm] = [*(c.path for c in found), *_sentences(data.words, samples, rng)]
    states: list[Floats] = []
    for start in range(0, len(every), _BATCH):
        part = every[start : start + _BATCH]
        pcm = [read_fitted(x, samples) if isinstance(x, Path) else x for x in part]
        states.append(last_states(network, frontend, np.stack(pcm)))
        if progress is not None:
            progress(start + len(part), len(every))
    points = np.concatenate(states).astype(np.float64)
    said = np.array([c.word for c in found] + [""] * (len(every) - len(found)))
    by_word = {word: points[said == word] for word in data.words}
    return fit_curve(by_word, points[~np.isin(said, data.words)], rng)


def last_states(network: FloatNetwork, frontend: FrontendConfig, pcm: Pcm) -> Floats:
    """The last recurrent layer's output after the last frame of int16 ``[clips, samples]``, float32 ``[clips, units]``.

    Raises:
        KwsError: the network has no recurrent layer.
    """
    carried = [states for states in network.initial_state(1) if states]
    if not carried or carried[-1][0].ndim != 2:
        raise KwsError("what more takes bring is measured on a network with recurrent layers; give another --from")
    return last_frame(network, frontend, pcm)[1]


def fit_curve(takes: Mapping[str, Doubles], others: Doubles, rng: np.random.Generator) -> Curve:
    """Measure and fit a curve on states.

    Args:
        takes: of each word, ``[takes, units]``; at least :data:`LEAST_TAKES` takes.
        others: of what is no word, ``[n, units]``.
        rng: of every draw.
    """
    used = min(_MOST_TAKES, *(len(t) for t in takes.values()))
    sizes = _sizes(used)
    wrong, tried = _errors(takes, others, used, sizes, rng)
    # A take that was tried counts as its own rate of errors, however often it was tried.
    rates = np.divide(wrong, tried, out=np.full(wrong.shape, np.nan), where=tried > 0)
    ends = (used, 2 * used)
    # A sample without errors is drawn again without errors; so many may be there all the same.
    unseen = upper_limit(0) / len(rates)
    measured, fitted = _means(rates), [_fitted(rates, sizes, at) for at in ends]
    places = sorted({*sizes, *range(used, 2 * used, max(1, used // 5)), 2 * used})
    line = tuple((at, _fitted(rates, sizes, at)) for at in places)
    parts = [rates[rng.integers(len(rates), size=len(rates))] for _ in range(_RESAMPLED)]
    low, high = np.quantile([_means(part) for part in parts], _INTERVAL, axis=0)
    drawn = np.array([[_fitted(part, sizes, at) for at in ends] for part in parts])
    points = tuple(
        Point(n, float(e), float(a), max(float(b), unseen))
        for n, e, a, b in zip(sizes, measured, low, high, strict=True)
    )
    bounds = np.quantile(drawn, _INTERVAL, axis=0).T
    now, twice = (
        Point(at, float(e), float(a), max(float(b), unseen)) for at, e, (a, b) in zip(ends, fitted, bounds, strict=True)
    )
    most = unseen if measured[-1] == 0 else None
    saved = np.quantile(1 - drawn[:, 1] / np.maximum(drawn[:, 0], 1e-9), _INTERVAL)
    return Curve(tuple(takes), used, len(others), points, line, now, twice, (float(saved[0]), float(saved[1])), most)


def _sizes(used: int) -> list[int]:
    most = used - max(1, round(_HELD_OUT * used))
    return sorted({round(float(n)) for n in np.geomspace(_LEAST_TRAINED, most, _MOST_SIZES)})


def _errors(
    takes: Mapping[str, Doubles], others: Doubles, used: int, sizes: Sequence[int], rng: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """How often each take was named otherwise and tried, ``[takes, sizes]`` both, over draws of what is learned."""
    words = list(takes)
    firsts = np.cumsum([0, *(len(t) for t in takes.values())])
    everything = np.concatenate([*takes.values()])
    wrong, tried = np.zeros((2, len(everything), len(sizes)))
    for _ in range(_DRAWS):
        orders = [first + rng.permutation(len(takes[word]))[:used] for word, first in zip(words, firsts, strict=False)]
        for column, size in enumerate(sizes):
            learned = [everything[order[:size]] for order in orders]
            held_out = np.concatenate([order[size:] for order in orders])
            belongs = np.repeat(np.arange(len(words)), used - size)
            wrong[held_out, column] += _named([*learned, others], everything[held_out]) != belongs
            tried[held_out, column] += 1
    return wrong, tried


def _named(classes: Sequence[Doubles], asked: Doubles) -> npt.NDArray[np.int64]:
    """The class of each row of ``asked`` by a ridge regression in which all classes weigh the same."""
    wide = [np.column_stack([c, np.ones(len(c))]) for c in classes]
    # One class after the other: its mean is what the targets leave of it.
    gram = sum((w.T @ w / len(w) for w in wide), np.zeros(()))
    targets = np.column_stack([w.mean(axis=0) for w in wide])
    ridge = _RIDGE * np.trace(gram) / len(gram)
    solved = np.linalg.solve(gram + ridge * np.eye(len(gram)), targets)
    found: npt.NDArray[np.int64] = np.argmax(np.column_stack([asked, np.ones(len(asked))]) @ solved, axis=1)
    return found


def _means(rates: Doubles) -> Doubles:
    """Over takes, those left out that were never tried."""
    there = ~np.isnan(rates)
    return np.asarray(np.where(there, rates, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))


def _fitted(rates: Doubles, sizes: Sequence[int], at: int) -> float:
    """The curve through the mean rates, at another number of takes."""
    counts, means = np.array(sizes, np.float64), _means(rates)
    terms = np.column_stack([np.ones(len(counts)), 1 / counts])
    # What is asked for is nearer to the later points.
    weights = np.sqrt(counts)
    found, least = 0.0, np.inf
    for kept in ([0, 1], [0], [1]):
        coefficients = np.linalg.lstsq(terms[:, kept] * weights[:, None], means * weights, rcond=None)[0]
        left = float(np.sum((weights * (terms[:, kept] @ coefficients - means)) ** 2))
        # A share of errors neither falls below nothing nor rises with more takes.
        if (coefficients >= 0).all() and left < least:
            found, least = float(np.array([1.0, 1 / at])[kept] @ coefficients), left
    return min(1.0, found)


def _sentences(words: Sequence[str], samples: int, rng: np.random.Generator) -> Pcm:
    """Cuts of the pack of sentences that training takes, int16 ``[cuts, samples]``, none of which says a word."""
    folder = negatives.TRAINING_PACK
    chosen = [s for s in negatives.stretches(folder, words) if (s.end - s.start) * SAMPLE_RATE > samples]
    drawn = sorted(rng.permutation(len(chosen))[:_OTHERS])
    cut = []
    for _, pcm in negatives.cuts(folder, [chosen[i] for i in drawn]):
        first = int(rng.integers(max(1, len(pcm) - samples)))
        cut.append(fit(pcm[first : first + samples], samples))
    return np.stack(cut)
