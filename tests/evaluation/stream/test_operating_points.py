"""Thresholds with the fewest misses within a number of false accepts, and what few counts are worth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kws.config import DetectorConfig, LogMelConfig
from kws.evaluation.stream.operating_points import UNITS, expected_false_accepts, expected_misses, knapsack, settings


@pytest.mark.parametrize("seed", range(20))
def test_knapsack_is_exact(seed):
    rng = np.random.default_rng(seed)
    words, steps = 3, 5
    misses = np.sort(rng.integers(0, 12, (words, steps)), axis=1)
    false = np.sort(rng.integers(0, 6, (words, steps)), axis=1)[:, ::-1].copy()
    for room in range(16):
        choices = [
            (sum(misses[w, k] for w, k in enumerate(c)), sum(false[w, k] for w, k in enumerate(c)))
            for c in itertools.product(range(steps), repeat=words)
        ]
        least = min((m for m, f in choices if f <= room), default=None)
        found = knapsack(misses, false, room)
        if least is None:
            assert found is None
            continue
        total, chosen = found
        assert total == least == sum(misses[w, k] for w, k in enumerate(chosen))
        assert sum(false[w, k] for w, k in enumerate(chosen)) <= room
    assert knapsack(misses, false, -1) is None


def test_higher_thresholds_where_it_makes_no_difference():
    assert knapsack(np.array([[3, 3, 3, 4]]), np.array([[2, 1, 0, 0]]), 5) == (3, (2,))


def test_expected_lies_between_own_and_common():
    false = np.array([[80, 19, 6, 0, 0], [40, 4, 0, 0, 0], [20, 2, 0, 0, 0]])
    found = expected_false_accepts(false) / UNITS
    mean = false.mean(axis=0)
    assert np.all((found >= np.minimum(false, mean) - 1 / UNITS) & (found <= np.maximum(false, mean)))
    assert np.all(found[0, :3] > found[1, :3])
    assert found[1, 1] > found[2, 1]
    assert 0 < found[2, 2] < 2, "none was counted, and there may be some"
    assert found.sum(axis=0) == pytest.approx(false.sum(axis=0), abs=3 / UNITS), "a common threshold costs what it did"
    assert np.all(found[:, 3:] == 0)


def test_what_chance_explains_makes_no_difference():
    """Counts that differ less than draws from one Poisson distribution would."""
    false = np.array([[12, 3, 1], [9, 4, 0], [11, 2, 1]])
    assert expected_false_accepts(false) / UNITS == pytest.approx(np.tile(false.mean(axis=0), (3, 1)), abs=1 / UNITS)


def test_many_counts_speak_for_themselves_and_so_does_a_single_word():
    many = np.array([[9000, 900], [1000, 100]])
    assert expected_false_accepts(many) / UNITS == pytest.approx(many, rel=0.03)
    one = np.array([[7, 3, 1, 0]])
    assert np.array_equal(expected_false_accepts(one), one * UNITS)


def test_expected_misses_are_of_what_was_said():
    misses, said = np.array([[10, 20], [0, 0]]), np.array([50, 50])
    found = expected_misses(misses, said) / UNITS
    assert found == pytest.approx(np.array([[50 * (10 + 20) / 250, 50 * (20 + 40) / 250], [4, 8]]), abs=1 / UNITS)
    often = expected_misses(misses * 1000, said * 1000) / UNITS
    assert often == pytest.approx(misses * 1000, abs=50000 * 0.005)
    assert np.all(expected_misses(np.zeros((2, 2), np.int64), np.zeros(2, np.int64)) == 0)


def test_a_budget_holds_on_other_speech():
    """Ten words of different rates, chosen on one hour and counted by their rates: raw counts flatter."""
    rng = np.random.default_rng(1)
    words, budget, steps = 10, 10, np.linspace(0, 8, 28)
    rates = {"counted": [], "expected": []}
    for _ in range(40):
        own = rng.gamma(2.0, 10.0, (words, 1)) * np.exp(-steps)
        # Who fires at a threshold fires at those below it, too.
        false = (
            rng.poisson(own[:, -1:] + 0 * own[:, :1])
            + np.cumsum(rng.poisson(-np.diff(own, append=own[:, -1:], axis=1))[:, ::-1], axis=1)[:, ::-1]
        )
        misses = rng.binomial(30, np.clip(0.1 + 0.08 * steps, 0, 1), (words, len(steps)))
        misses = np.maximum.accumulate(misses, axis=1)
        for name, costs in (("counted", false * UNITS), ("expected", expected_false_accepts(false))):
            _, chosen = knapsack(misses, costs, budget * UNITS)
            rates[name].append(own[np.arange(words), list(chosen)].sum())
    counted, between = (np.mean(rates[name]) / budget for name in ("counted", "expected"))
    assert counted > 1.4
    assert between < 1.2


def test_settings_are_milliseconds():
    assert settings(LogMelConfig()) == ((6, 10, 13, 16, 20, 25, 30, 35), (15, 25, 35, 50))
    averages, cooldowns = settings(LogMelConfig(hop_ms=5))
    assert averages == (24, 40, 52, 64), "at most what a detector can have"
    assert cooldowns == (60, 100, 140, 200)
    for frames, cooldown in zip(averages, cooldowns, strict=False):
        DetectorConfig(frames, 0.5, cooldown)
