"""Faults of what single cores have instead of the portable C; found by `kws verify` on an emulated board."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_M0, _M3, _M4 = "numpy,qemu:microbit", "numpy,qemu:mps2_an385", "numpy,qemu:mps2_an386"
_M55 = "numpy,qemu:mps3_an547"

_ARITHMETIC = "firmware/src/arithmetic.h"
_DUAL = "firmware/src/arch/dual.h"
_PACKED = "firmware/src/arch/packed_dsp.c"
_CELL = "firmware/src/arch/lstm_dsp.h"
_LSTM_PACKING = "kws/layers/lstm_packing.py"
_LSTM_DSP = "tests/firmware/test_lstm_dsp.py"
_ARCH = "tests/firmware/test_arch.py::test_dsp_network"
_LANES = "firmware/src/arch/lanes_helium.c"
_FIRST = "firmware/src/arch/fft_first_dsp.h"
_FFT = "firmware/src/arch/fft_armv7m.h"
_MEL = "firmware/src/arch/mel_armv7m.h"
_POWER = "firmware/src/arch/power_armv7m.h"
_HELIUM = "firmware/src/arch/lstm_helium.h"
_FFT_LANES = "firmware/src/arch/fft_helium.h"
_MEL_LANES = "firmware/src/arch/mel_helium.h"
_POWER_LANES = "firmware/src/arch/power_helium.h"
_LANES_TEST = "tests/fixedpoint/frontends/test_log_mel_helium.py"
_LSTM = "tests/firmware/test_lstm_helium.py"
# To the last bit: what features do not show.
_POWERS = "tests/fixedpoint/frontends/test_log_mel_arm.py"
_COPIES = "tests/firmware/test_copy.py"
_PRODUCT = "firmware/src/arch/product.h"
_DOT4 = "firmware/src/arch/dot4.h"
_ROWS = "firmware/src/layers/rows.c"
_CONV = "firmware/src/layers/conv_2d.c"
_DEPTHWISE = "firmware/src/layers/depthwise_conv_2d.c"
_PATCH = "firmware/src/arch/patch.h"
_POINTERS = "firmware/src/arch/pointers.h"
_DEPTHWISE_DSP = "firmware/src/arch/depthwise_dsp.h"
_DEPTHWISE_LANES = "firmware/src/arch/depthwise_helium.h"
_REQUANTIZE = "firmware/src/arch/requantize_helium.h"
_BYTES = "firmware/src/arch/requantize_dsp.h"
_TILES_DSP = "firmware/src/arch/depthwise_tiles_dsp.h"
_TILES_LANES = "firmware/src/arch/depthwise_tiles_helium.h"
_TILES_PACKING = "kws/layers/depthwise_tiles.py"
_TILES = "tests/firmware/test_depthwise_tiles.py"
_ONCE = "kws/layers/one_multiplication.py"
_ONCE_TEST = "tests/layers/test_one_multiplication.py"
_PACKING = "kws/layers/depthwise_packing.py"
_CONVOLUTIONS = "tests/firmware/test_convolutions.py"

CORES = (
    # ---- Armv6-M ----
    M("PRODUCT", _PRODUCT, '"lsrs    r2, r3, #16\\n"', '"lsrs    r2, r3, #17\\n"', _M0),
    M("PRODUCT", _PRODUCT, '"uxth    r4, r4\\n"', '"sxth    r4, r4\\n"', _M0),
    M("PRODUCT", _PRODUCT, "((uint64_t)((a >> 16) * b) << 16)", "((uint64_t)((a >> 16) * b) << 15)", _M0),
    M("DOT", _DOT4, '"ldrsb   r3, [r6, r0]\\n"', '"ldrsb   r3, [r5, r0]\\n"', _M0),
    # ---- Armv7-M ----
    M("FRONT/3", _FFT, '"rsb     r12, r12, r6, asr #1\\n"', '"rsb     r12, r12, r6\\n"', _M3),
    M("FRONT/3", _FFT, '"sub     r9, r7, r8\\n"', '"add     r9, r7, r8\\n"', _M3),
    M("FRONT/3", _FFT, '"rsb     r9, r9, #0\\n"\n                   "b       2b', '"b       2b', _POWERS),
    M("FRONT/3", _FFT, '"rsb     r9, r9, #0\\n"\n                   "b       8b', '"b       8b', _M3),
    M(
        "FRONT/3",
        _FFT,
        '"rsb     r10, r10, #0\\n"\n                   "b       6b\\n"\n                   "7',
        '"b       6b\\n"\n"7',
        _M3,
    ),
    M("FRONT/3", _FFT, '"mvn     r1, #0x80000000\\n"', '"mov     r1, #0x80000000\\n"', _M3),
    M("FRONT/3", _FFT, '"mvn     r1, #0x80000000\\n"', '"mvn     r1, #0x80000001\\n"', _POWERS),
    M("FRONT/3", _FFT, '"subw    r0, r0, #2040\\n"                                           \\\n', "", _M3),
    M("FRONT/3", _FFT, '"rsb     r9, r9, #0\\n"\n                   "b       6b', '"b       6b', _M3),
    M("FRONT/3", _FFT, '"cmp     r2, #512\\n"', '"cmp     r2, #528\\n"', _M3),
    M("FRONT/3", _FFT, '"bcc     7f\\n"\n                   "ldrd    r6, r7, [r7]', '"ldrd    r6, r7, [r7]', _M3),
    M("FRONT/4", _POWER, '"eor     r9, r9, r9, asr #31\\n"', '""', _M3),
    M("FRONT/5", _POWER, '"lsrs    r6, r6, #27\\n"', '"lsrs    r6, r6, #28\\n"', _M3),
    M("FRONT/5", _POWER, '"sbc     r8, r8, r7\\n"', '"sub     r8, r8, r7\\n"', _POWERS),
    M("FRONT/5", _POWER, '"bic     lr, r11, #1\\n"', '"mov     lr, r11\\n"', _POWERS),
    M("FRONT/6", _MEL, '"sbcs    r3, r3, r5\\n"', '"subs    r3, r3, r5\\n"', _M3),
    M("FRONT/7", _MEL, '"rsb     r7, r7, #63\\n"', '"rsb     r7, r7, #62\\n"', _M3),
    M("FRONT/8", _MEL, '"add     r8, r8, r8, lsl #2\\n"', '"add     r8, r8, r8, lsl #1\\n"', _M3),
    M("FRONT/8", _MEL, '"mvn     r8, #127\\n"', '"mvn     r8, #126\\n"', _M3),
    # ---- DSP extension ----
    M(
        "FULLY_CONNECTED/1",
        _ROWS,
        "kws_dsp_byte((a[2] - a[3]) >> 8",
        "kws_dsp_byte(a[2] >> 8",
        _M4,
    ),
    M(
        "FULLY_CONNECTED/2",
        _BYTES,
        "factor->step, zero_point);",
        "factor->step, zero_point + 1);",
        _M4,
    ),
    M("FRONT/2", _FIRST, '"smlawb  r9, r8, r4, r5\\n"', '"smlawt  r9, r8, r4, r5\\n"', _M4),
    M("FRONT/2", _FIRST, '"add     r12, r12, #120\\n"', '"add     r12, r12, #124\\n"', _M4),
    M("FRONT/2", "kws/frontends/log_mel.py", "(zeros, zeros))[: zeros", "(zeros - 1, zeros))[: zeros", _POWERS),
    M("FRONT/3", _FIRST, '"sub     r0, r0, #60\\n"', '"sub     r0, r0, #64\\n"', _M4),
    M("FRONT/3", _FIRST, '"sub     lr, lr, r10\\n"', '"add     lr, lr, r10\\n"', _M4),
    M("FRONT/5", _POWER, '"sbc     r6, r7, r7, lsl #1\\n"', '"sub     r6, r7, r7, lsl #1\\n"', _POWERS),
    M("FRONT/7", _MEL, '"smulbt  r3, r3, r8\\n"', '"smulbb  r3, r3, r8\\n"', _POWERS),
    M("COPY", "firmware/src/arch/copy.c", '"adds    r2, r2, #16\\n"', '"adds    r2, r2, #12\\n"', _COPIES),
    M(
        "COPY",
        "firmware/src/arch/copy.c",
        "(uint8_t *)to + (count - left);\n        from",
        "to;\n        from",
        _COPIES,
    ),
    M("LSTM/1", _PACKED, "*to++ = kws_sxtb16_odd(word);\n        from", "*to++ = kws_sxtb16(word);\n        from", _M4),
    M("LSTM/1", _PACKED, '"sxtb16  lr, lr\\n"', '"uxtb16  lr, lr\\n"', _M4),
    M("LSTM/1", _PACKED, "KWS_QUADS - quads)", "KWS_QUADS - quads + 1u)", _M4),
    M("LSTM/1", _CELL, '"sub     " x_high ", " x_high ", " x_low "\\n"', '"nop\\n"', _M4),
    M("LSTM/1", _CELL, '"lsl     " x_low ", " x_low ", r9\\n"', '"nop\\n"', _ARCH),
    M("LSTM/2", _CELL, 'KWS_GATE_SCALED(h_low, "r10", "r12"', 'KWS_GATE_SCALED(h_low, "r7", "r12"', _M4),
    M("LSTM/2", _CELL, '"ssat    " sum ", #16, " sum', '"ssat    " sum ", #17, " sum', _ARCH),
    M("LSTM/3", _CELL, '"qadd16  r0, r0, r4\\n"', '"sadd16  r0, r0, r4\\n"', _ARCH),
    M("LSTM gates", _CELL, '"pkhbt   r1, r2, r3, lsl #16\\n"', '"pkhbt   r1, r3, r2, lsl #16\\n"', _ARCH),
    M("LSTM gates", _CELL, '"smultb  r3, r1, r8\\n"', '"smultb  r3, r0, r8\\n"', _M4),
    M(
        "RSHIFT",
        _CELL,
        '"bic     " scratch ", " sum ", " step ", asr #31\\n"',
        '"mov     " scratch ", " sum "\\n"',
        _ARCH,
    ),
    M("RSHIFT", _LSTM_PACKING, "2**31 - 1 if right == 1", "2**31 - 2**24 if right == 1", _LSTM_DSP),
    M("RSHIFT", _LSTM_PACKING, "-(2 ** (32 - right)) - 1", "-(2 ** (32 - right))", _LSTM_DSP),
    M("LSTM/2", _LSTM_PACKING, "right > _GREATEST_RIGHT_SHIFT or ", "", _LSTM_DSP),
    M("SIGMOID/3", _CELL, '"add     " x ", r7, " x ", lsr #25\\n"', '"mov     " x ", r7\\n"', _LSTM_DSP),
    M("SIGMOID/3", _CELL, "64 * 1023", "64 * 1022", _M4),
    M("TANH/1", _CELL, "power >= 0 ? 0 : 1 << (-power - 1);", "0;", _LSTM_DSP),
    M("TANH/2", _CELL, '"ssat    " x ", #17, " x', '"ssat    " x ", #18, " x', _LSTM_DSP),
    M("TANH/3", _CELL, '"sub     r7, r12, r1\\n"', '"mov     r7, r12\\n"', _LSTM_DSP),
    M("TANH/3", _CELL, "add     r6, r12, r1, lsr #31", "mov     r6, r12", _LSTM_DSP),
    M("LSTM/5", _CELL, '"sub     r0, r8, r0, lsl #1\\n"', '"sub     r0, r8, r0\\n"', _LSTM_DSP),
    M("LSTM/6", _CELL, '"add     r1, r6, r1, lsl #1\\n"', '"mov     r1, r6\\n"', _LSTM_DSP),
    M("LSTM/6", _CELL, '"ssat    r1, #16, r1\\n"', '"nop\\n"', _LSTM_DSP),
    M("LSTM/7", _CELL, '"subge   r1, r5, r2\\n"', '"subge   r1, r2, r2\\n"', _LSTM_DSP),
    M("LSTM/7", _CELL, "limited ? lstm->cell_clip : 32768;", "limited ? lstm->cell_clip - 1 : 32768;", _LSTM_DSP),
    M("LSTM state", _CELL, '"strh    r1, [lr], #2\\n"', '"add     lr, lr, #2\\n"', _M4),
    M("LSTM/8", _CELL, '"add     r1, r1, r1, asr #31\\n"', '"nop\\n"', _LSTM_DSP),
    M("LSTM/8", _CELL, '"smmlsr  r1, r1, r5, r6\\n"', '"smmlsr  r1, r1, r5, r5\\n"', _M4),
    M(
        "RSHIFT",
        _ARITHMETIC,
        "kws_smmlsr(value + kws_sign(value), factor->step, 0)",
        "kws_smmlsr(value, factor->step, 0)",
        "tests/fixedpoint/test_multiply_dsp.py",
    ),
    M("SAT16", _DUAL, "ssat %0, #16, %1", "ssat %0, #17, %1", _ARCH),
    M("INTERPOLATE", _CELL, '"mla     lr, lr, r5, r6\\n"', '"mov     lr, r6\\n"', _M4),
    # ---- Helium ----
    M("LSTM/1", _LANES, '"add      r7, r5, lr\\n"', '"mov      r7, r5\\n"', _M55),
    M("RSHIFT", _HELIUM, "vaddq_s32(x, vshrq_n_s32(x, 31)), -exponent", "x, -exponent", _M55),
    M("SIGMOID/3", _HELIUM, "vrhaddq_u16(vrein", "vhaddq_u16(vrein", _LSTM),
    M("TANH/3", _HELIUM, "vrmulhq_u16(at.rise", "vmulhq_u16(at.rise", _LSTM),
    M("TANH/2", _HELIUM, "vdupq_n_u16(255)", "vdupq_n_u16(254)", _LSTM),
    M("LSTM/4", _HELIUM, "KWS_GATE_CELL * KWS_UNITS), 3u << 8", "KWS_GATE_CELL * KWS_UNITS), 3u << 7", _M55),
    M("LSTM/5", _HELIUM, "kws_lanes_nudged(vmulltq_int_s16(gate, before))", "vmulltq_int_s16(gate, before)", _LSTM),
    M("LSTM/8", _HELIUM, "vaddq_n_s32(odd, zero_point)", "odd", _M55),
    M("LSTM state", _HELIUM, "vstrhq_p_s16(cell, c, some);", "", _M55),
    M("FRONT/2", _FFT_LANES, '"vshr.s32   " im ", " im ", #5\\n"', '"vshr.s32   " im ", " im ", #6\\n"', _M55),
    M("FRONT/3", _FFT_LANES, '"vstrw.32   q1, [q7, #12]\\n"', '"vstrw.32   q0, [q7, #12]\\n"', _M55),
    M("FRONT/3", _FFT_LANES, '"vshr.s32   q0, q0, #1\\n"', '"vrshr.s32  q0, q0, #1\\n"', _LANES_TEST),
    M("FRONT/3", _FFT_LANES, '"vqdmladh.s32  " to', '"vqrdmladh.s32 " to', _LANES_TEST),
    M("FRONT/3", _FFT_LANES, '"vcadd.i32  q1, q0, q2, #270\\n"', '"vcadd.i32  q1, q0, q2, #90\\n"', _M55),
    M(
        "FRONT/3",
        _FFT_LANES,
        '"vpt.u32    hi, " angle ", q1\\n"',
        '"vpt.u32    cs, " angle ", q1\\n"',
        equivalent="at the border itself the twiddle is 0",
    ),
    M("FRONT/3", _FFT_LANES, '"vpt.u32    hi, " angle ", q1\\n"', '"vpt.u32    hi, " angle ", q3\\n"', _LANES_TEST),
    M("FRONT/3", _FFT_LANES, '"vmin.u32   q3, q3, " angle "\\n"', '"vmov       q3, " angle "\\n"', _M55),
    M("FRONT/4", _POWER_LANES, "== greatest ? greatest :", "!= greatest ? greatest :", _LANES_TEST),
    M("FRONT/4", _POWER_LANES, "? greatest : greatest - 1u", "? greatest : greatest", _LANES_TEST),
    M("FRONT/4", _POWER_LANES, "vshlq_r_s32(vld1q_s32(values), shift)", "vld1q_s32(values)", _LANES_TEST),
    M(
        "FRONT/5",
        _POWER_LANES,
        "((1u << 28) - 5u)",
        "(1u << 28)",
        equivalent="two parts add up in full at bin 0 alone, which is none of a band",
    ),
    M("FRONT/5", _POWER_LANES, '"vneg.s32   q2, q2\\n"', '"nop\\n"', _M55),
    M("FRONT/5", _POWER_LANES, '"vhcadd.s32 q4, q0, q1, #90\\n"', '"vcadd.i32  q4, q0, q1, #90\\n"', _M55),
    M("LSTM/2", _LANES, '"vldrbt.8 q0, [r3]\\n"', '"vldrbt.8 q0, [r1]\\n"', _M55),
    M("FRONT/5", _POWER_LANES, '"vqrdmladh.s32 q5, q3, q3\\n"', '"vqdmladh.s32  q5, q3, q3\\n"', _LANES_TEST),
    M("FRONT/6", _MEL_LANES, '"sbc        r3, r3, r5\\n"', '"sub        r3, r3, r5\\n"', _LANES_TEST),
    M("FRONT/8", _MEL_LANES, '"mvn        r7, #127\\n"', '"mvn        r7, #126\\n"', _LANES_TEST),
    M("FULLY_CONNECTED/2", _ROWS, "factor += rows->per_channel ? KWS_LANE_ROWS : 0;", "", _CONVOLUTIONS),
    M("RSHIFT", _REQUANTIZE, "vaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31))", "x", _CONVOLUTIONS),
    M("FULLY_CONNECTED/2", _REQUANTIZE, "x = vaddq_n_s32(x, lanes->zero_point);", "", _CONVOLUTIONS),
    # ---- convolutions with the DSP extension and with Helium ----
    M("CONV_2D/1", _PATCH, "w->dilation_columns == 1;", "1;", _CONVOLUTIONS),
    M("CONV_2D/1", _PATCH, "kws_fill(to, outside, before)", "to", _CONVOLUTIONS),
    M("CONV_2D/1", _PATCH, "rows->first, columns->first)", "rows->first, 0)", _CONVOLUTIONS),
    M("CONV_2D/1", _PATCH, "kws_fill(to, outside, rows->first * row_bytes)", "to", _CONVOLUTIONS),
    M("CONV_2D/1", _CONV, "conv->input_zero_point, patch)", "0, patch)", _CONVOLUTIONS),
    M("CONV_2D groups", _CONV, "kws_rows_next(&group);", "", _CONVOLUTIONS),
    M("CONV_2D groups", _ROWS, "rows->packed_factors += rows->per_channel ? 4u * fours : 0;", "", _CONVOLUTIONS),
    M("CONV_2D groups", _CONV, "        x += depth;\n", "", _CONVOLUTIONS),
    M(
        "WINDOW",
        _POINTERS,
        "*tap++ = inside && j >= columns->first",
        "*tap++ = inside && j > columns->first",
        _CONVOLUTIONS,
    ),
    M("WINDOW", _POINTERS, "w->stride_columns * w->channels", "w->channels", _CONVOLUTIONS),
    M("WINDOW", _POINTERS, "rows->first * w->kernel_columns", "0", _CONVOLUTIONS),
    M("WINDOW", _POINTERS, "memset(outside, zero_point,", "memset(outside, zero_point + 1,", _CONVOLUTIONS),
    M("WINDOW", _DEPTHWISE, "if (before && whole) {", "if (before) {", _CONVOLUTIONS),
    M("DEPTHWISE_CONV_2D/1", _DEPTHWISE_DSP, "pkhtb %0, %1, %2, asr #16", "pkhtb %0, %1, %2, asr #15", _CONVOLUTIONS),
    M("DEPTHWISE_CONV_2D/2", _DEPTHWISE_DSP, "scaled + kws_sign(scaled)", "scaled", _CONVOLUTIONS),
    M("DEPTHWISE_CONV_2D/2", _BYTES, "ssub8 %1, %3, %0", "ssub8 %1, %0, %3", _CONVOLUTIONS),
    M(
        "DEPTHWISE_CONV_2D/1",
        _DEPTHWISE_LANES,
        "s2 = vaddq_s32(s2, vmovltq",
        "s2 = vaddq_s32(s2, vmovlbq",
        _CONVOLUTIONS,
    ),
    M("DEPTHWISE_CONV_2D/2", _DEPTHWISE_LANES, "vaddq_s32(scaled, vshrq_n_s32(scaled, 31))", "scaled", _CONVOLUTIONS),
    M(
        "DEPTHWISE_CONV_2D/2",
        _DEPTHWISE_LANES,
        "odd = vqaddq_n_s16(odd,",
        "odd = vaddq_n_s16(odd,",
        _CONVOLUTIONS,
    ),
    M("DEPTHWISE_CONV_2D blocks", _PACKING, "min(start, outputs - size)", "start", _CONVOLUTIONS),
    M("DEPTHWISE_CONV_2D blocks", _PACKING, "pairs.max() > INT16_MAX", "pairs.max() > 2 * INT16_MAX", _CONVOLUTIONS),
    M("DEPTHWISE_CONV_2D blocks", _PACKING, "any(f.right_shift < 1 for f in factors)", "False", _CONVOLUTIONS),
    # ---- depthwise convolutions in tiles ----
    M(
        "TILES",
        _TILES_DSP,
        '"smlatb  " second ", " left ", r4, " from "\\n"',
        '"mov     " second ", " from "\\n"',
        _TILES,
    ),
    M("TILES", _TILES_DSP, '"smlatb  " second ", " left ", r4, " second "\\n"', '""', _TILES),
    M("TILES", _TILES_DSP, "if (column + 1u == columns && !before) {", "if (column > columns) {", _TILES),
    M("TILES", _TILES_DSP, '"cmp     r12, #1\\n"', '"cmp     r12, #2\\n"', _TILES),
    M("TILES", _TILES_DSP, '"sxtab16 r6, lr, r11, ror #8\\n"', '"sxtab16 r6, lr, r11\\n"', _TILES),
    M("TILES", _TILES_DSP, "block->pass.taps = 4;", "block->pass.taps = 0;", _TILES),
    M("TILES", _TILES_DSP, '"smmla   r1, r1, r2, r3\\n"', '"smmlar  r1, r1, r2, r3\\n"', _TILES),
    M("TILES", _TILES_LANES, '"vshl.i32 q7, q5, #8\\n"', '"vshl.i32 q7, q4, #8\\n"', _TILES),
    M("TILES", _TILES_LANES, '"beq      4f\\n"', '""', _TILES),
    M("TILES", _TILES_LANES, '"vqmovnt.s32 q1, q0\\n"', '"vmovnt.i32 q1, q0\\n"', _TILES),
    M("TILES", _TILES_LANES, "{0x0033, 0x3333,", "{0x0003, 0x3333,", _TILES),
    M("TILES", _TILES_LANES, '"vshr.u32 q1, q4, #16\\n"', '"vshr.u32 q1, q4, #8\\n"', _TILES),
    M(
        "TILES",
        _TILES_PACKING,
        "rows[:, :3] = weights[:, :, channel]",
        "rows[:, :3] = weights[:, :, channel].T",
        _TILES,
    ),
    M("TILES", _TILES_PACKING, "(INT8_MIN, INT8_MIN, INT8_MAX)", "(out.zero_point, INT8_MIN, INT8_MAX)", _TILES),
    M("TILES", _ONCE, "min(first - 1, high)", "first - 2", _ONCE_TEST),
    M("TILES", _ONCE, "(1 << (30 + n))", "(1 << (29 + n))", _ONCE_TEST),
    M("TILES", _ONCE, "+ (1 << past >> 1)", "+ (1 << past)", _ONCE_TEST),
    M("TILES", _ONCE, "(max(abs(low), abs(high)) << scale) + start", "max(abs(low), abs(high)) + start", _ONCE_TEST),
)
