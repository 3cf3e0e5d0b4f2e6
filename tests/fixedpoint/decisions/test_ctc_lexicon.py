"""Token passing against all paths, against its rules, and C against NumPy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from conftest import needs
from decision_checks import check_chunks_and_rules, check_reaches_the_board
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kws import engines
from kws.decisions import CtcLexiconConfig, read
from kws.decisions.ctc_lexicon_script import ctc_lexicon_script
from kws.errors import KwsError
from kws.fixedpoint.decisions.ctc_lexicon import CtcLexicon, LexiconParameters
from kws.model.file import Model, with_decision

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
LABELS = ("_silence_", "_unknown_", "n", "o", "e", "f")
LIMIT = 89
WORDS = ("on o n", "one o n e", "no n o", "off o f f")


def spell(text, config=None, frames=1):
    """The words heard in rows of sure symbols: a letter of LABELS each, ``.`` a blank."""
    rows = np.zeros((len(text) * frames, len(LABELS)), int)
    for at, symbol in enumerate(text):
        rows[at * frames : (at + 1) * frames, LABELS.index(symbol) if symbol != "." else 0] = 255
    config = config or CtcLexiconConfig(words=WORDS)
    names = config.names(LABELS)
    found = config.twin(LABELS).process((rows - 128).astype(np.int8))
    return [names[d.label] for d in found]


WAIT = "." * 8


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on", ["on"]),
        ("o.n.e", ["one"]),
        ("of.f", ["off"]),
        ("off", []),
        ("no.one", ["no", "one"]),
        ("no" + WAIT + "no", ["no", "no"]),
        ("on.of.f", ["on", "off"]),
        ("e", []),
        ("nnoo", ["no"]),
        ("no.on.no.on", ["no", "on", "no", "on"]),
    ],
)
def test_words_are_read(text, said, frames):
    """Twice the same letter needs a blank; the longer of two words wins; what is no word is none."""
    assert spell(text + WAIT, frames=frames) == said


def test_a_word_is_chosen_by_its_doubtful_token():
    rows = np.zeros((12, 6), int)
    rows[:, 0] = 255
    rows[0], rows[1], rows[2] = (0, 0, 0, 255, 0, 0), (0, 0, 120, 0, 0, 130), (0, 0, 0, 0, 255, 0)
    (found,) = CtcLexiconConfig(words=("one o n e",)).twin(LABELS).process((rows - 128).astype(np.int8))
    # "o f e" is likelier by 130 to 120, a sixteenth of a nat; 248 is the greatest posterior that is so much below 1.
    assert (found.label, found.score) == (6, 248)
    assert not CtcLexiconConfig(0.99, words=("one o n e",)).twin(LABELS).process((rows - 128).astype(np.int8))


def cheapest(tokens, rows, other):
    """The least cost of rows without the word, and with it once; then what its own frames cost on any such way."""

    def log(p):
        return round(16 * math.log(max(p, 0.5) / 256))

    costs = [[max(map(log, row)) - log(p) for p in row] for row in rows]
    outside = [min(cost[0], other) for cost in costs]
    ways = []
    for first, end in itertools.combinations(range(len(rows) + 1), 2):
        for symbols in itertools.product(range(len(rows[0])), repeat=end - first):
            if symbols[0] and symbols[-1] and tuple(s for s, _ in itertools.groupby(symbols) if s) == tokens:
                own = sum(cost[s] for cost, s in zip(costs[first:end], symbols, strict=True))
                ways.append((own + sum(outside[:first]) + sum(outside[end:]), own))
    least = min(ways)[0]
    return sum(outside), least, {own for cost, own in ways if cost == least}


def test_it_finds_the_cheapest_of_all_alignments():
    rng = np.random.default_rng(3)
    heard = []
    for _ in range(80):
        tokens = ((1, 2, 1), (1, 1, 2), (2, 2))[rng.integers(3)]
        other = int(rng.integers(5, 60))
        rows = np.minimum(np.round(256 * rng.dirichlet(np.full(3, 0.5), 4)), 255).astype(int)
        without, once, own = cheapest(tokens, rows.tolist(), other)
        if max(own) > LIMIT:
            continue
        blank = np.zeros((12, 3), int)
        blank[:, 0] = 255
        twin = CtcLexicon(LexiconParameters(3, 1, LIMIT, other, 9, (tokens,), (3,)))
        found = twin.process((np.concatenate([rows, blank]) - 128).astype(np.int8))
        assert len(found) == (once < without)
        heard.append(len(found))
        if found:
            scores = {max(p for p in range(256) if round(16 * math.log(max(p, 0.5) / 256)) <= -cost) for cost in own}
            assert found[0].score in scores
    assert 10 < sum(heard) < len(heard) - 10


configs = st.builds(
    lambda least, other, patience, words: CtcLexiconConfig(least / 256, other / 16, patience, words),
    least=st.integers(1, 256),
    other=st.integers(1, 80),
    patience=st.integers(1, 12),
    words=st.sampled_from([WORDS, WORDS[:1], ("a o", "b n", "a e e"), ("feon f e o n", "noon n o o n", "one o n e")]),
)


@settings(max_examples=8, phases=NO_SHRINKING)
@given(config=configs, seed=st.integers(0, 1000), cut=st.integers(0, 60))
def test_any_chunking_and_the_rules(config, seed, cut):
    p = config.parameters(LABELS)
    check_chunks_and_rules(CtcLexicon(p), ctc_lexicon_script(p), p.labels, seed, cut)


@pytest.mark.parametrize("config", [CtcLexiconConfig(words=WORDS), CtcLexiconConfig(0.3, 0.5, 4, WORDS[:2])])
def test_no_rule_is_missed_at_usual_settings(config):
    assert ctc_lexicon_script(config.parameters(LABELS)).missed == []


def test_a_word_may_be_said_in_two_ways():
    config = CtcLexiconConfig(words=("one o n e", "no n o", "one f e n"))
    assert config.lexicon() == ("one", "no")
    assert config.parameters(LABELS).reports == (6, 7, 6)
    assert spell("fen" + WAIT, config) == spell("one" + WAIT, config) == ["one"]


def test_settings():
    with pytest.raises(KwsError, match="a label for the blank"):
        CtcLexiconConfig(words=("on o n",)).check(("o", "n"))
    with pytest.raises(KwsError, match=r"needs 1 to 254 detector\.words, not 0"):
        CtcLexiconConfig().check(LABELS)
    with pytest.raises(KwsError, match="'on' has 'x', which is no token"):
        CtcLexiconConfig(words=("on o x",)).check(LABELS)
    for line in ("on", " ", "on" + 65 * " o", "_on_ o n"):
        with pytest.raises(KwsError, match="is no word with 1 to 64 tokens"):
            CtcLexiconConfig(words=(line,)).check(LABELS)
    with pytest.raises(KwsError, match="at most 255 labels"):
        CtcLexiconConfig(words=("a 1",)).check(("_silence_", *map(str, range(255))))
    values = {"kind": "ctc_lexicon", "threshold": 0.1, "words": ["on o n"]}
    config = read(values)
    assert config == CtcLexiconConfig(0.1, words=("on o n",))
    assert config.spelled(("no",), (("n", "o"),)) is config
    assert CtcLexiconConfig().spelled(("no",), (("n", "o"),)).words == ("no n o",)


@pytest.mark.parametrize(
    ("engine", "config"),
    [
        pytest.param("c", CtcLexiconConfig(), marks=needs("cc", "make")),
        pytest.param("c", CtcLexiconConfig(0.2, 0.3, 2), marks=needs("cc", "make")),
        pytest.param(
            "qemu",
            CtcLexiconConfig(0.05, 2.0, 9),
            marks=(pytest.mark.slow, needs("make", "arm-none-eabi-gcc", "qemu-system-arm")),
        ),
    ],
)
def test_lexicons_reach_the_board(engine, config, tiny_model):
    labels, (a, b, *_) = tiny_model.require_info().labels, tiny_model.require_info().words
    lexicon = ("this", "that", "that", "other"), ((a, b), (b, a, b), (a, a), (b,))
    model, heard = check_reaches_the_board(engine, config.spelled(*lexicon), tiny_model)
    assert model.info.spoken == model.info.reported == ("this", "that", "other")
    assert model.info.classes == (*labels[:2], "this", "that", "other")
    assert {d.label for d in heard} <= {len(labels), len(labels) + 1, len(labels) + 2}
    assert heard


@needs("cc", "make")
def test_a_word_may_cost_just_its_limit(tiny_model):
    labels, (a, b, *_) = tiny_model.require_info().labels, tiny_model.require_info().words
    model = Model.from_bytes(with_decision(tiny_model, CtcLexiconConfig(0.1, 2.0, 3).spelled(("this",), ((a, b),))))
    # 25 and 26 of 256 have the same logarithm, 24 has the next one.
    for posterior, heard in ((26, 1), (25, 1), (24, 0)):
        rows = np.zeros((12, len(labels)), int)
        rows[2:, 0] = 255
        rows[:2, labels.index(b)] = 255
        rows[0, labels.index(a)] = posterior
        with engines.create("c", model) as engine:
            found = engine.decide((rows - 128).astype(np.int8))
        assert found == model.info.decision.twin(labels).process((rows - 128).astype(np.int8))
        assert len(found) == heard
