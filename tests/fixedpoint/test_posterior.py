"""What int8 posteriors and detector scores stand for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from kws.fixedpoint.posterior import GREATEST_PROBABILITY, mean_probability, probabilities


def test_every_posterior_is_an_exact_probability():
    posteriors = np.arange(-128, 128).astype(np.int8)
    found = probabilities(posteriors)
    assert found.dtype == np.float64
    assert [Fraction(float(p)) for p in found] == [Fraction(k, 256) for k in range(256)]
    assert np.array_equal(found.astype(np.float32), found), "and in float32"
    assert np.array_equal(probabilities(found.astype(np.float32)), found), "which are probabilities already"
    assert found[-1] == GREATEST_PROBABILITY


def test_a_score_is_the_mean_of_its_posteriors():
    posteriors = np.random.default_rng(1).integers(-128, 128, (100, 8)).astype(np.int8)
    scores = (posteriors.astype(int) + 128).sum(axis=1)
    assert [mean_probability(int(s), 8) for s in scores] == probabilities(posteriors).mean(axis=1).tolist()
    assert mean_probability(20 * 255, 20) == GREATEST_PROBABILITY
