"""Faults of what both twins do around the network: front end, spotter, detector; in C."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_FFT = "firmware/src/frontends/fft.c"
_MEL = "firmware/src/frontends/log_mel.c"
_SPOTTER = "firmware/src/spotter.c"
_DETECTOR = "firmware/src/decisions/detector.c"
_SLIDING = "firmware/src/decisions/sliding_mean.c"
_PY_SLIDING = "kws/fixedpoint/decisions/sliding_mean.py"

_SLIDING_TEST = "tests/fixedpoint/decisions/test_sliding_mean.py"
_SLIDING_ENGINES = f"{_SLIDING_TEST}::test_the_script_on_the_engines"
_MEL_TEST = "tests/fixedpoint/frontends/test_log_mel_c.py"

SPOTTING = (
    # ---- front end ----
    M("FRONT/2", _FFT, "#define WINDOW_SHIFT 5", "#define WINDOW_SHIFT 4"),
    M("FRONT/2", _FFT, "(pcm[1] * window[1]) >> WINDOW_SHIFT}", "(pcm[1] * window[0]) >> WINDOW_SHIFT}"),
    M("FRONT/3", _FFT, "to->x = t.x + v.y;", "to->x = t.x - v.y;"),
    M("FRONT/3", _FFT, "kws_wide_product(value.x, c) + kws", "kws_wide_product(value.x, c) - kws"),
    M("FRONT/3", _FFT, "{a->x >> 1, a->y >> 1}", "{a->x / 2, a->y / 2}"),
    M("FRONT/3", _FFT, "q <= points ? from[1] : -from[1]", "from[1]"),
    M("FRONT/3", _FFT, "n -= 3u * digit;", "n -= 2u * digit;"),
    M("FRONT/3", _FFT, "data[1] = subtract(a, b);", "data[1] = add(a, b);", _MEL_TEST),
    M("FRONT/4", _MEL, "#define SPECTRUM_BITS 28", "#define SPECTRUM_BITS 27"),
    M("FRONT/4", _MEL, "(uint32_t)(*values ^ kws_sign(*values))", "(uint32_t)*values"),
    M("FRONT/4", _MEL, "32 - (int32_t)kws_leading_zeros(x)", "31 - (int32_t)kws_leading_zeros(x)"),
    M("FRONT/5", _MEL, "squares + (1 << (POWER_SHIFT - 1))", "squares"),
    M("FRONT/5", _MEL, "kws_wrap(z[0] + mirror[0], half)", "kws_wrap(z[0] - mirror[0], half)"),
    M("FRONT/5", _MEL, "kws_wrap(mirror[0] - z[0], (uint32_t)shift)", "kws_wrap(z[0] - mirror[0], (uint32_t)shift)"),
    M("FRONT/5", _MEL, "(int32_t)(-x >> 32)", "-(int32_t)(x >> 32)", _MEL_TEST),
    M("FRONT/5", _MEL, "(zy + my) >> 1;", "(zy + my) / 2;", _MEL_TEST),
    M("FRONT/5", _MEL, "((zx + mx) >> 1) +", "((zx + mx) / 2) +", _MEL_TEST),
    M("FRONT/6", _MEL, "sum * WEIGHT_ONE - rising, offset", "sum * WEIGHT_ONE, offset"),
    M("FRONT/6", _MEL, "rising_before = rising;", ""),
    M("FRONT/6", _MEL, "#define WEIGHT_ONE 32768u", "#define WEIGHT_ONE 32700u"),
    M("FRONT/6", _MEL, "kws_wide_product_u16(*bin, *weight++)", "kws_wide_product_u16(*bin, *weight)"),
    M("FRONT/7", _MEL, "{11136, 2591}", "{11236, 2591}"),
    # The shipped models' settings have no border between two features in this part of an octave.
    M("FRONT/7", _MEL, "{5732, 2741}", "{5832, 2741}", _MEL_TEST),
    M("FRONT/7", _MEL, "(entry.rise * (top >> 15 & 0x7FFu) >> 11)", "0u"),
    M("FRONT/7", _MEL, "(high ? 63u : 31u) - zeros", "(high ? 62u : 31u) - zeros"),
    M("FRONT/8", _MEL, "#define STEPS_PER_OCTAVE 5", "#define STEPS_PER_OCTAVE 6"),
    M("FRONT/8", _MEL, "return INT8_MIN;\n    }", "return INT8_MIN + 1;\n    }"),
    M("FRONT/8", _MEL, "(int8_t)kws_sat8((steps_of", "(int8_t)((steps_of", _MEL_TEST),
    M("FRONT/8", _MEL, "* scale - (1 << 15)", "* scale"),
    M("FRONT/8", _MEL, "2 * power_spectrum(", "1 * power_spectrum("),
    # ---- spotter ----
    M("FRONT/1", _SPOTTER, "kws_copy(spotter->pcm + spotter->filled, pcm,", "kws_copy(spotter->pcm, pcm,"),
    M("FRONT/1", _SPOTTER, "spotter->filled -= f->hop;", "spotter->filled -= f->hop + 1u;"),
    M("FRONT/1", _SPOTTER, "spotter->pcm + f->hop, (uint32_t)", "spotter->pcm + f->hop + 1, (uint32_t)"),
    M("FRONT/1", _SPOTTER, "if (spotter->filled < f->window_size) {", "if (spotter->filled + 1u < f->window_size) {"),
    M("RESET", _SPOTTER, "    spotter->frame = 0;\n", ""),
    M("RESET", _SPOTTER, "    spotter->filled = 0;\n", ""),
    M("RESET", _SPOTTER, "    kws_decision_reset(model->decision, spotter->decision);\n", ""),
    M("RESET", _SPOTTER, "return kws_network_reset(model->network, spotter->network);", "return KWS_OK;"),
    M(
        "RESET",
        _SPOTTER,
        "    kws_frontend_reset(model->frontend, spotter->frontend);\n",
        "",
        "tests/fixedpoint/frontends/test_microfrontend.py::test_whole_spotter",
    ),
    M("SPOT/3", _SPOTTER, "    spotter->frame++;\n", ""),
    # ---- detector ----
    M("DETECT/1", _DETECTOR, "(uint8_t)(posteriors[i] + 128)", "(uint8_t)(posteriors[i] + 127)"),
    M("DETECT/1", _DETECTOR, "sums[i] + p - row[i]", "sums[i] + p"),
    M("DETECT/1", _DETECTOR, "row[i] = p;", "row[0] = p;"),
    M("DETECT/1", _DETECTOR, "state->slot + 1 < detector", "state->slot + 2 < detector"),
    M("DETECT/2", _DETECTOR, "state->held = -1;\n    }\n    /* DETECT/3", "}\n    /* DETECT/3"),
    M("DETECT/2", _DETECTOR, "if (state->held >= 0 &&", "if (state->cooldown == 0 && state->held >= 0 &&"),
    M("DETECT/2", _DETECTOR, "if (state->held >= 0 && !reaches", "if (state->held > detector->first_word && !reaches"),
    M("DETECT/3", _DETECTOR, "if (state->cooldown > 0) {", "if (state->cooldown > 1) {"),
    M("DETECT/3", _DETECTOR, "if (state->cooldown > 0) {", "if (state->cooldown > 0 && state->held >= 0) {"),
    M("DETECT/3", _DETECTOR, "state->cooldown--;", ""),
    M("DETECT/4", _DETECTOR, "return sums[word] >= detector", "return sums[word] > detector"),
    M("DETECT/4", _DETECTOR, "[word - detector->first_word];", "[0];"),
    M("DETECT/4", _DETECTOR, "[word - detector->first_word];", "[word - detector->first_word] - 1;"),
    M("DETECT/4", _DETECTOR, "i = detector->first_word; i < labels", "i = detector->first_word + 1u; i < labels"),
    M(
        "DETECT/4",
        _DETECTOR,
        "i = detector->first_word; i < labels; i++",
        "i = detector->first_word; i < labels - 1u; i++",
    ),
    M("DETECT/4", _DETECTOR, "sums[i] > sums[best]", "sums[i] >= sums[best]"),
    M("DETECT/4", _DETECTOR, "sums[i] > sums[best]", "sums[i] < sums[best]"),
    M("DETECT/4", _DETECTOR, "(best < 0 || sums[i] > sums[best])", "best < 0"),
    M("DETECT/4", _DETECTOR, "if (reaches_threshold(detector, sums, i) && (best", "if (sums[i] > 0 && (best"),
    M("DETECT/5", _DETECTOR, "best < 0 || best == state->held", "best < 0"),
    M("DETECT/5", _DETECTOR, "best < 0 || best == state->held", "best < 0 || state->held >= 0"),
    M("DETECT/5", _DETECTOR, "best < 0 || best == state->held", "true"),
    M("DETECT/6", _DETECTOR, "    state->held = best;\n", ""),
    M("DETECT/6", _DETECTOR, "    state->held = best;\n", "    state->held = state->held < 0 ? best : state->held;\n"),
    M("DETECT/6", _DETECTOR, "= detector->cooldown_frames;", "= 0;"),
    M("DETECT/6", _DETECTOR, "= detector->cooldown_frames;", "= detector->cooldown_frames + 1u;"),
    M("DETECT/6", _DETECTOR, "result->label = best;", "result->label = best - 1;"),
    M("DETECT/6", _DETECTOR, "result->score = sums[best];", "result->score = sums[best] + 1u;"),
    M("DETECT reset", _DETECTOR, "memset(state, 0, decision->memory_bytes);", "memset(state, 0, sizeof *state);"),
    M(
        "DETECT reset",
        _DETECTOR,
        "memset(state, 0, decision->memory_bytes);",
        "memset(state + 1, 0, decision->memory_bytes - sizeof *state);",
    ),
    M(
        "DETECT reset",
        _DETECTOR,
        "memset(state, 0, decision->memory_bytes);",
        "const uint32_t slot = state->slot;\n    memset(state, 0, decision->memory_bytes);\n    state->slot = slot;",
        equivalent="where in an empty ring the next frame goes makes no difference",
    ),
    # ---- sliding mean ----
    M("SLIDE/1", _SLIDING, "state->sum + p - *oldest", "state->sum + p", _SLIDING_TEST),
    M("SLIDE/1", _SLIDING, "state->slot + 1u < mean->window", "state->slot + 2u < mean->window", _SLIDING_TEST),
    M("SLIDE/2", _SLIDING, "state->filled == mean->window && state->sum", "state->sum", _SLIDING_TEST),
    M("SLIDE/3", _SLIDING, "state->sum > mean->limit", "state->sum >= mean->limit", _SLIDING_TEST),
    M("SLIDE/3", _SLIDING, "        state->held = 0;\n", "", _SLIDING_TEST),
    M("SLIDE/4", _SLIDING, "        state->cooldown--;\n", "", _SLIDING_TEST),
    M("SLIDE/5", _SLIDING, "if (!above || state->held) {", "if (!above) {", _SLIDING_TEST),
    M("SLIDE/6", _SLIDING, "    state->held = 1;\n", "", _SLIDING_TEST),
    M("SLIDE/6", _SLIDING, "result->score = state->sum;", "result->score = p;", _SLIDING_TEST),
    M("SLIDE reset", _SLIDING, "memset(memory, 0, decision->memory_bytes);", "(void)memory;", _SLIDING_ENGINES),
    M(
        "SLIDE/2",
        _PY_SLIDING,
        "first + np.arange(len(sums)) >= p.window - 1",
        "first + np.arange(len(sums)) >= 0",
        _SLIDING_TEST,
    ),
    M("SLIDE/3", _PY_SLIDING, "(sums > p.limit)", "(sums >= p.limit)", _SLIDING_TEST),
    M("SLIDE/4", _PY_SLIDING, "t + p.cooldown_frames + 1", "t + p.cooldown_frames", _SLIDING_TEST),
    M("SLIDE/5", _PY_SLIDING, "if not self._held and t < end:", "if t < end:", _SLIDING_TEST),
    M("SLIDE reset", _PY_SLIDING, "        self._held = False\n\n", "\n", _SLIDING_TEST),
)
