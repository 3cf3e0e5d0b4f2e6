"""The beam search against the sum over all alignments, against its rules, and C against NumPy."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from conftest import needs
from decision_checks import check_chunks_and_rules, check_reaches_the_board
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kws.decisions import CtcBeamConfig, read
from kws.decisions.ctc_beam_script import ctc_beam_script
from kws.errors import KwsError
from kws.fixedpoint.decisions.ctc_beam import BeamParameters, CtcBeam

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
LABELS = ("_silence_", "_unknown_", "yes", "no", "up")


def best_transcription(p):
    """The words with the greatest probability over all rows of symbols, in float; labels 0 and 1 are blank."""
    totals: dict[tuple[int, ...], float] = {}
    for row in itertools.product(range(p.shape[1]), repeat=len(p)):
        symbols = [max(s - 1, 0) for s in row]
        said = tuple(s + 1 for s, _ in itertools.groupby(symbols) if s)
        totals[said] = totals.get(said, 0.0) + math.prod(p[t, s] for t, s in enumerate(row))
    ranked = sorted(totals, key=totals.__getitem__, reverse=True)
    return ranked[0], math.log(totals[ranked[0]] / totals[ranked[1]])


def test_it_finds_the_likeliest_words_of_all_alignments():
    """Where the first is clearly before the second: logs are rounded to a sixteenth."""
    rng = np.random.default_rng(4)
    compared = greedy_differs = 0
    for _ in range(90):
        rows = rng.dirichlet(np.full(4, 0.6), 6)
        said, ahead = best_transcription(rows)
        if ahead < 0.5:
            continue
        quantized = np.minimum(np.round(256 * rows), 255).astype(int)
        twin = CtcBeam(BeamParameters(4, 2, 1, 16, 5, 1600))
        silence = np.zeros((20, 4), int)
        silence[:, 0] = 255
        found = twin.process((np.concatenate([quantized, silence]) - 128).astype(np.int8))
        assert tuple(d.label for d in found) == said
        best = [s if s >= 2 else 0 for s in quantized.argmax(axis=1)]
        greedy_differs += tuple(s for s, _ in itertools.groupby(best) if s) != said
        compared += 1
    assert compared > 15
    assert greedy_differs > 1, "these rows have nothing that a search finds and a look does not"


parameters = st.builds(
    lambda labels, first, least, width, patience, margin, listed: CtcBeamConfig(
        least / 256, width, patience, margin / 16, listed[: len(listed)]
    ).parameters(("_silence_", "_unknown_")[:first] + ("a", "b", "c", "d")[: labels - first]),
    labels=st.integers(4, 6),
    first=st.integers(1, 2),
    least=st.integers(1, 40),
    width=st.integers(1, 9),
    patience=st.integers(2, 12),
    margin=st.integers(40, 400),
    listed=st.sampled_from([(), ("a b", "b"), ("a", "a b a", "b a")]),
)


@settings(max_examples=6, phases=NO_SHRINKING)
@given(p=parameters, seed=st.integers(0, 1000), cut=st.integers(0, 60))
def test_any_chunking_and_the_rules(p, seed, cut):
    check_chunks_and_rules(CtcBeam(p), ctc_beam_script(p), p.labels, seed, cut)


@pytest.mark.parametrize("config", [CtcBeamConfig(), CtcBeamConfig(sequences=("yes no", "no", "up up"))])
def test_no_rule_is_missed_at_usual_settings(config):
    assert ctc_beam_script(config.parameters(LABELS)).missed == []


def test_a_list_rules_words_out():
    rows = np.zeros((40, 5), int)
    rows[:, 0] = 255
    rows[5:8] = [20, 0, 200, 30, 0]
    rows[12] = [20, 0, 150, 80, 0]
    posteriors = (rows - 128).astype(np.int8)
    free = CtcBeamConfig().twin(LABELS).process(posteriors)
    listed = CtcBeamConfig(sequences=("yes no",)).twin(LABELS).process(posteriors)
    assert [d.label for d in free] == [2, 2]
    assert [d.label for d in listed] == [2, 3]
    assert [d.score for d in listed] == [200, 80]


def test_settings():
    with pytest.raises(KwsError, match="a label for the blank"):
        CtcBeamConfig().check(("yes", "no"))
    with pytest.raises(KwsError, match="has 'left', which is no word to spot"):
        CtcBeamConfig(sequences=("yes left",)).check(LABELS)
    with pytest.raises(KwsError, match="one without words"):
        CtcBeamConfig(sequences=(" ",)).check(LABELS)
    with pytest.raises(KwsError, match="at most 255 labels"):
        CtcBeamConfig().check(("_silence_", *map(str, range(255))))
    every = CtcBeamConfig(sequences=tuple(map(" ".join, itertools.product(LABELS[2:], repeat=5))))
    with pytest.raises(KwsError, match="more than 254 words to branch at"):
        every.check(LABELS)
    # Refused without building what they would need, as a file from anywhere may hold them.
    for sequences in ((" ".join(["yes"] * 20_000),), tuple(f"yes {n * 'no '}up" for n in range(2000))):
        began = time.process_time()
        with pytest.raises(KwsError, match="more than 254 words to branch at"):
            CtcBeamConfig(sequences=sequences).check(LABELS)
        assert time.process_time() - began < 5
    longest = CtcBeamConfig(sequences=(" ".join(["yes"] * 254),)).parameters(LABELS)
    assert longest.nodes[-1] == (2, 0, 0, 1)
    assert len(longest.nodes) == 255
    values = {"kind": "ctc_beam", "width": 4, "sequences": ["yes no"]}
    assert read(values) == CtcBeamConfig(width=4, sequences=("yes no",))
    one, other = CtcBeamConfig(sequences=("no", "yes no")), CtcBeamConfig(sequences=("yes no", "no", "no"))
    assert one.parameters(LABELS) == other.parameters(LABELS)


@pytest.mark.parametrize(
    ("engine", "config"),
    [
        pytest.param("c", CtcBeamConfig(), marks=needs("cc", "make")),
        pytest.param("c", CtcBeamConfig(0.2, 3, 4, 3.0), marks=needs("cc", "make")),
        pytest.param(
            "qemu", CtcBeamConfig(sequences=("LIST",)), marks=needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
        ),
    ],
)
def test_searches_reach_the_board(engine, config, tiny_model):
    words = tiny_model.require_info().words
    if config.sequences:
        config = CtcBeamConfig(sequences=(words[0], " ".join([*words, words[0]])))
    check_reaches_the_board(engine, config, tiny_model)
