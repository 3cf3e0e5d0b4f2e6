"""Faults of phrases and the listening window, in both twins."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_C = "firmware/src/decisions/grammar.c"
_NUMPY = "kws/fixedpoint/decisions/grammar.py"
_TEST = "tests/fixedpoint/decisions/test_grammar.py"

GRAMMAR = (
    # ---- C ----
    M("GRAMMAR/1", _C, "    kws_detector_step(&words, memory, posteriors, result);\n", "    (void)posteriors;\n"),
    M("GRAMMAR/2", _C, ">= grammar->place_sums[i]", "> grammar->place_sums[i]"),
    M("GRAMMAR/2", _C, ">= grammar->place_sums[i]", ">= grammar->place_sums[first]"),
    M("GRAMMAR/2", _C, "above && !places[i].above", "above"),
    M("GRAMMAR/2", _C, "        places[i].above = above;\n", ""),
    M("GRAMMAR/3", _C, "i == first || places[i].wait > 0", "i == first || places[i].wait > 1"),
    M("GRAMMAR/3", _C, "i == first || places[i].wait > 0", "true"),
    M("GRAMMAR/3", _C, "            places[i].wait--;\n", ""),
    M("GRAMMAR/3", _C, "        places[i].wait = 0;\n        if", "        if"),
    M("GRAMMAR/3", _C, "places[i + 1].wait = within;", "places[i + 1].wait = (uint16_t)(within + 1u);"),
    M("GRAMMAR/3", _C, "|| complete) {", ") {", _TEST),
    M("GRAMMAR/3", _C, "            places[earlier].wait = 0;\n", "            (void)places;\n", _TEST),
    M("GRAMMAR/4", _C, "places) && phrase < 0", "places)"),
    M("GRAMMAR/4", _C, "first + length - 1u]];", "first]];"),
    M("GRAMMAR/4", _C, "        first += length;\n", ""),
    M("GRAMMAR/4", _C, "        state->quiet--;\n", ""),
    M("GRAMMAR/4", _C, "state->quiet = grammar->cooldown_frames;", "state->quiet = grammar->cooldown_frames + 1u;"),
    M("GRAMMAR/4", _C, "state->quiet = grammar->cooldown_frames;", "state->quiet = 0;"),
    M("GRAMMAR/4", _C, "grammar->labels + phrase;", "grammar->labels;"),
    M("GRAMMAR/4", _C, "grammar->report_words || result", "true || result"),
    M("GRAMMAR/5", _C, "        state->open--;\n", ""),
    M("GRAMMAR/5", _C, "state->open = grammar->window;", "state->open = grammar->window + 1u;"),
    M("GRAMMAR/5", _C, "state->open > 0 || grammar->window == 0;", "true;"),
    M("GRAMMAR/5", _C, "result->label == grammar->wake && grammar", "grammar"),
    M("GRAMMAR reset", _C, "    memset(memory, 0, decision->memory_bytes);\n", ""),
    M("GRAMMAR open", _C, "->open = frames;", "->open = frames + 1u;", _TEST),
    # ---- NumPy ----
    M("GRAMMAR/2", _NUMPY, "own >= self._thresholds", "own > self._thresholds"),
    M("GRAMMAR/2", _NUMPY, "self._above = above[:, -1:]", "self._above = above[:, :1]"),
    M("GRAMMAR/3", _NUMPY, "frame > self._until[place])", "frame >= self._until[place])"),
    M("GRAMMAR/3", _NUMPY, "place > 0 and frame", "place > 1 and frame"),
    M("GRAMMAR/3", _NUMPY, "            self._until[place] = -1\n", "", _TEST),
    M("GRAMMAR/3", _NUMPY, "np.lexsort((-places, frames))", "np.lexsort((places, frames))"),
    M("GRAMMAR/3", _NUMPY, "if frame == complete or (", "if (", _TEST),
    M(
        "GRAMMAR/3",
        _NUMPY,
        "                self._until = [-1] * len(self._rows)\n",
        "                self._until[place] = -1\n",
        _TEST,
    ),
    M("GRAMMAR/4", _NUMPY, "labels + number, score)", "labels, score)"),
    M("GRAMMAR/4", _NUMPY, "elif frame <= self._quiet_until or", "elif frame < self._quiet_until or"),
    M("GRAMMAR/4", _NUMPY, "p.report_words or label == p.wake", "True"),
    M("GRAMMAR/5", _NUMPY, "self._open_until = frame + p.window", "self._open_until = frame + p.window - 1"),
    M("GRAMMAR/5", _NUMPY, "elif frame > self._open_until:", "elif frame >= self._open_until:"),
    M(
        "GRAMMAR reset",
        _NUMPY,
        "        self._rules = _Rules(self.parameters)\n",
        '        self._rules = getattr(self, "_rules", _Rules(self.parameters))\n',
    ),
)
