"""Faults of transcriptions, greedy, by beam search and by token passing, in both twins."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_C = "firmware/src/decisions/ctc.c"
_NUMPY = "kws/fixedpoint/decisions/ctc.py"
_BEAM_C = "firmware/src/decisions/ctc_beam.c"
_BEAM = "kws/fixedpoint/decisions/ctc_beam.py"
_LEXICON_C = "firmware/src/decisions/ctc_lexicon.c"
_LEXICON = "kws/fixedpoint/decisions/ctc_lexicon.py"
_GONE = "a path that costs 255 is cheaper than none, as no path is"
# No model of `kws verify` here has words that tokens spell.
_SPELLED = "tests/fixedpoint/decisions/test_ctc_lexicon.py"

CTC = (
    # ---- greedy, C ----
    M("CTC/1", _C, "posteriors[i] > posteriors[best]", "posteriors[i] >= posteriors[best]"),
    M("CTC/1", _C, "score >= ctc->least", "score > ctc->least"),
    M("CTC/2", _C, "        state->last = symbol;\n", ""),
    M("CTC/3", _C, "symbol >= ctc->first_word", "symbol >= 0"),
    M("CTC reset", _C, "    ((kws_ctc_state *)memory)->last = -1;\n", "    (void)memory;\n"),
    # ---- greedy, NumPy ----
    M("CTC/1", _NUMPY, "scores >= p.least", "scores > p.least"),
    M("CTC/2", _NUMPY, "(symbols != before) & ", ""),
    M("CTC/2", _NUMPY, "        self._last = int(symbols[-1])\n", "", "tests/fixedpoint/decisions/test_ctc.py"),
    M("CTC/3", _NUMPY, "symbols >= p.first_word", "symbols >= 0"),
    M("CTC reset", _NUMPY, "        self._last = -1\n", '        self._last = getattr(self, "_last", -1)\n'),
    # ---- beam search, C ----
    M("BEAM/1", _BEAM_C, "none < 255 ? none : 255", "none < 255 ? none : 200"),
    M("BEAM/1", _BEAM_C, "i < p->first_word; i++", "i < 1; i++"),
    M("BEAM add", _BEAM_C, "p->sums[apart]", "p->sums[0]"),
    M("BEAM before", _BEAM_C, "h->last == word ? h->blank : add", "add"),
    M("BEAM/2", _BEAM_C, "h->label + log_of(b, h->last)", "h->label"),
    M("BEAM/2", _BEAM_C, "follows(&b->now[i], h) && begins(b, h->last)", "begins(b, h->last) && 0"),
    M("BEAM/2", _BEAM_C, " && begins(b, h->last)", ""),
    M("BEAM/3", _BEAM_C, "posterior_of(b, word) >= b->p->least", "posterior_of(b, word) > b->p->least"),
    M("BEAM/3", _BEAM_C, "h->length < KWS_CTC_WORDS; word++", "h->length < 1; word++"),
    M("BEAM/3", _BEAM_C, " && !is_there(b, h, word)", ""),
    M("BEAM/3", _BEAM_C, "deeper == NOT_ALLOWED && p->nodes", "p->nodes"),
    M("BEAM/3", _BEAM_C, "    h->node = c->node;\n", "    h->node = 0;\n"),
    M("BEAM/4", _BEAM_C, "        if (score <= b->candidates", "        if (score < b->candidates"),
    M("BEAM/4", _BEAM_C, "place > 0 && score > b", "place > 0 && score >= b"),
    M("BEAM/4", _BEAM_C, "<= b->p->margin", "< b->p->margin"),
    M("BEAM/4", _BEAM_C, "        h->blank = lowered(c->blank, best);", "        h->blank = lowered(c->blank, 0);"),
    M("BEAM/4", _BEAM_C, "            h->peaks[h->length] = 0;\n", ""),
    M("BEAM/5", _BEAM_C, "b.candidates[0].from == 0 && ", ""),
    M("BEAM/5", _BEAM_C, "!same ? 0u : state->steady", "state->steady"),
    M("BEAM/6", _BEAM_C, "uint32_t kept = 1;", "uint32_t kept = b->state->count;"),
    M("BEAM/6", _BEAM_C, "state->steady == p->patience &&", "state->steady + 1u >= p->patience &&"),
    M("BEAM/7", _BEAM_C, "b->now[i].length == 0 || b", "b"),
    M("BEAM/7", _BEAM_C, "        memmove(h->peaks, h->peaks + 1, h->length);\n", ""),
    M("BEAM reset", _BEAM_C, "    memset(memory, 0, decision->memory_bytes);\n", "    state->row = 0;\n"),
    # ---- beam search, NumPy ----
    M("BEAM/1", _BEAM, "min(255, sum(", "min(200, sum("),
    M("BEAM before", _BEAM, "self.blank if self.last == word else ", ""),
    M("BEAM/2", _BEAM, "label = h.label + log\n", "label = h.label\n"),
    M("BEAM/2", _BEAM, "if h.words and row", "if not h.words and row"),
    M("BEAM/3", _BEAM, "row[word] >= p.least else", "row[word] > p.least else"),
    M("BEAM/3", _BEAM, " and (*h.words, word) not in there", ""),
    M("BEAM/3", _BEAM, "if found is None and self", "if self"),
    M("BEAM/4", _BEAM, "best - score <= p.margin", "best - score < p.margin"),
    M("BEAM/4", _BEAM, "blank=max(h.blank - best, NOTHING)", "blank=h.blank"),
    M("BEAM/5", _BEAM, " if kept[0] is same else 0", ""),
    M("BEAM/6", _BEAM, "if self._steady == p.patience and", "if False and"),
    M("BEAM/7", _BEAM, "len(firsts) == 1 and () not in firsts", "len(firsts) == 1 and () != firsts"),
    M("BEAM/7", _BEAM, "peaks=h.peaks[1:]", "peaks=h.peaks[:-1]"),
    # ---- token passing, C ----
    M(
        "LEX reset",
        _LEXICON_C,
        "state->rest.word = state->waiting = state->last = NONE;",
        "state->rest.word = state->waiting = NONE;",
        _SPELLED,
        "label 0 is the blank, and never a token",
    ),
    M("LEX/1", _LEXICON_C, "i < p->first_word; i++", "i < 1; i++", _SPELLED),
    M("LEX/1", _LEXICON_C, "posterior < 255 ? posterior : 255", "posterior < 200 ? posterior : 200", _SPELLED),
    M("LEX/1", _LEXICON_C, "    int32_t greatest = none;\n", "    int32_t greatest = 0;\n", _SPELLED),
    M("LEX/2", _LEXICON_C, "other->cost < further->cost ? other", "other->cost <= further->cost ? other", _SPELLED),
    M("LEX/2", _LEXICON_C, "path.own + cost > p->limit", "path.own + cost >= p->limit", _SPELLED),
    M("LEX/2", _LEXICON_C, "path.cost + cost >= (int32_t)NONE", "path.cost + cost > (int32_t)NONE", _SPELLED, _GONE),
    M("LEX/2", _LEXICON_C, "    path.own = (uint8_t)(path.own + cost);\n", "", _SPELLED),
    M("LEX/2", _LEXICON_C, "place == 0 && token != state->last", "place == 0", _SPELLED),
    M("LEX/2", _LEXICON_C, "place > 0 && token != tokens[place / 2u - 1u]", "place > 0", _SPELLED),
    M(
        "LEX/2",
        _LEXICON_C,
        "uint32_t place = places; place-- > 0;",
        "uint32_t place = 0; place < places; place++",
        _SPELLED,
    ),
    M("LEX/3", _LEXICON_C, "    if (blank <= p->other) {", "    if (blank < p->other) {", _SPELLED),
    M("LEX/3", _LEXICON_C, "(blank < p->other ? blank : p->other)", "blank", _SPELLED),
    M("LEX/4", _LEXICON_C, "end.cost < state->rest.cost", "end.cost <= state->rest.cost", _SPELLED),
    M("LEX/4", _LEXICON_C, "            state->last = p->tokens[token - 1u];\n", "", _SPELLED),
    M("LEX/4", _LEXICON_C, "(uint8_t)word, end.own};", "(uint8_t)word, end.cost};", _SPELLED),
    M("LEX/5", _LEXICON_C, "    uint8_t least = state->rest.cost;\n", "    uint8_t least = 0;\n", _SPELLED),
    M("LEX/6", _LEXICON_C, "!same ? 0u : state->steady <", "state->steady <", _SPELLED),
    M(
        "LEX/6",
        _LEXICON_C,
        "state->steady == p->patience ? &state->rest",
        "state->steady + 1u >= p->patience ? &state->rest",
        _SPELLED,
    ),
    M("LEX/6", _LEXICON_C, "    if (ended->word != NONE) {\n        return ended;\n    }\n", "", _SPELLED),
    M(
        "LEX/6",
        _LEXICON_C,
        "        state->rest.word = state->waiting = NONE;\n        state->rest.score",
        "        state->waiting = NONE;\n        state->rest.score",
        _SPELLED,
    ),
    M(
        "LEX/7",
        _LEXICON_C,
        "            paths[i] = gone;\n        }\n        paths[i].word",
        "        }\n        paths[i].word",
        _SPELLED,
    ),
    M("LEX/7", _LEXICON_C, "    state->steady = 0;\n    uint32_t score", "    uint32_t score", _SPELLED),
    M("LEX/7", _LEXICON_C, "-p->logs[score] < said.score", "-p->logs[score] <= said.score", _SPELLED),
    # ---- token passing, NumPy ----
    M("LEX/1", _LEXICON, "min(255, sum(", "min(200, sum(", _SPELLED),
    M("LEX/2", _LEXICON, " if tokens[0] != self._last else []", "", _SPELLED),
    M("LEX/2", _LEXICON, " if tokens[token] != tokens[token - 1] else []", "", _SPELLED),
    M(
        "LEX/2",
        _LEXICON,
        "came.own + cost <= self.parameters.limit",
        "came.own + cost < self.parameters.limit",
        _SPELLED,
    ),
    M("LEX/2", _LEXICON, "came.cost + cost < DEAD", "came.cost + cost <= DEAD", _SPELLED, _GONE),
    M("LEX/3", _LEXICON, "if blank <= p.other", "if blank < p.other", _SPELLED),
    M("LEX/3", _LEXICON, "min(blank, p.other), DEAD", "blank, DEAD", _SPELLED),
    M("LEX/4", _LEXICON, "if paths[-1].cost < self._rest.cost", "if paths[-1].cost <= self._rest.cost", _SPELLED),
    M("LEX/4", _LEXICON, "                self._last = p.words[word][-1]\n", "", _SPELLED),
    M("LEX/5", _LEXICON, "        self._rest = _lowered(self._rest, least)\n", "", _SPELLED),
    M("LEX/6", _LEXICON, " if rest.word == self._waiting else 0", "", _SPELLED),
    M("LEX/6", _LEXICON, "            self._rest = _Path(rest.cost)\n", "", _SPELLED),
    M("LEX/7", _LEXICON, " if path.word == word else _GONE", "", _SPELLED),
    M("LEX/7", _LEXICON, "-LOGS[value] >= said.score", "-LOGS[value] > said.score", _SPELLED),
)
