/*
 * An LSTM step for Helium, the vector extension of Armv8.1-M: sums over sixteen columns at once, then eight
 * units side by side in lanes of 16 bits.
 *
 * Proved by tests/firmware/test_lstm_helium.py, which takes every int16 through the activations, and by
 * tests/firmware/test_arch.py, which compares whole networks with the harness on this core.
 */
#ifndef KWS_ARCH_LSTM_HELIUM_H
#define KWS_ARCH_LSTM_HELIUM_H

#include <arm_mve.h>

#include "kws/layers/lstm.h"

#include "../sigmoid.h"
#include "copy.h"
#include "lanes_helium.h"

#define KWS_UNITS 8u
#define KWS_SUMS (2u * KWS_GATES) /* of a unit's gates, both parts */

/* The power of two of the cell's scale that makes 3 * c what TANH/2 takes. */
#define KWS_TANH_SCALE_POWER (-12)

/* Values of even units and of odd ones, saturated, side by side. */
KWS_INLINE int16x8_t kws_lanes_join(int32x4_t even, int32x4_t odd)
{
    /* A vector that is at hand anyway: GCC would copy one for vuninitializedq. */
    return vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(even), even), odd);
}

/* x / 2^exponent to nearest: VRSHL rounds halves up; those of a negative value go down if it is a little less. */
KWS_INLINE int32x4_t kws_lanes_rshift(int32x4_t x, int32_t exponent)
{
    return vrshlq_n_s32(vaddq_s32(x, vshrq_n_s32(x, 31)), -exponent);
}

/* multiply() of the specification plus the zero point, joined: VQRDMULH is rdhm(). */
KWS_INLINE int16x8_t kws_lanes_multiply(int32x4_t even, int32x4_t odd, const kws_factor *factor, int32_t zero_point)
{
    if (factor->left_shift > 0) {
        even = vshlq_r_s32(even, factor->left_shift);
        odd = vshlq_r_s32(odd, factor->left_shift);
    }
    even = vqrdmulhq_n_s32(even, factor->value);
    odd = vqrdmulhq_n_s32(odd, factor->value);
    if (factor->right_shift > 0) {
        even = kws_lanes_rshift(even, factor->right_shift);
        odd = kws_lanes_rshift(odd, factor->right_shift);
    }
    if (zero_point != 0) {
        even = vaddq_n_s32(even, zero_point);
        odd = vaddq_n_s32(odd, zero_point);
    }
    return kws_lanes_join(even, odd);
}

/*
 * x where of is not negative, else -x. In assembler for GCC, which makes no block of predicated instructions with the
 * comparison in it; clang does, and has no name for the predicates that an assembler text destroys.
 */
KWS_INLINE int16x8_t kws_lanes_signed(int16x8_t x, int16x8_t of)
{
#if defined(__clang__)
    return vnegq_m_s16(x, x, vcmpltq_n_s16(of, 0));
#else
    __asm("vpt.s16 lt, %q1, zr\n\t"
          "vnegt.s16 %q0, %q0"
          : "+w"(x)
          : "w"(of)
          : "p0");
    return x;
#endif
}

/*
 * Where |x| lies in the table: the product with the number of entries in 2^16 has the entry in its upper 16 bits
 * and the way to the next one in its lower ones.
 */
typedef struct kws_lanes_place {
    int16x8_t low;
    uint16x8_t rise;
    uint16x8_t part;
} kws_lanes_place;

KWS_INLINE kws_lanes_place kws_lanes_look_up(const int16_t *table, uint16x8_t magnitude, uint32_t entries)
{
    const uint16x8_t factor = vdupq_n_u16((uint16_t)entries);
    const uint16x8_t index = vminq_u16(vmulhq_u16(magnitude, factor), vdupq_n_u16(255));
    const int16x8_t low = vldrhq_gather_shifted_offset_s16(table, index);
    const int16x8_t high = vldrhq_gather_shifted_offset_s16(table + 1, index);
    const kws_lanes_place place = {low, vreinterpretq_u16_s16(vsubq_s16(high, low)), vmulq_u16(magnitude, factor)};
    return place;
}

KWS_INLINE uint16x8_t kws_lanes_magnitude(int16x8_t x)
{
    return vreinterpretq_u16_s16(vabsq_s16(x)); /* 32768 without a sign, of -32768 */
}

/*
 * SIGMOID/1 to /3: of |x|, t + 512 >> 10 is the rounded mean of the entry and of what the way adds; and
 * 2^25 - t + 511 >> 10 is 2^15 less that.
 */
KWS_INLINE int16x8_t kws_lanes_sigmoid(const int16_t *table, int16x8_t x)
{
    const kws_lanes_place at = kws_lanes_look_up(table, kws_lanes_magnitude(x), 3u << 7);
    const uint16x8_t above_half = vrhaddq_u16(vreinterpretq_u16_s16(at.low), vmulhq_u16(at.rise, at.part));
    return vaddq_n_s16(kws_lanes_signed(vreinterpretq_s16_u16(above_half), x), 1 << 14);
}

/*
 * TANH/1 to /3, where the scale is a power of two from 2^-12 to 2^-6 and entries are 768 for 2^-12, twice as many
 * for twice the scale: TANH/3 of v < 0 is the negative of what it is of -v.
 */
KWS_INLINE int16x8_t kws_lanes_tanh(const int16_t *table, int16x8_t x, uint32_t entries)
{
    const kws_lanes_place at = kws_lanes_look_up(table, kws_lanes_magnitude(x), entries);
    const uint16x8_t result = vaddq_u16(vreinterpretq_u16_s16(at.low), vrmulhq_u16(at.rise, at.part));
    return kws_lanes_signed(vreinterpretq_s16_u16(result), x);
}

/* Of the two roundings in multiply(x, 2^-n) the second sees x + 1 >> 1; together they are one of x + 1 or x - 1. */
KWS_INLINE int32x4_t kws_lanes_nudged(int32x4_t x)
{
    return vaddq_s32(x, vorrq_n_s32(vshrq_n_s32(x, 31), 1));
}

/* A gate's pre-activations: each part saturates on its own (LSTM/1, LSTM/2), then their sum (LSTM/3). */
KWS_INLINE int16x8_t kws_lanes_part(const int32_t *sums, uint32x4_t pairs, const kws_factor *factor)
{
    const int32x4_t even = vldrwq_gather_shifted_offset_s32(sums, pairs);
    const int32x4_t odd = vldrwq_gather_shifted_offset_s32(sums + KWS_GATES, pairs);
    return kws_lanes_multiply(even, odd, factor, 0);
}

/* Other scales of the cell than kws_lanes_tanh has. */
KWS_NOINLINE void kws_lanes_any_tanh(const kws_lstm *lstm, int16_t *cell)
{
    for (uint32_t lane = 0; lane < KWS_UNITS; lane++) {
        cell[lane] = (int16_t)kws_tanh(cell[lane], lstm->cell_scale_power);
    }
}

/* From the pre-activations of eight units to their cell and h. */
KWS_INLINE void kws_lanes_update(const kws_lstm *lstm, const int16_t *gates, int16_t *scratch, int16_t *cell,
                                 int8_t *output, mve_pred16_t some)
{
    const int16_t *table = kws_sigmoid_table + KWS_SIGMOID_CENTRE;
    const int32_t power = lstm->cell_scale_power - KWS_TANH_SCALE_POWER;
    /* LSTM/4 and /5 */
    int16x8_t gate = kws_lanes_sigmoid(table, vld1q_s16(gates + KWS_GATE_FORGET * KWS_UNITS));
    const int16x8_t before = vldrhq_z_s16(cell, some);
    const int16x8_t kept =
        vrshrntq_n_s32(vrshrnbq_n_s32(before, kws_lanes_nudged(vmullbq_int_s16(gate, before)), 15),
                       kws_lanes_nudged(vmulltq_int_s16(gate, before)), 15);
    /* LSTM/4 and /6 */
    gate = kws_lanes_sigmoid(table, vld1q_s16(gates + KWS_GATE_INPUT * KWS_UNITS));
    const int16x8_t g = kws_lanes_tanh(table, vld1q_s16(gates + KWS_GATE_CELL * KWS_UNITS), 3u << 8);
    const int32_t add_shift = -1 - (int32_t)lstm->add_shift;
    const int16x8_t added = kws_lanes_join(vrshlq_n_s32(kws_lanes_nudged(vmullbq_int_s16(gate, g)), add_shift),
                                           vrshlq_n_s32(kws_lanes_nudged(vmulltq_int_s16(gate, g)), add_shift));
    int16x8_t c = vqaddq_s16(kept, added); /* LSTM/7 */
    if (lstm->cell_clip > 0) {
        c = vmaxq_s16(c, vdupq_n_s16((int16_t)-lstm->cell_clip));
        c = vminq_s16(c, vdupq_n_s16((int16_t)lstm->cell_clip));
    }
    vstrhq_p_s16(cell, c, some);
    /* LSTM/8 */
    int16x8_t squashed;
    if (power >= 0 && power <= 6) {
        squashed = kws_lanes_tanh(table, c, 3u << (8 + power));
    } else {
        vst1q_s16(scratch, c);
        kws_lanes_any_tanh(lstm, scratch);
        squashed = vld1q_s16(scratch);
    }
    gate = kws_lanes_sigmoid(table, vld1q_s16(gates + KWS_GATE_OUTPUT * KWS_UNITS));
    const int16x8_t h = kws_lanes_multiply(vmullbq_int_s16(gate, squashed), vmulltq_int_s16(gate, squashed),
                                           &lstm->hidden_factor, lstm->hidden_zero_point);
    vstrbq_p_s16(output, vreinterpretq_s16_s8(vqmovnbq_s16(vreinterpretq_s8_s16(h), h)), some);
}

/*
 * One step: reads x [inputs] and the old hidden state, updates both states, writes the new h to output [units].
 * The scratch holds the sums of eight units, then their pre-activations.
 */
static void kws_lanes_step(const kws_lstm *lstm, int8_t *hidden, int16_t *cell, void *scratch, const int8_t *x,
                           int8_t *output)
{
    int32_t *sums = (int32_t *)scratch;
    int16_t *gates = (int16_t *)(void *)(sums + KWS_SUMS * KWS_UNITS);
    const uint32x4_t pairs = vmulq_n_u32(vidupq_n_u32(0, 1), 2u * KWS_SUMS);
    kws_lane_pass pass = {lstm->packed_weights,
                          {{x, lstm->inputs / 16u, lstm->inputs % 16u}, {hidden, lstm->units / 16u, lstm->units % 16u}}};
    for (uint32_t first = 0; first < lstm->units; first += KWS_UNITS) {
        const uint32_t count = lstm->units - first < KWS_UNITS ? lstm->units - first : KWS_UNITS;
        kws_lane_pairs(&pass, sums, (count + 1u) / 2u);
        for (uint32_t gate = 0; gate < KWS_GATES; gate++) {
            const int16x8_t input = kws_lanes_part(sums + gate, pairs, &lstm->factors[gate]);
            const int16x8_t recurrent =
                kws_lanes_part(sums + 2u * KWS_GATES + gate, pairs, &lstm->factors[KWS_GATES + gate]);
            vst1q_s16(gates + gate * KWS_UNITS, vqaddq_s16(input, recurrent));
        }
        kws_lanes_update(lstm, gates, (int16_t *)(void *)sums, cell + first, output + first, vctp16q(count));
    }
    /* Only now: every gate of every unit reads the old h. */
    kws_copy(hidden, output, lstm->units);
}

#endif
