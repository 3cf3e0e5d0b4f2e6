"""What a detector may be set to, and which thresholds miss the fewest words within a number of false accepts.

A budget allows a word one false accept or two on streams of hours, and so few say little: of thresholds
that were each taken where their own word happens not to fire, other people's speech fires two to three
times as many. So what a word is expected to do elsewhere lies between its own counts and what all words
do (:func:`expected_false_accepts`, :func:`expected_misses`), the nearer to its own the more there are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.decisions.detector import GREATEST_AVERAGE, GREATEST_COOLDOWN
from kws.evaluation.stream.run import logit
from kws.fixedpoint.posterior import GREATEST_PROBABILITY
from kws.frontends import FrontendConfig
from kws.types import Int64

AVERAGES_MS = (120.0, 200.0, 260.0, 320.0, 400.0, 500.0, 600.0, 700.0)
COOLDOWNS_MS = (300.0, 500.0, 700.0, 1000.0)
# From here to the greatest probability the thresholds are even in log odds.
_LOWEST = 0.2
_THRESHOLDS = 28
UNITS = 64
"""In a false accept or a miss: what is expected is no whole number, and what a knapsack counts is."""
# A word's own misses count as much as everybody's when it was said so often. 0, 50 and 200 were tried on five
# models (docs/EXPERIMENTS.md).
_SAID = 200


def settings(frontend: FrontendConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The moving averages and the cool-downs that are tried, each rising, in frames that a detector can have."""
    averages = {min(frontend.frames_in(ms), GREATEST_AVERAGE) for ms in AVERAGES_MS}
    cooldowns = {min(frontend.frames_in(ms), GREATEST_COOLDOWN) for ms in COOLDOWNS_MS}
    return tuple(sorted(averages)), tuple(sorted(cooldowns))


def thresholds() -> tuple[float, ...]:
    """The thresholds that are tried, rising."""
    odds = np.linspace(logit(_LOWEST), logit(GREATEST_PROBABILITY), _THRESHOLDS)
    return tuple(round(float(t), 4) for t in 1 / (1 + np.exp(-odds)))


def expected_false_accepts(false: Int64) -> Int64:
    """What each word is expected to fire on streams of the same length by other people.

    At one threshold the words' rates are taken for draws from a gamma distribution with their mean, and
    counts for draws from a Poisson distribution: the mean of what a rate may be, given its count
    (Robbins 1956, "An empirical Bayes approach to statistics"). How much rates differ is estimated from how
    much more the counts differ than chance makes them, over all thresholds. Together, at one threshold, words
    are expected to fire what they fired, as is a single word.

    Args:
        false: counts, int [words, thresholds].

    Returns:
        In parts of a false accept, :data:`UNITS` each, rounded down; int [words, thresholds].
    """
    if len(false) < 2:
        return false * UNITS
    mean = false.mean(axis=0)
    some = mean > 0
    # Squared coefficients of variation; where there are few counts, they say little.
    spreads = (false.var(axis=0, ddof=1)[some] - mean[some]) / mean[some] ** 2
    weights = (mean[some] / (mean[some] + 1)) ** 2
    spread = max(float(np.average(spreads, weights=weights)), 0.0) if some.any() else 0.0
    return _in_units(mean * (1 + spread * false) / (1 + spread * mean))


def expected_misses(misses: Int64, said: Int64) -> Int64:
    """What each word is expected to be missed when other people say it as often: between its own share and all words'.

    Args:
        misses: counts, int [words, thresholds].
        said: how often each word was said, int [words].

    Returns:
        In parts of a miss, :data:`UNITS` each, rounded down; int [words, thresholds].
    """
    often = said[:, None]
    share = misses.sum(axis=0) / max(int(said.sum()), 1)
    return _in_units(often * (misses + _SAID * share) / (often + _SAID))


def _in_units(counts: npt.NDArray[np.float64]) -> Int64:
    parts: Int64 = np.floor(counts * UNITS + 1e-6).astype(np.int64)
    return parts


def knapsack(misses: Int64, false: Int64, room: int) -> tuple[int, tuple[int, ...]] | None:
    """Choose a threshold for each word so that the misses are fewest and the false accepts fit.

    Of equal choices, the one with higher thresholds for the later words.

    Args:
        misses: int [words, thresholds], in any unit.
        false: int [words, thresholds], none negative, in any unit.
        room: greatest sum of them.

    Returns:
        The number of misses, and the index of each word's threshold; None where nothing fits.
    """
    if room < 0:
        return None
    room = min(room, int(false.max(axis=1).sum()))
    never = np.iinfo(np.int64).max // 2
    fewest = np.zeros(room + 1, np.int64)
    choices = []
    for word in range(len(misses)):
        best = np.full(room + 1, never)
        choice = np.zeros(room + 1, np.int64)
        for step in reversed(range(misses.shape[1])):
            cost = int(false[word, step])
            if cost > room:
                continue
            candidate = np.full(room + 1, never)
            candidate[cost:] = fewest[: room + 1 - cost] + misses[word, step]
            better = candidate < best
            best[better], choice[better] = candidate[better], step
        fewest = np.minimum(best, never)
        choices.append(choice)
    if fewest[room] >= never:
        return None
    total, left, chosen = int(fewest[room]), room, []
    for word in reversed(range(len(misses))):
        step = int(choices[word][left])
        chosen.append(step)
        left -= int(false[word, step])
    return total, tuple(reversed(chosen))
