"""Faults of the voice gate, in either twin and around it."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_C = "firmware/src/voice_gate.c"
_PY = "kws/fixedpoint/voice_gate.py"
_SPOTTER = "firmware/src/spotter.c"
_TEST = "tests/fixedpoint/test_voice_gate.py"

GATE = (
    M("GATE/1", _C, "if (above > margin) {", "if (above > 0) {", _TEST),
    M("GATE/1", _C, "excess += above - margin;", "excess += above;", _TEST),
    M("GATE/2", _C, "if (above > 0) {", "if (above > rise) {", _TEST),
    M("GATE/2", _C, "above < rise ? above : rise", "rise", _TEST),
    M("GATE/2", _C, "above >> gate->fall_shift", "above / (1 << gate->fall_shift)", _TEST),
    M("GATE/2", _C, "level < lowest ? lowest : level", "level", _TEST),
    M("GATE/3", _C, "return excess >= gate->limit;", "return excess >= 2 * gate->limit;", _TEST),
    M("GATE/3", _C, "        state->hold--;\n", "", _TEST),
    M("GATE/3", _C, " && state->hold < gate->hold_frames", "", _TEST),
    M("GATE/4", _C, "        place -= gate->places;\n", "        place = 0;\n", _TEST),
    M("GATE/4", _C, "    if (state->count < gate->places) {", "    if (state->count + 1u < gate->places) {", _TEST),
    M("GATE/5", _C, "if (state->hold == 0) {", "if (state->hold <= 1) {", _TEST),
    M("GATE/5", _C, "        return gate->asleep;\n", "", _TEST),
    M("GATE/6", _C, "call < gate->calls && state", "call < 2 && state", _TEST),
    M("GATE/6", _C, "        state->count--;\n", "", _TEST),
    M("GATE reset", _C, "    state->hold = model->gate->settle_frames;\n    state->oldest", "    state->oldest", _TEST),
    M("GATE reset", _C, "    state->count = 0;\n", "", _TEST),
    M("GATE reset", _C, "floors_of(memory)[i] = HIGHEST_FLOOR;", "floors_of(memory)[i] = 0;", _TEST),
    M("GATE reset", _SPOTTER, "    kws_gate_reset(model, gate_memory(spotter));\n", "", _TEST),
    M("GATE/1", _PY, "np.maximum(above - p.margin, 0)", "np.maximum(above, 0)", _TEST),
    M("GATE/2", _PY, "np.minimum(above, p.rise)", "p.rise", _TEST),
    M("GATE/3", _PY, "excess >= p.limit", "excess > p.limit", _TEST),
    M("GATE/3", _PY, "self.hold - 1)", "self.hold)", _TEST),
    M("GATE/4", _PY, "if len(queue) > p.places:", "if len(queue) >= p.places:", _TEST),
    M("GATE/6", _PY, "latest[t] = len(calls) - 1", "latest[t] = len(calls) - 2", _TEST),
)
