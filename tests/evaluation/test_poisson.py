"""Upper limits of rates against SciPy's chi-squared quantiles."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from kws.evaluation.poisson import upper_limit


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 10, 56, 136, 1000, 20000])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99, 0.01])
def test_limit_is_garwoods(count, confidence):
    expected = stats.chi2.ppf(confidence, 2 * (count + 1)) / 2
    assert upper_limit(count, confidence) == pytest.approx(expected, rel=1e-9)


def test_rule_of_three():
    assert upper_limit(0) == pytest.approx(-math.log(0.05))
    assert 2.99 < upper_limit(0) < 3


@pytest.mark.slow
def test_limit_covers():
    """Whatever the true mean, at least 95 of 100 counts have a limit above it."""
    for mean in (0.1, 1.0, 4.0, 20.0):
        seen = range(200)
        covered = sum(stats.poisson.pmf(n, mean) for n in seen if upper_limit(n) >= mean)
        assert covered >= 0.95


@pytest.mark.parametrize(("count", "confidence"), [(-1, 0.95), (0, 0.0), (0, 1.0), (0, math.nan)])
def test_out_of_range(count, confidence):
    with pytest.raises(ValueError, match="no limit"):
        upper_limit(count, confidence)
