"""The sliding mean's rules, one by one; C against NumPy over random posteriors; the detector that stands for it."""

from __future__ import annotations

import ctypes
import dataclasses
import statistics

import harness
import numpy as np
import pytest
from conftest import needs
from random_models import wake_model

from kws.config import DetectorConfig, LogMelConfig
from kws.decisions import SlidingMeanConfig, read, require_detector
from kws.decisions.sliding_mean_script import Rule
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.detector import Detector
from kws.fixedpoint.decisions.sliding_mean import SlidingMean, SlidingMeanParameters
from kws.model import file
from kws.model.file import Model, ModelInfo
from kws.verify.decision import play


def rows(values):
    """int8 posteriors from values 0 to 255."""
    return (np.array(values)[:, None] - 128).astype(np.int8)


def run(p, values):
    return [(d.frame, d.score) for d in SlidingMean(p).process(rows(values))]


def test_the_mean_must_be_greater_than_the_cutoff():
    p = SlidingMeanParameters(2, 300, 0)
    assert run(p, [150, 150, 150]) == []
    assert run(p, [150, 151]) == [(1, 301)]


def test_nothing_before_the_window_is_full():
    p = SlidingMeanParameters(4, 300, 0)
    assert run(p, [255, 255, 255, 0]) == [(3, 765)]
    assert run(p, [255, 255, 0, 0, 0, 0]) == [(3, 510)]
    assert run(p, [255, 0, 0, 0, 0, 0]) == []


def test_a_word_that_stays_is_one_detection_until_it_falls():
    p = SlidingMeanParameters(1, 100, 2)
    assert [t for t, _ in run(p, [200] * 20)] == [0]
    assert [t for t, _ in run(p, [200] * 5 + [100] + [200] * 5)] == [0, 6]


def test_cooldown():
    p = SlidingMeanParameters(1, 100, 3)
    assert [t for t, _ in run(p, [200, 0, 200, 200, 200, 200])] == [0, 4]
    assert [t for t, _ in run(p, [200, 0, 200, 0, 0, 0, 0])] == [0]


def test_limits():
    """The integers are what the manifest's numbers mean, and certainty stays detectable."""
    for cutoff, window, limit in (
        (0.9, 5, 1152),
        (0.97, 5, 1241),
        (0.5, 1, 128),
        (0.7, 5, 896),
        (1.0, 3, 764),
        (0, 2, 0),
    ):
        assert SlidingMeanConfig(cutoff, window).parameters().limit == limit
        for total in (limit, limit + 1):
            # As pymicro-wakeword has it: a mean of floats, above a float.
            each = [total // window + (i < total % window) for i in range(window)]
            if max(each) <= 255 and cutoff < 1:
                assert (statistics.mean(p * (1 / 256) for p in each) > cutoff) == (total > limit)


def cases(count):
    rng = np.random.default_rng(7)
    for _ in range(count):
        window = int(rng.choice([1, 2, 5, 10, 64]))
        p = SlidingMeanParameters(window, int(rng.integers(0, 255 * window)), int(rng.choice([0, 1, 7, 1000])))
        near = [0, 255, p.limit // window, p.limit // window + 1]
        values = rng.choice(np.clip(near, 0, 255), rng.integers(0, 200)).repeat(rng.integers(1, window + 4))
        yield p, values


HARNESS = """
#include "kws/decisions/sliding_mean.h"
void run(unsigned window, unsigned limit, unsigned cooldown, const int8_t *rows, unsigned count, int32_t *found,
         uint32_t *scores)
{
    static uint32_t memory[(KWS_SLIDING_MEAN_BYTES(64u) + 3u) / 4u];
    const kws_sliding_mean mean = {(uint16_t)limit, (uint16_t)cooldown, (uint8_t)window};
    const kws_decision decision = {&mean, KWS_SLIDING_MEAN_BYTES(window), 256u * window, KWS_DECISION_SLIDING_MEAN};
    kws_sliding_mean_reset(&decision, memory);
    for (unsigned i = 0; i < count; i++) {
        kws_result result = {.label = -1};
        kws_sliding_mean_step(&decision, memory, rows + i, &result);
        found[i] = result.label;
        scores[i] = result.score;
    }
}
"""


@needs("cc")
def test_c_detects_the_same(tmp_path):
    flags = (*harness.STRICT, *harness.CHECKED)
    library = harness.compiled(tmp_path, HARNESS, ["decisions/sliding_mean.c"], flags)
    lively = 0
    for p, values in cases(400):
        posteriors = rows(values)
        found, scores = np.zeros(len(values), np.int32), np.zeros(len(values), np.uint32)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (posteriors, found, scores)]
        library.run(p.window, p.limit, p.cooldown_frames, pointers[0], len(values), *pointers[1:])
        expected = [Detection(int(t), int(found[t]), int(scores[t])) for t in np.flatnonzero(found >= 0)]
        assert SlidingMean(p).process(posteriors) == expected
        lively += len(expected) > 2
    assert lively > 60


def test_any_chunking_and_reset():
    rng = np.random.default_rng(8)
    for p, values in cases(100):
        whole, cut = SlidingMean(p), SlidingMean(p)
        expected = whole.process(rows(values))
        pieces = np.split(rows(values), np.sort(rng.integers(0, len(values) + 1, 5)))
        assert [d for piece in pieces for d in cut.process(piece)] == expected
        cut.reset()
        assert cut.process(rows(values)) == expected


def test_the_detector_that_stands_for_it():
    """It decides alike once the window is full, and stands for the same settings again."""
    for p, values in cases(300):
        config = SlidingMeanConfig((p.limit + 0.5) / 256 / p.window, p.window, p.cooldown_frames)
        assert config.parameters() == p
        detector = require_detector(config)
        (total,) = detector.parameters(("word",)).threshold_sums
        assert total == p.limit + 1
        again = config.with_words(detector)
        assert again.parameters() == p
        # A word that is loud at once is the only difference.
        quiet = np.concatenate([np.zeros(p.window, int), values])
        expected = Detector(detector.parameters(("word",))).process(rows(quiet))
        assert SlidingMean(p).process(rows(quiet)) == expected


@pytest.mark.parametrize("settings", [(0.9, 5, 67), (0.5, 1, 0), (0.97, 10, 3), (0, 2, 1), (1, 64, 1000), (0.3, 3, 2)])
def test_the_script_comes_to_every_rule(settings):
    config = SlidingMeanConfig(*settings)
    script = config.script(("word",))
    assert script.missed == []
    assert set(script.reached) == {rule.value for rule in Rule}
    for scene in script.scenes:
        assert config.twin(("word",)).process(scene.posteriors) == scene.detections, scene.name


@needs("cc", "make")
def test_the_script_on_the_engines():
    model = wake_model()
    script = model.info.decision.script(model.info.labels)
    for engine in (NumpyEngine(model), CEngine(model)):
        for scene, found in play(script, engine):
            assert found == scene.detections, scene.name


def test_settings():
    assert read({"kind": "sliding_mean", "cutoff": 0.97}) == SlidingMeanConfig(0.97)
    assert SlidingMeanConfig().as_dict() == {"kind": "sliding_mean", "cutoff": 0.9, "window": 5, "cooldown_frames": 67}
    with pytest.raises(KwsError, match="window must be 1 to 64, not 65"):
        read({"kind": "sliding_mean", "window": 65})
    with pytest.raises(KwsError, match="has one label, the word, and not 3; decide with kind detector"):
        ModelInfo(("_silence_", "yes", "no"), LogMelConfig(), SlidingMeanConfig())


def test_other_thresholds_in_the_model():
    """What tune writes is a sliding mean again."""
    model = wake_model()
    tuned = Model.from_bytes(file.with_detector(model, DetectorConfig(7, 0.8, 20)))
    assert tuned.info.decision == SlidingMeanConfig(0.799944, 7, 20)
    assert dataclasses.replace(tuned.info, decision=model.info.decision) == model.info
