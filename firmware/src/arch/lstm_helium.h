/*
 * An LSTM step for Helium, the vector extension of Armv8.1-M: sums over sixteen columns at once, then
 * four units side by side. The weights lie as in portable C.
 *
 * Proved by tests/firmware/test_arch.py, which compares whole networks with the harness on this core.
 */
#ifndef KWS_ARCH_LSTM_HELIUM_H
#define KWS_ARCH_LSTM_HELIUM_H

#include <arm_mve.h>

#include "kws/layers/lstm.h"

#include "lanes_helium.h"
#include "lstm_fused.h"

/* multiply() of the specification: VQRDMULH is rdhm(), and VRSHL rounds halves up. */
KWS_INLINE int32x4_t kws_lanes_multiply(int32x4_t x, const kws_factor *factor)
{
    x = vqrdmulhq_n_s32(vshlq_r_s32(x, factor->left_shift), factor->value);
    if (factor->right_shift > 0) {
        /* Halves of a negative value go down: it is made a little less than its half. */
        x = vrshlq_n_s32(vaddq_s32(x, vshrq_n_s32(x, 31)), -(int32_t)factor->right_shift);
    }
    return x;
}

/* To -limit to limit. Vectors of limits made in advance would only be kept on the stack. */
KWS_INLINE int32x4_t kws_lanes_clip(int32x4_t x, int32_t limit)
{
    __asm volatile("" : "+r"(limit));
    return vminq_s32(vmaxq_s32(x, vdupq_n_s32(-limit)), vdupq_n_s32(limit));
}

/*
 * To the range of a number of bits with sign: what is shifted out saturates. LLVM 14 computes zero for
 * the other way, a saturating narrowing (VQMOVNB) and a widening (VMOVLB), which is also slower.
 */
#define KWS_LANES_SATURATE(x, bits) vshrq_n_s32(vqshlq_n_s32(x, 32 - (bits)), 32 - (bits))

KWS_INLINE int32x4_t kws_lanes_sat16(int32x4_t x)
{
    return KWS_LANES_SATURATE(x, 16);
}

KWS_INLINE int32x4_t kws_lanes_sat17(int32x4_t x)
{
    return KWS_LANES_SATURATE(x, 17);
}

KWS_INLINE int32x4_t kws_lanes_sat8(int32x4_t x)
{
    return KWS_LANES_SATURATE(x, 8);
}

/* The lowest bits, without a constant that would be kept on the stack. */
#define KWS_LANES_LOWEST(x, bits) \
    vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(vshlq_n_s32(x, 32 - (bits))), 32 - (bits)))

/* base + low + part of the way from one table entry to the next; low is the entry times the whole way. */
KWS_INLINE int32x4_t kws_lanes_interpolate(const int16_t *centre, int32x4_t at, int32x4_t part, int32x4_t *low,
                                           int32_t base)
{
    const uint32x4_t index = vreinterpretq_u32_s32(at);
    *low = vldrhq_gather_shifted_offset_s32(centre, index);
    return vmlasq_n_s32(vsubq_s32(vldrhq_gather_shifted_offset_s32(centre + 1, index), *low), part, base);
}

KWS_INLINE int32x4_t kws_lanes_sigmoid(const kws_curves *curves, int32x4_t x)
{
    const int32x4_t scaled = vmulq_n_s32(x, 3);
    int32x4_t low;
    const int32x4_t line = kws_lanes_interpolate(curves->centre, vshrq_n_s32(scaled, 9),
                                                 KWS_LANES_LOWEST(scaled, 9), &low, curves->sigmoid_half);
    return vshrq_n_s32(vaddq_s32(vaddq_s32(line, vshlq_n_s32(low, 9)), vshrq_n_s32(scaled, 31)), 10);
}

KWS_INLINE int32x4_t kws_lanes_tanh(const kws_curves *curves, int32x4_t a)
{
    const int32x4_t scaled = kws_lanes_sat17(a);
    int32x4_t low;
    const int32x4_t line = kws_lanes_interpolate(curves->centre, vshrq_n_s32(scaled, 8),
                                                 KWS_LANES_LOWEST(scaled, 8), &low, curves->tanh_half);
    return vshrq_n_s32(vaddq_s32(vaddq_s32(line, vshlq_n_s32(low, 8)), vshrq_n_s32(scaled, 31)), 8);
}

/* kws_scaled_product() of lstm_fused.h. */
KWS_INLINE int32x4_t kws_lanes_product(int32x4_t a, int32x4_t b, int32_t half, uint32_t shift)
{
    const int32x4_t sign = vshrq_n_s32(b, 31);
    const int32x4_t sum = vaddq_s32(vaddq_n_s32(vmulq_s32(a, b), half), vaddq_s32(sign, sign));
    return vshlq_r_s32(sum, -(int32_t)shift);
}

/* A gate's pre-activations: each part saturates on its own (LSTM/1, LSTM/2), then their sum (LSTM/3). */
KWS_INLINE int32x4_t kws_lanes_gate(const int32_t *sums, const kws_lstm *lstm, uint32_t gate)
{
    const int32x4_t input = kws_lanes_multiply(vld1q_s32(sums + gate * KWS_LANES), &lstm->input_factor[gate]);
    const int32x4_t recurrent =
        kws_lanes_multiply(vld1q_s32(sums + (KWS_GATES + gate) * KWS_LANES), &lstm->recurrent_factor[gate]);
    return kws_lanes_sat16(vaddq_s32(kws_lanes_sat16(input), kws_lanes_sat16(recurrent)));
}

/* One step: reads x [inputs] and the old hidden state, updates both states, writes the new h to output [units]. */
static void kws_lanes_step(const kws_lstm *lstm, int8_t *hidden, int16_t *cell, const int8_t *x, int8_t *output)
{
    const kws_cell_constants k = kws_cell_constants_of(lstm);
    kws_lane_part parts[2] = {{lstm->input_bias, lstm->input_weights, x, lstm->inputs},
                              {lstm->recurrent_bias, lstm->recurrent_weights, hidden, lstm->units}};
    for (uint32_t first = 0; first < lstm->units; first += KWS_LANES) {
        const uint32_t lanes = lstm->units - first < KWS_LANES ? lstm->units - first : KWS_LANES;
        const mve_pred16_t some = vctp32q(lanes);
        int32_t sums[2 * KWS_GATES * KWS_LANES];
        for (uint32_t lane = 0; lane < lanes; lane++) {
            kws_lane_sums(parts, sums + lane, sizeof sums);
        }
        /* LSTM/4 */
        const int32x4_t i = kws_lanes_sigmoid(&k.curves, kws_lanes_gate(sums, lstm, KWS_GATE_INPUT));
        const int32x4_t f = kws_lanes_sigmoid(&k.curves, kws_lanes_gate(sums, lstm, KWS_GATE_FORGET));
        const int32x4_t g = kws_lanes_tanh(&k.curves, vmulq_n_s32(kws_lanes_gate(sums, lstm, KWS_GATE_CELL), 3));
        const int32x4_t o = kws_lanes_sigmoid(&k.curves, kws_lanes_gate(sums, lstm, KWS_GATE_OUTPUT));
        /* LSTM/5 to /7 */
        const int32x4_t kept = kws_lanes_product(f, vldrhq_z_s32(cell + first, some), (1 << 14) + 1, 15);
        const int32x4_t added = kws_lanes_sat16(kws_lanes_product(i, g, k.add_half, k.add_shift));
        const int32x4_t sum = kws_lanes_sat16(vaddq_s32(kept, added));
        const int32x4_t c = kws_lanes_clip(sum, (int32_t)k.clip);
        vstrhq_p_s32(cell + first, c, some);
        const int32x4_t scaled = vaddq_n_s32(vmulq_n_s32(c, k.tanh_multiplier), k.tanh_half);
        const int32x4_t squashed = kws_lanes_tanh(&k.curves, vshlq_r_s32(scaled, -(int32_t)k.tanh_shift));
        /* LSTM/8 */
        const int32x4_t h = kws_lanes_multiply(vmulq_s32(o, squashed), &lstm->hidden_factor);
        const int32x4_t placed = vaddq_n_s32(h, lstm->hidden_zero_point);
        vstrbq_p_s32(output + first, kws_lanes_sat8(placed), some);
    }
    /* Only now: every gate of every unit reads the old h. */
    memcpy(hidden, output, lstm->units);
}

#endif
