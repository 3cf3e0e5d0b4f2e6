"""The transcription's rules, and C against NumPy on the script and on random posteriors."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import needs
from decision_checks import check_chunks_and_rules
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kws import engines
from kws.decisions import CtcConfig, read
from kws.decisions.ctc_script import ctc_script
from kws.errors import KwsError
from kws.fixedpoint.decisions.ctc import Ctc, CtcParameters
from kws.model.file import Model, with_decision
from kws.verify.compare import verify

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]


def transcription(*symbols, least=100):
    """What is made of one symbol a frame, each at a posterior of 200; None: nothing is likely."""
    rows = np.zeros((len(symbols), 4), np.int64)
    for frame, symbol in enumerate(symbols):
        if symbol is not None:
            rows[frame, symbol] = 200
    return [(d.frame, d.label) for d in Ctc(CtcParameters(4, 2, least)).process((rows - 128).astype(np.int8))]


def test_repeats_are_collapsed_and_blanks_dropped():
    assert transcription(0, 2, 2, 0, 2, 3, 3, 1, 3) == [(1, 2), (4, 2), (5, 3), (8, 3)]
    assert transcription(2, None, 2) == [(0, 2), (2, 2)]
    assert transcription(2, 3, least=201) == []


@settings(max_examples=30, phases=NO_SHRINKING)
@given(
    labels=st.integers(2, 6),
    first=st.integers(1, 2),
    least=st.integers(1, 255),
    seed=st.integers(0, 1000),
    cut=st.integers(0, 60),
)
def test_any_chunking_and_the_rules(labels, first, least, seed, cut):
    p = CtcParameters(labels, min(first, labels - 1), least)
    script = ctc_script(p)
    assert script.missed == []
    check_chunks_and_rules(Ctc(p), script, labels, seed, cut)


def test_it_needs_a_blank():
    with pytest.raises(KwsError, match="a label for the blank"):
        CtcConfig().check(("yes", "no"))
    assert read({"kind": "ctc", "threshold": 0.5}) == CtcConfig(0.5)


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("c", marks=needs("cc", "make")),
        pytest.param("qemu", marks=needs("make", "arm-none-eabi-gcc", "qemu-system-arm")),
    ],
)
def test_transcriptions_reach_the_board(engine, tiny_model):
    model = Model.from_bytes(with_decision(tiny_model, CtcConfig(0.25)))
    report = verify(model, [engine], random=1)
    assert report.ok, report
    assert report.decision.missed == []
    rows = np.random.default_rng(1).integers(-128, 128, (300, len(model.info.labels))).astype(np.int8)
    with engines.create(engine, model) as other:
        assert other.decide(rows) == model.info.decision.twin(model.info.labels).process(rows)
