"""Near misses: when they begin and end, and what makes them none."""

from __future__ import annotations

import numpy as np

from kws.decisions import CtcConfig, DetectorConfig
from kws.fixedpoint.decisions.base import Detection
from kws.live.near import NearMisses


class Info:
    words = ("yes", "no")
    thresholds = (0.8, 0.5)
    decision = DetectorConfig(10, 0.8, 5)


def ends(misses, *rows):
    """What is told after each row of scores; a third number is a detection's label."""
    return [misses.hear(np.array(row[:2]), [Detection(0, row[2], 1)] if len(row) > 2 else []) for row in rows]


def test_a_score_that_comes_near_and_goes_is_told_once():
    assert ends(NearMisses(Info, 0.5), (0.39, 0), (0.4, 0), (0.6, 0), (0.39, 0), (0.1, 0)) == [(), (), (), ("yes",), ()]
    assert ends(NearMisses(Info, 0.5), (0.4, 0.25), (0, 0)) == [(), ("yes", "no")]


def test_a_detection_makes_none_of_those_that_last():
    assert ends(NearMisses(Info, 0.5), (0.5, 0.3), (0.9, 0.3, 2), (0.5, 0.3), (0, 0)) == [()] * 4
    assert ends(NearMisses(Info, 0.5), (0.9, 0, 2), (0, 0), (0.5, 0), (0, 0)) == [(), (), (), ("yes",)]


def test_other_decisions_have_one_threshold():
    class Other(Info):
        decision = CtcConfig(0.4)

    assert ends(NearMisses(Other, 0.5), (0.19, 0.2), (0, 0)) == [(), ("no",)]
