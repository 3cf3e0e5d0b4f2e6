"""The second pass of `verify`: posteriors that come to every rule of the decision."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import mostly_slow, needs
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import firmware
from kws.decisions.detector_script import detector_script
from kws.engines.numpy_engine import NumpyEngine
from kws.fixedpoint.decisions import detector
from kws.fixedpoint.decisions.detector import Detector, DetectorParameters
from kws.model.file import Model
from kws.verify.compare import verify

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "models").glob("*.tflite"))
each_model = pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)

# What of a detector an issue found `verify` blind to: each as a change of detector.c.
FAULTS = {
    "never detects": ("if (best < 0 || best == state->held) {", "if (best != -2) {"),
    "wrong label": ("result->label = best;", "result->label = best == detector->first_word ? best + 1 : best - 1;"),
    "score + 1": ("result->score = sums[best];", "result->score = sums[best] + 1u;"),
    "ignores the cool-down": ("state->cooldown = detector->cooldown_frames;", "state->cooldown = 0;"),
    "fires again while held": ("    state->held = best;\n", ""),
    "picks the lowest score": ("sums[i] > sums[best]", "sums[i] < sums[best]"),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the C sources; one for all faults, so that what they leave alone is compiled once."""
    return shutil.copytree(firmware.sources_dir(), tmp_path_factory.mktemp("faulty") / "firmware")


@needs("cc", "make")
@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=[] if p.stem == "yes-no" else pytest.mark.slow, id=p.stem) for p in SHIPPED]
)
@pytest.mark.parametrize("fault", mostly_slow(FAULTS, 2))
def test_a_faulty_detector_is_found(path, fault, sources, monkeypatch):
    right = (firmware.sources_dir() / "src/decisions/detector.c").read_text()
    old, new = FAULTS[fault]
    assert right.count(old) == 1
    (sources / "src/decisions/detector.c").write_text(right.replace(old, new))
    monkeypatch.setenv("KWS_FIRMWARE", str(sources))
    report = verify(Model.load(path), ["c"], random=0)
    assert not report.ok
    assert report.reference is None
    assert "detections" in str(report.engines[0].first)


@each_model
def test_every_rule_is_reached(path):
    report = verify(Model.load(path), ["numpy"], random=0)
    assert report.ok
    assert report.detections > 0, "the spoken words should make the model detect something"
    assert report.decision.missed == []
    reached, possible = report.decision.rules
    assert reached == possible >= 20
    assert report.decision.detections > 50
    assert report.decision.engines == ["numpy"]
    assert f"{reached} of {reached} rules reached" in str(report.decision)


def test_a_fault_of_the_reference_itself_is_found(tiny_model, monkeypatch):
    def lowest(sums, reached):
        best = np.argmin(np.where(reached, sums.astype(int), 1 << 20), axis=0)
        return np.where(reached.any(axis=0), best, -1)

    monkeypatch.setattr(detector, "_best_words", lowest)
    report = verify(tiny_model, ["numpy"], random=0)
    assert not report.ok
    assert "where the specification has" in str(report.reference)


def test_engines_that_borrow_say_so(tiny_model, bare_model):
    class Borrower(NumpyEngine):
        name = "borrower"
        own_decision = False

        def decide(self, posteriors):
            raise AssertionError("it has nothing to show")

    report = verify(tiny_model, [Borrower(tiny_model)], random=0)
    assert (report.decision.engines, report.decision.borrowers) == (["numpy"], ["borrower"])
    assert verify(bare_model, ["numpy"], random=0).decision is None


@st.composite
def detectors(draw, margin):
    """Detectors whose thresholds keep a share of their range from both its ends."""
    frames = draw(st.integers(1, 64))
    words = draw(st.integers(1, 5))
    least = max(1, int(margin * 255 * frames))
    sums = draw(st.lists(st.integers(least, 255 * frames - least + 1), min_size=words, max_size=words))
    if draw(st.booleans()):
        sums = sums[:1] * words
    return DetectorParameters(frames, tuple(sums), draw(st.integers(0, 40)), draw(st.integers(0, 2)))


@settings(max_examples=40)
@given(p=detectors(margin=0.0))
def test_both_agree_with_the_rules_whatever_the_settings(p):
    script = detector_script(p)
    twin = Detector(p)
    for scene in script.scenes:
        twin.reset()
        assert twin.process(scene.posteriors) == scene.detections, scene.name
    assert not any(script.reached[rule] for rule in script.impossible)


@settings(max_examples=40)
@given(p=detectors(margin=0.1))
def test_no_rule_is_missed_with_ordinary_settings(p):
    assert detector_script(p).missed == []
