"""Faults of the portable C: arithmetic, activations, layers, network, decimator."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_ARITHMETIC = "firmware/src/arithmetic.h"
_ACTIVATION = "firmware/src/activation.c"
_SIGMOID = "firmware/src/sigmoid.h"
_CURVES = "firmware/src/arch/sigmoid_fused.h"
_CELL = "firmware/src/arch/lstm_fused.h"
_LSTM = "firmware/src/layers/lstm.c"
_DENSE = "firmware/src/layers/fully_connected.c"
_ROWS = "firmware/src/layers/rows.h"
_ROWS_TEST = "tests/engines/test_frames_of_rows.py"
_SOFTMAX = "firmware/src/layers/softmax.c"
_LOGISTIC = "firmware/src/layers/logistic.c"
_SLICE = "firmware/src/layers/row_slice.c"
_NETWORK = "firmware/src/network.c"
_DECIMATOR = "firmware/src/decimator.c"

# The specification's steps one by one are compiled for a test only; the host has them fused, as boards have.
# Outputs of 8 bits hide the last bits of what they are made of.
# Terms of softmax's sum that are lost in rows of few values.
_WIDE = "tests/layers/test_softmax.py"
_FUNCTIONS = "tests/fixedpoint/test_functions_c.py"
_UNFUSED = "tests/firmware/test_fused.py"
_BITS = "tests/fixedpoint/test_decimator.py::test_c_and_any_chunking_give_the_same_samples"

C = (
    # ---- arithmetic ----
    M("CLAMP", _ARITHMETIC, "x < low ? low : x > high ? high : x", "x < low ? low : x"),
    M("CLAMP", _ARITHMETIC, "x < low ? low : x > high ? high : x", "x > high ? high : x"),
    M("SAT16", _ARITHMETIC, "return kws_clamp(x, INT16_MIN, INT16_MAX);", "return x;"),
    M("SAT17", _ARITHMETIC, "kws_clamp(x, -65536, 65535)", "kws_clamp(x, -65536, 32767)"),
    M("ZERO POINT", _ARITHMETIC, "(uint32_t)x + (uint32_t)zero_point", "(uint32_t)x - (uint32_t)zero_point"),
    M("RDHM", _ARITHMETIC, " + ((int64_t)1 << 30)) >> 31", ") >> 31"),
    M("RDHM", _ARITHMETIC, "((int64_t)1 << 30)) >> 31", "((int64_t)1 << 30) - 1) >> 31", _FUNCTIONS),
    M("RSHIFT", _ARITHMETIC, "(mask >> 1) + (x < 0 ? 1 : 0)", "(mask >> 1)"),
    M("RSHIFT", _ARITHMETIC, "(x & mask) > threshold", "(x & mask) >= threshold"),
    M("MULTIPLY", _ARITHMETIC, "kws_wrap(x, factor->left_shift);", "x;"),
    M(
        "MULTIPLY",
        _ARITHMETIC,
        "kws_rshift(kws_rdhm(shifted, factor->value), factor->right_shift)",
        "kws_rdhm(shifted, factor->value) >> factor->right_shift",
    ),
    M("LEADING ZEROS", _ARITHMETIC, "(uint32_t)__builtin_clz(x)", "(uint32_t)__builtin_clz(x) + 1u"),
    M("PRODUCT", "firmware/src/arch/product.h", "return (uint64_t)a * b;", "return (uint32_t)(a * b);"),
    # ---- activations ----
    M("SIGMOID TABLE", "firmware/src/sigmoid_table.h", " 683,", " 684,"),
    M("SIGMOID/1", _SIGMOID, "const int32_t v = 3 * x; /*", "const int32_t v = 2 * x; /*", _UNFUSED),
    M("SIGMOID/2", _SIGMOID, "(low << 9) + (magnitude & 511)", "(low << 9) + (magnitude & 255)", _UNFUSED),
    M("SIGMOID/3", _SIGMOID, "(1 << 25) - t + 511", "(1 << 25) - t + 512", _UNFUSED),
    M("TANH/1", _SIGMOID, "(3 * x + (1 << (-d - 1))) >> -d", "(3 * x) >> -d", _UNFUSED),
    M("TANH/2", _SIGMOID, "if (u < 255) {", "if (u < 254) {", _UNFUSED),
    M("TANH/3", _SIGMOID, "(1 << 23) - t + 127", "(1 << 23) - t + 128", _UNFUSED),
    M("SIGMOID/3", _CURVES, "(1 << 24) + 512, 128", "(1 << 24) + 511, 128"),
    M("SIGMOID/3", _CURVES, "curves->sigmoid_half + kws_sign(scaled)", "curves->sigmoid_half"),
    M("TANH/3", _CURVES, "curves->tanh_half + kws_sign(scaled)", "curves->tanh_half"),
    M("TANH/2", _CURVES, "scaled & 255, 256, half) >> 8", "scaled & 127, 256, half) >> 8"),
    M("INTERPOLATE", "firmware/src/arch/dual.h", "low[0] * whole + (low[1] - low[0]) * part", "low[0] * whole"),
    M("RECIP/3", _ACTIVATION, "i < 3", "i < 2", _FUNCTIONS),
    M("SATSHIFT", _ARITHMETIC, "x > limit ? INT32_MAX : ", "", _FUNCTIONS),
    M(
        "RDHM",
        _ARITHMETIC,
        "if (a == INT32_MIN && b == INT32_MIN) {",
        "if (a == INT32_MAX && b == INT32_MIN) {",
        _FUNCTIONS,
    ),
    M("RECIP/2", _ACTIVATION, "1515870810 +", "1515870810 -"),
    M("RECIP/3", _ACTIVATION, "i < 3", "i < 1"),
    # ---- LSTM ----
    M("LSTM/1", _LSTM, "sums[gate] = bias[gate];", "sums[gate] = 0;"),
    M("LSTM/1", _LSTM, "kws_sat16(kws_sat16(kws_multiply(gates[gate]", "kws_sat16((kws_multiply(gates[gate]"),
    M("LSTM/2", _LSTM, "kws_sat16(kws_multiply(recurrent[gate]", "(kws_multiply(recurrent[gate]"),
    M("LSTM/2", _LSTM, "&lstm->factors[KWS_GATES + gate]", "&lstm->factors[gate]"),
    M("LSTM/3", _LSTM, "gates[gate] = kws_sat16(kws_sat16(", "gates[gate] = (kws_sat16("),
    M("LSTM gates", _LSTM, "gates[KWS_GATE_INPUT], gates", "gates[KWS_GATE_FORGET], gates"),
    M("LSTM gates", _LSTM, "gates[KWS_GATE_CELL], gates", "gates[KWS_GATE_OUTPUT], gates"),
    M(
        "LSTM state",
        _LSTM,
        "kws_copy(hidden, output, lstm->units);",
        "kws_copy(hidden, output, lstm->units - 1u);",
    ),
    M("LSTM state", _LSTM, "output[unit] = kws_cell_hidden", "output[unit] = hidden[unit] = kws_cell_hidden"),
    M("LSTM rows", _LSTM, "x += lstm->inputs;", ""),
    M("LSTM/5", _LSTM, "kws_multiply(f * *cell, &k->keep)", "kws_multiply(i * *cell, &k->keep)", _UNFUSED),
    M("LSTM/5", _LSTM, "{1 << 30, 0, 14}", "{1 << 30, 0, 13}", _UNFUSED),
    M(
        "LSTM/6",
        _LSTM,
        "kws_sat16(kws_multiply(i * g, &k->add));     /*",
        "kws_multiply(i * g, &k->add);     /*",
        _UNFUSED,
    ),
    M("LSTM/7", _LSTM, "c = kws_clamp(c, -k->clip, k->clip);", "c = kws_clamp(c, -k->clip, INT16_MAX);", _UNFUSED),
    M("LSTM/8", _LSTM, "return o * kws_tanh(c, k->power);", "return o * kws_tanh(c, -12);", _UNFUSED),
    M("LSTM/5", _CELL, "(1 << 14) + 1, 15)", "(1 << 14), 15)"),
    M("LSTM/5", _CELL, "(1 << 14) + 1, 15)", "(1 << 14) + 1, 14)"),
    M("LSTM/5", _CELL, "kws_fused_sigmoid(&k->curves, f), *cell", "kws_fused_sigmoid(&k->curves, i), *cell"),
    M("LSTM/6", _CELL, "(half + 2 * kws_sign(b))", "(half + kws_sign(b))"),
    M("LSTM/6", _CELL, "(1u << lstm->add_shift) + 1;", "(1u << lstm->add_shift);"),
    M("LSTM/6", _CELL, "kws_sat16(kept + kws_sat16(added))", "kws_sat16(kept + added)"),
    M("LSTM/7", _CELL, "kws_sat16(kept + kws_sat16(added))", "kept + kws_sat16(added)"),
    M("LSTM/7", _CELL, "c < 0 ? -(int32_t)k->clip : (int32_t)k->clip", "(int32_t)k->clip"),
    M("LSTM/7", _CELL, "? (uint32_t)lstm->cell_clip : 32768u", "? (uint32_t)lstm->cell_clip - 1u : 32768u"),
    M(
        "LSTM/7",
        _CELL,
        "k->clip > 2u * k->clip",
        "k->clip >= 2u * k->clip",
        equivalent="a cell at its limit is set to its limit",
    ),
    M("LSTM state", _CELL, "*cell = (int16_t)c;", "(void)*cell;"),
    M("TANH/1", _CELL, "k.tanh_half = power >= 0 ? 0 : 1 << (-power - 1);", "k.tanh_half = 0;"),
    M("LSTM/8", _CELL, "hidden_factor), lstm->hidden_zero_point,", "hidden_factor), 0,"),
    # ---- other layers ----
    M(
        "DOT",
        "firmware/src/arch/dot.h",
        "for (; count > 0; count--) {\n        sum",
        "for (; count > 1; count--) {\n        sum",
    ),
    M("DOT", "firmware/src/arch/dot4.h", "s3 += *r3++ * value;", "s3 += *r2 * value;"),
    M("FULLY_CONNECTED/1", _ROWS, "rows->bias[i] + ", ""),
    M("FULLY_CONNECTED/2", _ROWS, "rows->per_channel ? i : 0", "0"),
    M("FULLY_CONNECTED/2", _ROWS, "rows->activation_max);\n    }", "INT8_MAX);\n    }"),
    M("FULLY_CONNECTED/2", _ROWS, "rows->activation_min, rows", "INT8_MIN, rows"),
    M("FULLY_CONNECTED rows", _DENSE, "x += dense->rows.inputs;", ""),
    M("SOFTMAX/1", _SOFTMAX, "int32_t greatest = INT8_MIN;", "int32_t greatest = 100;"),
    M("SOFTMAX/1", _SOFTMAX, "*at > greatest ? *at", "*at < greatest ? *at"),
    M(
        "SOFTMAX/2",
        "kws/fixedpoint/layers/softmax.py",
        "exponentials[: live[-1] + 1]",
        "exponentials[: live[-1]]",
        _WIDE,
    ),
    M(
        "SOFTMAX/3",
        _SOFTMAX,
        "difference < differences) {\n            /*",
        "difference < differences || at > x) {\n            /*",
        "tests/layers/test_softmax.py",
    ),
    M("SOFTMAX/3", _SOFTMAX, "(1u << (SUM_INTEGER_BITS - 1u))) >>", "0u) >>", _WIDE),
    M("SOFTMAX/5", _SOFTMAX, "headroom) - 0x80000000u", "headroom) - 0x90000000u"),
    M("SOFTMAX/6", _SOFTMAX, "headroom + 31 - 8", "headroom + 30 - 8"),
    M("SOFTMAX/6", _SOFTMAX, "(product + (1u << (exponent - 1u))) >> exponent", "product >> exponent"),
    M("SOFTMAX rows", _SOFTMAX, "x += softmax->size;", ""),
    M("LOGISTIC/1", _LOGISTIC, "[(uint8_t)x[i]]", "[(uint8_t)x[i] / 2u]"),
    M("ROW SLICE", _SLICE, "(uint32_t)slice->start * slice->size", "(slice->start - 1u) * slice->size"),
    M("ROW SLICE", _SLICE, "slice->step * slice->size", "slice->size", "tests/layers/test_strided_slice.py"),
    # ---- network ----
    M("RESET", _NETWORK, "(int8_t)state->reset;", "0;"),
    M("RESET", _NETWORK, "((int16_t *)values)[i] = (int16_t)state->reset;", ";"),
    M("RESET", _NETWORK, "i < state->count; i++) {\n        switch", "i + 1u < state->count; i++) {\n        switch"),
    M(
        "RESET",
        _NETWORK,
        "i < network->state_count; i++) {\n        reset",
        "i + 1u < network->state_count; i++) {\n        reset",
    ),
    # ---- decimator: no engine of verify has one ----
    M("DECIMATE/2", _DECIMATOR, "2 * counts[2] + fifth", "counts[2] + fifth", _BITS),
    M("DECIMATE/2", _DECIMATOR, "(int32_t)sum - 32768", "(int32_t)sum - 32767", _BITS),
    M("DECIMATE/3", _DECIMATOR, "{352, -1969, 9819, 16384}", "{352, -1969, 9818, 16384}", _BITS),
    M("DECIMATE/3", _DECIMATOR, "(sum + (1 << (HALF_BAND_SHIFT - 1)))", "(sum)", _BITS),
    M("DECIMATE/4", _DECIMATOR, "2438, 7550, 7550, 2438", "2438, 7550, 7551, 2438", _BITS),
    M("DECIMATE/5", _DECIMATOR, "#define OFFSET_SHIFT 8u", "#define OFFSET_SHIFT 7u", _BITS),
    M("DECIMATE/5", _DECIMATOR, "(int16_t)kws_sat16((value", "(int16_t)((value", _BITS),
    M("DECIMATE state", _DECIMATOR, "rate32 + 2 * samples, LOW", "rate32 + 2 * samples - 1, LOW", _BITS),
    M("DECIMATE state", _DECIMATOR, "decimator->pending_count = 0;", "", _BITS),
    M("DECIMATE start", _DECIMATOR, "{0x55, 0x55, 0x55", "{0x55, 0x55, 0xAA", _BITS),
    M("FRONT rows", "firmware/src/frontends/log_mel.c", "pcm += f->step, ", "", _ROWS_TEST),
    M("FRONT rows", "firmware/src/frontends/log_mel.c", ", features += f->bands)", ")", _ROWS_TEST),
    M("FRONT rows", "firmware/src/frontends/microfrontend.c", "row++, pcm += f->step)", "row++)", _ROWS_TEST),
)
