"""What a count of rare events says of their rate."""

from __future__ import annotations

import math

CONFIDENCE = 0.95


def upper_limit(count: int, confidence: float = CONFIDENCE) -> float:
    """The greatest expected number of events that so few are still likely with: one-sided, exact.

    With more expected than this, ``count`` or fewer would happen with a probability below
    1 - ``confidence``. It is half the chi-squared quantile of 2 (count + 1) degrees of freedom
    (Garwood 1936). None seen: 3.0 at 95 %, the "rule of three". Events are taken to be independent;
    where they come in bursts, the limit is too low.

    Args:
        count: events seen, at least 0.
        confidence: above 0 and below 1.

    Raises:
        ValueError: an argument is out of range.
    """
    if count < 0 or not 0 < confidence < 1:
        raise ValueError(f"no limit for {count} events at a confidence of {confidence}")
    low, high = float(count), count + 1.0
    while _at_most(count, high) > 1 - confidence:
        high *= 2
    if _at_most(count, low) <= 1 - confidence:
        low = 0.0
    while (middle := (low + high) / 2) not in (low, high):
        if _at_most(count, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def most_per_hour(count: int, hours: float, turns: float = 1.0) -> float | None:
    """The greatest rate that a count of events is still likely with (`upper_limit`); None where nothing was heard.

    What was heard several times counts once: the count, per turn and rounded up, over the different hours.

    Args:
        count: events seen.
        hours: of audio in which they were.
        turns: how often the same sound was heard, on average: at least 1.
    """
    return upper_limit(math.ceil(count / turns)) / (hours / turns) if hours else None


def _at_most(count: int, expected: float) -> float:
    """The probability of ``count`` events or fewer."""
    if expected == 0:
        return 1.0
    logs = (k * math.log(expected) - expected - math.lgamma(k + 1) for k in range(count + 1))
    return min(math.fsum(math.exp(x) for x in logs), 1.0)
