"""Phrases and the listening window, rule by rule; the C grammar against NumPy over random posteriors."""

from __future__ import annotations

import ctypes

import harness
import numpy as np
import pytest
from conftest import needs
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kws import engines
from kws.decisions import DetectorConfig, GrammarConfig, Phrase
from kws.decisions.grammar_script import grammar_script
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.detector import Detector, DetectorParameters, moving_sums
from kws.fixedpoint.decisions.grammar import Grammar, GrammarParameters, PhraseParameters, completions, detect
from kws.model.file import Model, with_decision
from kws.verify.compare import verify

LABELS = ("_silence_", "_unknown_", "left", "right", "stop")
LEFT, RIGHT, STOP = 2, 3, 4
NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
HIGH = 256
"""A threshold that no posterior reaches alone: the detector itself stays quiet."""


def rows(*words):
    """One frame a word: its posterior is 200, that of None nothing."""
    values = np.zeros((len(words), len(LABELS)), np.int64)
    for frame, word in enumerate(words):
        if word is not None:
            values[frame, word] = 200
    return (values - 128).astype(np.int8)


def grammar(*phrases, threshold=HIGH, cooldown=0, **options):
    return Grammar(GrammarParameters(DetectorParameters(1, (threshold,) * 3, cooldown, 2), phrases, **options))


def phrase(*words, within=3, threshold=100):
    return PhraseParameters(words, (threshold,) * len(words), within)


def labels(decision, *words):
    return [(d.frame, d.label) for d in decision.process(rows(*words))]


def test_words_in_order_and_in_time():
    g = grammar(phrase(LEFT, RIGHT))
    assert labels(g, LEFT, None, None, RIGHT) == [(3, 5)]
    g.reset()
    assert labels(g, LEFT, None, None, None, RIGHT) == [], "one frame late"
    g.reset()
    assert labels(g, RIGHT, LEFT) == [], "the wrong way round"
    g.reset()
    assert labels(g, LEFT, None, LEFT, None, None, RIGHT, RIGHT, None, RIGHT) == [(5, 5)], "said again; heard once"


def test_words_that_rise_together_are_no_phrase():
    both = rows(None, LEFT)
    both[1, RIGHT] = 100
    assert grammar(phrase(LEFT, RIGHT)).process(both) == []


def test_a_word_that_is_already_there_does_not_follow():
    ahead = rows(RIGHT, LEFT, None, RIGHT)
    ahead[1, RIGHT] = 100
    assert [d.frame for d in grammar(phrase(LEFT, RIGHT)).process(ahead)] == [3]


def test_one_word_twice_takes_two_rises():
    g = grammar(phrase(LEFT, LEFT))
    assert labels(g, LEFT, LEFT, LEFT, None, LEFT, None, LEFT, None, LEFT) == [(6, 5)]
    g = grammar(phrase(LEFT, LEFT, LEFT))
    assert labels(g, LEFT, None, LEFT, None, LEFT) == [(4, 5)]


def test_three_words_each_with_its_threshold():
    p = PhraseParameters((LEFT, RIGHT, STOP), (200, 150, 50), 2)
    said = rows(LEFT, RIGHT, STOP)
    said[1, RIGHT], said[2, STOP] = 150 - 128, 50 - 128
    assert Grammar(GrammarParameters(DetectorParameters(1, (HIGH,) * 3, 0, 2), (p,))).process(said) == [
        Detection(2, 5, 50)
    ]
    said[1, RIGHT] -= 1
    assert Grammar(GrammarParameters(DetectorParameters(1, (HIGH,) * 3, 0, 2), (p,))).process(said) == []


def test_a_phrase_stands_before_a_word_and_silences_the_next():
    g = grammar(phrase(LEFT, RIGHT), threshold=150, cooldown=2)
    assert labels(g, LEFT, RIGHT, None, None, STOP) == [(0, LEFT), (1, 5), (4, STOP)]
    g.reset()
    assert labels(g, LEFT, RIGHT, None, STOP) == [(0, LEFT), (1, 5)], "in the cool-down after the phrase"


def test_the_first_of_two_phrases():
    a, b = phrase(LEFT, RIGHT), phrase(STOP, RIGHT)
    assert labels(grammar(a, b), STOP, LEFT, RIGHT) == [(2, 5)]
    assert labels(grammar(b, a), STOP, LEFT, RIGHT) == [(2, 5)]
    assert labels(grammar(a, b), STOP, None, RIGHT) == [(2, 6)]


def test_phrases_alone():
    g = grammar(phrase(LEFT, RIGHT), threshold=150, report_words=False)
    assert labels(g, LEFT, None, RIGHT, STOP) == [(2, 5)]


def test_a_window_after_the_wake_word():
    g = grammar(threshold=150, wake=LEFT, window=3)
    assert labels(g, STOP, None, LEFT, None, RIGHT, STOP, None, RIGHT) == [(2, LEFT), (4, RIGHT), (5, STOP)]
    g.reset()
    assert labels(g, LEFT, None, LEFT, None, None, STOP) == [(0, LEFT), (2, LEFT), (5, STOP)], "begun anew"
    g.reset()
    assert labels(g, STOP) == []


def test_a_phrase_that_wakes():
    g = grammar(phrase(LEFT, RIGHT), threshold=150, wake=5, window=2)
    assert labels(g, LEFT, RIGHT, STOP, None, STOP) == [(1, 5), (2, STOP)]


def test_a_window_that_is_opened_from_outside():
    g = grammar(threshold=150, window=5)
    assert labels(g, STOP, None) == []
    g.open(2)
    assert labels(g, None, STOP, RIGHT) == [(3, STOP)]
    g.open(9)
    g.open(0)
    assert labels(g, STOP) == []


@st.composite
def cases(draw, margin=0.0):
    """A grammar, and posteriors in which words stay at a level for some frames."""
    average, first, words = draw(st.sampled_from([1, 2, 5, 20])), draw(st.integers(0, 2)), draw(st.integers(1, 4))
    least = max(1, int(margin * 255 * average))
    sums = st.integers(least, 255 * average - least + 1)
    detector = DetectorParameters(
        average,
        tuple(draw(st.lists(sums, min_size=words, max_size=words))),
        draw(st.sampled_from([0, 1, 7, 40])),
        first,
    )
    spoken = st.integers(first, first + words - 1)
    phrases = []
    for _ in range(draw(st.integers(0, 3))):
        chosen = tuple(draw(st.lists(spoken, min_size=2, max_size=4)))
        thresholds = tuple(draw(st.lists(sums, min_size=len(chosen), max_size=len(chosen))))
        phrases.append(PhraseParameters(chosen, thresholds, draw(st.sampled_from([1, 2, 9, 60]))))
    wake = draw(st.one_of(st.just(-1), st.integers(first, first + words + len(phrases) - 1)))
    window = draw(st.sampled_from([1, 5, 70])) if wake >= 0 or not phrases else draw(st.sampled_from([0, 0, 30]))
    p = GrammarParameters(detector, tuple(phrases), draw(st.booleans()), wake, window)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = np.array([-128, -100, -1, 0, 60, 126, 127])
    levels = rng.choice(values[rng.integers(0, len(values), 3)], (draw(st.integers(0, 120)), detector.labels))
    return p, levels.repeat(rng.integers(1, 2 * average + 6, len(levels)), axis=0).astype(np.int8)


HARNESS = """
#include "kws/decisions/grammar.h"
/* labels[i] and scores[i]: what frame i reported; opened[i]: what the window is opened for before it, if not 0. */
void run(const uint16_t *thresholds, const uint16_t *place_labels, const uint16_t *place_sums, const uint16_t *within,
         const uint8_t *lengths, const int32_t *numbers, const int8_t *rows, unsigned count, const uint32_t *opened,
         int32_t *found, uint32_t *scores)
{
    static uint32_t memory[KWS_GRAMMAR_BYTES(16u, 64u, 64u) / 4u];
    const kws_grammar grammar = {thresholds, place_labels, place_sums, within, lengths,
        (uint16_t)numbers[0], (uint16_t)numbers[1], (uint8_t)numbers[2], (uint8_t)numbers[3], (uint8_t)numbers[4],
        (uint8_t)numbers[5], (uint16_t)numbers[6], (int16_t)numbers[7]};
    const kws_decision decision = {&grammar, KWS_GRAMMAR_BYTES((uint32_t)numbers[1], (uint32_t)numbers[2],
        (uint32_t)numbers[8]), 255u, KWS_DECISION_GRAMMAR};
    kws_grammar_reset(&decision, memory);
    for (unsigned i = 0; i < count; i++) {
        kws_result result = {.label = -1};
        if (opened[i] > 0) {
            kws_grammar_open(&decision, memory, opened[i]);
        }
        kws_grammar_step(&decision, memory, rows + i * (unsigned)numbers[1], &result);
        found[i] = result.label;
        scores[i] = result.score;
    }
}
"""


@pytest.fixture(scope="module")
def c_grammar(tmp_path_factory):
    """The C sources of detector and grammar alone: a function from parameters and posteriors to detections."""
    folder = tmp_path_factory.mktemp("grammar")
    library = harness.compiled(folder, HARNESS, ["decisions/detector.c", "decisions/grammar.c"], harness.STRICT)

    def run(p, posteriors, opened):
        d = p.detector
        places = [(w, t) for one in p.phrases for w, t in zip(one.words, one.threshold_sums, strict=True)]
        table = np.array(places or [(0, 0)], np.uint16)
        found, scores = np.zeros(len(posteriors), np.int32), np.zeros(len(posteriors), np.uint32)
        numbers = [d.cooldown_frames, d.labels, d.average_frames, d.first_word, p.report_words, len(p.phrases)]
        arrays = [
            np.array(d.threshold_sums, np.uint16),
            table[:, 0].copy(),
            table[:, 1].copy(),
            np.array([one.within for one in p.phrases] or [0], np.uint16),
            np.array([len(one.words) for one in p.phrases] or [0], np.uint8),
            np.array([*numbers, p.window, p.wake, len(places)], np.int32),
            np.ascontiguousarray(posteriors),
        ]
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
        outputs = [ctypes.c_void_p(a.ctypes.data) for a in (opened, found, scores)]
        library.run(*pointers, len(posteriors), *outputs)
        return [Detection(int(t), int(found[t]), int(scores[t])) for t in np.flatnonzero(found >= 0)]

    return run


@needs("cc")
@settings(max_examples=80)
@given(case=cases(), seed=st.integers(0, 1000))
def test_c_detects_the_same(c_grammar, case, seed):
    p, posteriors = case
    rng = np.random.default_rng(seed)
    opened = np.where(rng.random(len(posteriors)) < 0.02, rng.integers(1, 60, len(posteriors)), 0).astype(np.uint32)
    opened *= np.uint32(p.window > 0)
    twin, expected = Grammar(p), []
    for frame, row in enumerate(posteriors):
        if opened[frame]:
            twin.open(int(opened[frame]))
        expected += twin.process(row[None])
    assert c_grammar(p, posteriors, opened) == expected


@needs("cc")
def test_a_complete_phrase_waits_for_nothing(c_grammar):
    """Left, said again, waits for a right until the phrase is complete; a right and a stop later are no phrase."""
    g = grammar(phrase(LEFT, RIGHT, STOP, within=9))
    said = (LEFT, RIGHT, LEFT, STOP, RIGHT, STOP)
    expected = [Detection(3, 5, 200)]
    assert g.process(rows(*said)) == expected
    assert c_grammar(g.parameters, rows(*said), np.zeros(len(said), np.uint32)) == expected


@settings(max_examples=100)
@given(case=cases(), cuts=st.lists(st.integers(0, 1000), max_size=12))
def test_any_chunking(case, cuts):
    p, posteriors = case
    expected = detect(posteriors, p)
    cut = Grammar(p)
    assert [d for part in np.split(posteriors, sorted(cuts)) for d in cut.process(part)] == expected
    cut.reset()
    assert cut.process(posteriors) == expected


@settings(max_examples=15)
@given(case=cases())
def test_both_agree_with_the_rules_whatever_the_settings(case):
    p, posteriors = case
    script = grammar_script(p)
    twin = Grammar(p)
    for scene in script.scenes:
        twin.reset()
        assert twin.process(scene.posteriors) == scene.detections, scene.name
    assert not any(script.reached[rule] for rule in script.impossible)
    if not p.phrases and p.window == 0:
        assert Grammar(p).process(posteriors) == (Detector(p.detector).process(posteriors) if p.report_words else [])


@settings(max_examples=12, phases=NO_SHRINKING)
@given(case=cases(margin=0.1))
def test_no_rule_is_missed_with_ordinary_settings(case):
    script = grammar_script(case[0])
    assert [rule for rule in script.missed if not rule.startswith("DETECT")] == []


def test_completions_are_what_is_reported_where_nothing_else_is():
    g = grammar(phrase(LEFT, RIGHT), phrase(STOP, LEFT))
    said = rows(STOP, LEFT, RIGHT, None, STOP, None, LEFT)
    found = completions(moving_sums(said, 1, 2), g.parameters.phrases, 2)
    assert found == [((2, 200),), ((1, 200), (6, 200))]


def test_settings_that_make_no_sense_are_refused():
    def refused(text, **options):
        with pytest.raises(KwsError, match=text):
            GrammarConfig(**options).check(LABELS)

    refused("without either", phrases=())
    refused("does not hear", phrases=(Phrase(("left", "up")),))
    refused("does not hear", phrases=(Phrase(("left", "_unknown_")),))
    refused("are called 'stop'", phrases=(Phrase(("left", "right"), name="stop"),))
    refused("wake word 'up' is none of left, right, stop", wake="up", window_frames=9)
    with pytest.raises(KwsError, match="2 to 8 words, not 1"):
        Phrase(("left",))
    with pytest.raises(KwsError, match="needs 2 thresholds"):
        Phrase(("left", "right"), thresholds=(0.5,))
    refused("needs a window_frames", wake="left", phrases=(Phrase(("left", "right")),))


def test_a_phrase_that_would_never_be_reported_is_refused():
    """Of two that are complete in the same frame the first is reported."""

    def with_second(second):
        return GrammarConfig(1, 0.5, 0, (), (Phrase(("left", "right"), 20, "one"), second))

    for second in (
        Phrase(("left", "right"), 20),
        Phrase(("left", "right"), 10),
        Phrase(("left", "right"), 20, "", (0.5, 0.3)),
    ):
        with pytest.raises(
            KwsError, match=r"'one' and 'left right' are the same words, so that the second would never"
        ):
            with_second(second).check(LABELS)
    said = rows(LEFT, *[None] * 30, RIGHT)
    for second in (Phrase(("left", "right"), 40), Phrase(("left", "right", "stop"), 20)):
        with_second(second).check(LABELS)
    assert [d.label for d in detect(said, with_second(Phrase(("left", "right"), 40)).parameters(LABELS))] == [
        LEFT,
        len(LABELS) + 1,
    ]


def test_thresholds_are_lowered_unless_they_are_given():
    config = GrammarConfig(1, 0.5, 5, (0.9, 0.5, 0.5), (Phrase(("left", "right", "left")),))
    assert config.parameters(LABELS).phrases[0].threshold_sums == (231, 77, 139)
    config = GrammarConfig(2, 0.5, 5, (), (Phrase(("left", "right"), 7, thresholds=(0.5, 1.0)),))
    assert config.parameters(LABELS).phrases[0] == PhraseParameters((2, 3), (256, 510), 7)


def grammar_model(model):
    words = model.info.words
    config = GrammarConfig(
        3, 0.3, 5, (), (Phrase((words[0], words[1]), 20, "both"), Phrase((words[1], words[0]), 30)), True, "both", 100
    )
    return Model.from_bytes(with_decision(model, config))


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("c", marks=needs("cc", "make")),
        pytest.param("qemu", marks=needs("make", "arm-none-eabi-gcc", "qemu-system-arm")),
    ],
)
def test_phrases_reach_the_board(engine, tiny_model):
    model = grammar_model(tiny_model)
    assert model.info.names[-2:] == ("both", " ".join(reversed(model.info.words[:2])))
    report = verify(model, [engine], random=1)
    assert report.ok, report
    assert report.decision.missed == []
    found = {d.label for scene in model.info.decision.script(model.info.labels).scenes for d in scene.detections}
    assert found >= {len(model.info.labels), len(model.info.labels) + 1}
    with engines.create(engine, model) as other:
        silent = np.zeros(16000, np.int16)
        assert other.process(silent).detections == NumpyEngine(model).process(silent).detections


def test_other_words_keep_phrases_and_window(tiny_model):
    model = grammar_model(tiny_model)
    changed = model.info.decision.with_words(DetectorConfig(4, 0.6, 9))
    assert changed.detector == DetectorConfig(4, 0.6, 9)
    assert (changed.phrases, changed.wake, changed.window_frames) == (
        model.info.decision.phrases,
        "both",
        100,
    )
    assert model.info.detector == DetectorConfig(3, 0.3, 5)
