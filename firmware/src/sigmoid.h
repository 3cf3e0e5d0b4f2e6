/*
 * The 16-bit sigmoid and tanh of the LSTM's gates: docs/SPEC.md, "Activations". Twin of
 * kws/fixedpoint/activation.py. Only lstm.c includes this: it holds the table.
 *
 * The specification interpolates in |x| and turns the result round for x < 0. Here the table goes on
 * to both sides, so that the same line is found without asking for the sign; what remains of it is
 * the rounding, halves up above and halves down below zero.
 */
#ifndef KWS_SIGMOID_H
#define KWS_SIGMOID_H

#include "arch/dual.h"
#include "arithmetic.h"
#include "sigmoid_table.h"

/* What does not change from unit to unit, to be kept in registers. */
typedef struct kws_curves {
    const int16_t *centre;
    int32_t sigmoid_half;
    int32_t tanh_half;
} kws_curves;

static inline kws_curves kws_curves_of_table(void)
{
    kws_curves c = {kws_sigmoid_table + KWS_SIGMOID_CENTRE, (1 << 24) + 512, 128};
    KWS_IN_REGISTER(c.centre);
    KWS_IN_REGISTER(c.sigmoid_half);
    KWS_IN_REGISTER(c.tanh_half);
    return c;
}

/* int16 in Q3.12 to int16 in Q0.15. */
static inline int32_t kws_sigmoid_int16(const kws_curves *curves, int32_t x)
{
    const int32_t scaled = 3 * x;
    const int32_t half = curves->sigmoid_half + kws_sign(scaled);
    return kws_interpolate(curves->centre + (scaled >> 9), scaled & 511, 512, half) >> 10;
}

/* tanh of a / 12288 to int16 in Q0.15; beyond 2^16 nothing changes. */
static inline int32_t kws_tanh_of_scaled(const kws_curves *curves, int32_t a)
{
    const int32_t scaled = kws_limit17(a);
    const int32_t half = curves->tanh_half + kws_sign(scaled);
    return kws_interpolate(curves->centre + (scaled >> 8), scaled & 255, 256, half) >> 8;
}

#endif
