"""The detector's rules, one by one."""

from __future__ import annotations

import numpy as np

from kws.config import DetectorConfig, FrontendConfig
from kws.fixedpoint.detector import Detection, Detector, DetectorParameters
from kws.quantize.model import ModelInfo

LABELS = ("_silence_", "_unknown_", "yes", "no")


def rows(*posteriors):
    """int8 posteriors from values 0 to 255."""
    return (np.array(posteriors) - 128).astype(np.int8)


def run(parameters, *posteriors):
    return Detector(parameters).process(rows(*posteriors))


QUIET, YES, NO, UNKNOWN = (255, 0, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (0, 255, 0, 0)


def test_average_delays_until_the_threshold():
    p = DetectorParameters(4, 3 * 255, 0, 2, 4)
    assert run(p, QUIET, YES, YES, YES, YES) == [Detection(3, 2, 3 * 255)]


def test_silence_and_unknown_are_never_detected():
    p = DetectorParameters(2, 200, 0, 2, 4)
    assert run(p, *[UNKNOWN] * 5, *[QUIET] * 5) == []


def test_a_word_that_stays_is_one_detection():
    p = DetectorParameters(1, 200, 2, 2, 4)
    assert [d.frame for d in run(p, *[YES] * 20)] == [0]
    assert [d.frame for d in run(p, *[YES] * 5, QUIET, *[YES] * 5)] == [0, 6]


def test_cooldown_silences_other_words():
    p = DetectorParameters(1, 200, 3, 2, 4)
    assert run(p, YES, NO, NO, NO, NO) == [Detection(0, 2, 255), Detection(4, 3, 255)]


def test_the_louder_word_wins_and_the_lower_label_wins_a_tie():
    p = DetectorParameters(1, 100, 0, 2, 4)
    assert run(p, (0, 0, 100, 120)) == [Detection(0, 3, 120)]
    assert run(p, (0, 0, 110, 110)) == [Detection(0, 2, 110)]


def test_reset_forgets_everything():
    detector = Detector(DetectorParameters(3, 300, 50, 2, 4))
    first = detector.process(rows(YES, YES, YES))
    detector.process(rows(NO))
    detector.reset()
    assert detector.process(rows(YES, YES, YES)) == first


def test_threshold_is_a_sum_rounded_up_and_reachable():
    def parameters(threshold, frames):
        return ModelInfo(LABELS, FrontendConfig(), DetectorConfig(frames, threshold, 5)).detector_parameters()

    assert parameters(0.5, 10).threshold_sum == 1280
    assert parameters(0.7, 3).threshold_sum == 538
    # A posterior is at most 255/256, so certainty itself must stay detectable.
    assert parameters(1.0, 8).threshold_sum == 8 * 255
