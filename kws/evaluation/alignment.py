"""Token passing: how well a given row of words fits posteriors, and when each is said.

Of a row of n words there are 2n + 1 states, a blank before, between and behind them (Graves 2006, section 4.1). Every
frame stays in its state or goes on to the next one, or from a word to the next word where these differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.ctc_beam import LOGS, NOTHING, UNIT, log_add
from kws.types import Int8


@dataclass(frozen=True)
class Alignment:
    """What `score` found; logs are in nats, of the integers of the beam search.

    Attributes:
        likelihood: log of the probability of the words, summed over all alignments.
        best: log of the probability of the likeliest alignment.
        frames: of that one, the frame at which each word begins.
    """

    likelihood: float
    best: float
    frames: tuple[int, ...]


def score(posteriors: Int8, words: Sequence[int], first_word: int) -> Alignment | None:
    """Fit a row of words.

    Args:
        posteriors: int8 [frames, labels], zero point -128, at least one frame.
        words: labels in the order in which they are said.
        first_word: labels before this one are blank.

    Returns:
        None where there are too few frames for the words.
    """
    rows = posteriors.astype(np.int64) + 128
    logs = np.array(LOGS, np.int64)
    blanks = logs[np.minimum(rows[:, :first_word].sum(axis=1), 255)]
    states = [None if i % 2 == 0 else words[i // 2] for i in range(2 * len(words) + 1)]
    costs = np.stack([blanks if word is None else logs[rows[:, word]] for word in states], axis=1)
    skips = [i > 1 and word is not None and word != states[i - 2] for i, word in enumerate(states)]
    total = [NOTHING] * len(states)
    best = [NOTHING] * len(states)
    came = np.zeros((len(rows), len(states)), np.int64)
    for i in range(min(2, len(states))):
        total[i] = best[i] = int(costs[0, i])
        came[0, i] = i
    for t in range(1, len(rows)):
        sources = [[i, *([i - 1] if i else []), *([i - 2] if skips[i] else [])] for i in range(len(states))]
        came[t] = [max(from_, key=lambda j: (best[j], j)) for from_ in sources]
        total = [_sum([total[j] for j in from_]) + int(costs[t, i]) for i, from_ in enumerate(sources)]
        best = [best[came[t, i]] + int(costs[t, i]) for i in range(len(states))]
    ends = range(max(len(states) - 2, 0), len(states))
    last = max(ends, key=lambda j: (best[j], j))
    if best[last] <= NOTHING // 2:
        return None
    return Alignment(_sum([total[j] for j in ends]) / UNIT, best[last] / UNIT, _beginnings(came, last))


def _sum(logs: Sequence[int]) -> int:
    one = logs[0]
    for other in logs[1:]:
        one = log_add(one, other)
    return max(one, NOTHING)


def _beginnings(came: npt.NDArray[np.int64], last: int) -> tuple[int, ...]:
    """The frame at which each odd state is entered, going back from the last one."""
    path = [last]
    for row in came[:0:-1]:
        path.append(int(row[path[-1]]))
    path.reverse()
    return tuple(t for t, state in enumerate(path) if state % 2 and (t == 0 or path[t - 1] != state))
