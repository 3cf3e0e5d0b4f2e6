"""Faults of transcriptions, greedy and by beam search, in both twins."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_C = "firmware/src/decisions/ctc.c"
_NUMPY = "kws/fixedpoint/decisions/ctc.py"
_BEAM_C = "firmware/src/decisions/ctc_beam.c"
_BEAM = "kws/fixedpoint/decisions/ctc_beam.py"

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
)
