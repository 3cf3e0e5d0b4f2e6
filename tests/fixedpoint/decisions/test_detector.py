"""The detector's rules, one by one; the C detector against NumPy over random posteriors."""

from __future__ import annotations

import ctypes

import harness
import numpy as np
import pytest
from conftest import needs
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import spotting_model

from kws import engines
from kws.config import DetectorConfig, LogMelConfig
from kws.engines.numpy_engine import NumpyEngine
from kws.fixedpoint.decisions.detector import Detection, Detector, DetectorParameters, detect, moving_sums
from kws.model.file import Model, ModelInfo, with_detector

LABELS = ("_silence_", "_unknown_", "yes", "no")


def rows(*posteriors):
    """int8 posteriors from values 0 to 255."""
    return (np.array(posteriors) - 128).astype(np.int8)


def run(parameters, *posteriors):
    return Detector(parameters).process(rows(*posteriors))


QUIET, YES, NO, UNKNOWN = (255, 0, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (0, 255, 0, 0)


def test_average_delays_until_the_threshold():
    p = DetectorParameters(4, (3 * 255,) * 2, 0, 2)
    assert run(p, QUIET, YES, YES, YES, YES) == [Detection(3, 2, 3 * 255)]


def test_silence_and_unknown_are_never_detected():
    p = DetectorParameters(2, (200, 200), 0, 2)
    assert run(p, *[UNKNOWN] * 5, *[QUIET] * 5) == []


def test_a_word_that_stays_is_one_detection():
    p = DetectorParameters(1, (200, 200), 2, 2)
    assert [d.frame for d in run(p, *[YES] * 20)] == [0]
    assert [d.frame for d in run(p, *[YES] * 5, QUIET, *[YES] * 5)] == [0, 6]


def test_cooldown_silences_other_words():
    p = DetectorParameters(1, (200, 200), 3, 2)
    assert run(p, YES, NO, NO, NO, NO) == [Detection(0, 2, 255), Detection(4, 3, 255)]


def test_a_word_that_rises_and_falls_within_a_cooldown_is_lost():
    p = DetectorParameters(1, (200, 200), 3, 2)
    assert run(p, YES, NO, NO, QUIET, QUIET, QUIET) == [Detection(0, 2, 255)]


def test_the_louder_word_wins_and_the_lower_label_wins_a_tie():
    p = DetectorParameters(1, (100, 100), 0, 2)
    assert run(p, (0, 0, 100, 120)) == [Detection(0, 3, 120)]
    assert run(p, (0, 0, 110, 110)) == [Detection(0, 2, 110)]


def test_each_word_has_its_own_threshold():
    p = DetectorParameters(1, (200, 50), 0, 2)
    assert run(p, (0, 0, 199, 49), (0, 0, 199, 50)) == [Detection(1, 3, 50)], "a louder word below its threshold"
    assert run(p, (0, 0, 200, 199)) == [Detection(0, 2, 200)], "both reach theirs: the louder"


def test_a_word_is_held_until_it_falls_below_its_own_threshold():
    p = DetectorParameters(1, (200, 50), 0, 2)
    assert [d.frame for d in run(p, (0, 0, 0, 220), (0, 0, 0, 50), (0, 0, 0, 220))] == [0]
    assert [d.frame for d in run(p, (0, 0, 0, 220), (0, 0, 0, 49), (0, 0, 0, 220))] == [0, 2]
    assert [d.frame for d in run(p, (0, 0, 220, 0), (0, 0, 199, 0), (0, 0, 220, 0))] == [0, 2]


def test_a_held_word_that_stays_the_best_keeps_others_quiet():
    p = DetectorParameters(1, (100, 100), 0, 2)
    assert [d.label for d in run(p, YES, (0, 0, 120, 110), (0, 0, 110, 120), (0, 0, 120, 110))] == [2, 3, 2]


def test_a_held_word_is_freed_during_the_cooldown():
    """It falls while another word is the best, and rises again, all before the cool-down is over."""
    p = DetectorParameters(1, (100, 100), 4, 2)
    middle = [(0, 0, 50, 120), (0, 0, 110, 120)]
    assert [d.frame for d in run(p, YES, *middle, YES, YES, YES)] == [0, 5]
    assert [d.frame for d in run(p, YES, middle[1], middle[1], YES, YES, YES)] == [0]


def test_reset_forgets_everything():
    detector = Detector(DetectorParameters(3, (300, 300), 50, 2))
    first = detector.process(rows(YES, YES, YES))
    detector.process(rows(NO))
    detector.reset()
    assert detector.process(rows(YES, YES, YES)) == first


def test_thresholds_are_sums_rounded_up_and_reachable():
    def sums(*thresholds, frames):
        info = ModelInfo(LABELS, LogMelConfig(), DetectorConfig(frames, 0.5, 5, thresholds))
        return info.detector_parameters().threshold_sums

    assert sums(frames=10) == (1280, 1280)
    assert sums(0.7, 0.5, frames=3) == (538, 384)
    # A posterior is at most 255/256, so certainty itself must stay detectable.
    assert sums(1.0, 1e-9, frames=8) == (8 * 255, 1)


@st.composite
def cases(draw):
    """Parameters, and posteriors in which words stay at a level for some frames."""
    seed = draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    average, first, words = draw(st.sampled_from([1, 2, 5, 64])), draw(st.integers(0, 2)), draw(st.integers(1, 4))
    highest = 255 * average
    thresholds = draw(st.lists(st.integers(1, highest), min_size=words, max_size=words))
    p = DetectorParameters(average, tuple(thresholds), draw(st.sampled_from([0, 1, 7, 100, 1000])), first)
    values = np.array([-128, -100, -1, 0, 60, 126, 127])
    levels = rng.choice(values[rng.integers(0, len(values), 3)], (draw(st.integers(0, 150)), p.labels))
    return p, levels.repeat(rng.integers(1, 2 * average + 6, len(levels)), axis=0).astype(np.int8)


HARNESS = """
#include "kws/decisions/detector.h"
/* labels[i] and scores[i]: what frame i reported. */
void run(unsigned average, const uint16_t *thresholds, unsigned cooldown, unsigned first_word, unsigned labels,
         const int8_t *rows, unsigned count, int32_t *found, uint32_t *scores)
{
    static uint32_t memory[KWS_DETECTOR_BYTES(16u, 64u) / 4u];
    const kws_detector detector = {thresholds, (uint16_t)cooldown, (uint16_t)labels, (uint8_t)average,
                                   (uint8_t)first_word};
    const kws_decision decision = {&detector, KWS_DETECTOR_BYTES(labels, average), 255u * average,
                                   KWS_DECISION_DETECTOR};
    kws_detector_reset(&decision, memory);
    for (unsigned i = 0; i < count; i++) {
        kws_result result = {.label = -1};
        kws_detector_step(&decision, memory, rows + i * labels, &result);
        found[i] = result.label;
        scores[i] = result.score;
    }
}
"""


@pytest.fixture(scope="module")
def c_detector(tmp_path_factory):
    """firmware/src/decisions/detector.c alone: a function from parameters and posteriors to detections."""
    folder = tmp_path_factory.mktemp("detector")
    library = harness.compiled(folder, HARNESS, ["decisions/detector.c"], harness.STRICT)

    def run(p, posteriors):
        posteriors = np.ascontiguousarray(posteriors)
        thresholds = np.array(p.threshold_sums, np.uint16)
        found, scores = np.zeros(len(posteriors), np.int32), np.zeros(len(posteriors), np.uint32)
        library.run(
            *(p.average_frames, ctypes.c_void_p(thresholds.ctypes.data), p.cooldown_frames, p.first_word, p.labels),
            *(ctypes.c_void_p(posteriors.ctypes.data), len(posteriors)),
            *(ctypes.c_void_p(found.ctypes.data), ctypes.c_void_p(scores.ctypes.data)),
        )
        return [Detection(int(t), int(found[t]), int(scores[t])) for t in np.flatnonzero(found >= 0)]

    return run


@needs("cc")
@settings(max_examples=300)
@given(case=cases())
def test_c_detects_the_same(c_detector, case):
    p, posteriors = case
    assert Detector(p).process(posteriors) == c_detector(p, posteriors)


@settings(max_examples=100)
@given(case=cases(), cuts=st.lists(st.integers(0, 1000), max_size=12))
def test_any_chunking_and_sums_made_before(case, cuts):
    p, posteriors = case
    whole, cut = Detector(p), Detector(p)
    expected = whole.process(posteriors)
    assert [d for part in np.split(posteriors, sorted(cuts)) for d in cut.process(part)] == expected
    assert detect(moving_sums(posteriors, p.average_frames, p.first_word), p) == expected
    whole.reset()
    assert [d for row in posteriors[:200] for d in whole.process(row[None])] == [d for d in expected if d.frame < 200]


def test_random_posteriors_are_lively():
    """What the comparisons run on does make detections, and many of them."""
    counts = []

    @settings(max_examples=200, derandomize=True)
    @given(case=cases())
    def count(case):
        counts.append(len(Detector(case[0]).process(case[1])))

    count()
    # Of twelve seeds the least had 0.52 and 69.
    assert np.mean(np.array(counts) > 0) > 0.4
    assert max(counts) > 30


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("c", marks=needs("cc", "make")),
        pytest.param("qemu", marks=needs("make", "arm-none-eabi-gcc", "qemu-system-arm")),
    ],
)
def test_word_thresholds_reach_the_board(engine):
    """Through metadata, export and the C library: every engine detects what the harness does."""
    equal = spotting_model(6, units=(16,))
    tuned = Model.from_bytes(with_detector(equal, DetectorConfig(3, 0.25, 5, (0.9, 0.2, 0.02, 0.4))))
    pcm = (np.random.default_rng(3).normal(0, 1, 32000) * 9000 * np.sin(np.arange(32000) / 2500) ** 2).astype(np.int16)
    expected = NumpyEngine(tuned).process(pcm).detections
    assert expected != NumpyEngine(equal).process(pcm).detections
    assert len({d.label for d in expected}) > 1
    with engines.create(engine, tuned) as other:
        assert other.process(pcm).detections == expected
