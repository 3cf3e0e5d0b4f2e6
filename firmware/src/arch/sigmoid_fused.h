/*
 * sigmoid.h without questions: the specification interpolates in |x| and turns the result round for
 * x < 0. Here the table goes on to both sides, so that the same line is found without asking for the
 * sign; what remains of it is the rounding, halves up above and halves down below zero.
 *
 * Proved by tests/firmware/test_fused.py for every int16 and every scale.
 */
#ifndef KWS_ARCH_SIGMOID_FUSED_H
#define KWS_ARCH_SIGMOID_FUSED_H

#include "../sigmoid.h"
#include "dual.h"

/* What does not change from unit to unit, to be kept in registers. */
typedef struct kws_curves {
    const int16_t *centre;
    int32_t sigmoid_half;
    int32_t tanh_half;
} kws_curves;

static inline kws_curves kws_curves_of_table(void)
{
    const kws_curves c = {kws_sigmoid_table + KWS_SIGMOID_CENTRE, (1 << 24) + 512, 128};
    return c;
}

/* SIGMOID/1 to /3 at once. */
static inline int32_t kws_fused_sigmoid(const kws_curves *curves, int32_t x)
{
    const int32_t scaled = 3 * x;
    const int32_t half = curves->sigmoid_half + kws_sign(scaled);
    return kws_interpolate(curves->centre + (scaled >> 9), scaled & 511, 512, half) >> 10;
}

/* TANH/2 and /3 at once, of v = a; beyond 2^16 nothing changes. */
static inline int32_t kws_fused_tanh(const kws_curves *curves, int32_t a)
{
    const int32_t scaled = kws_sat17(a);
    const int32_t half = curves->tanh_half + kws_sign(scaled);
    return kws_interpolate(curves->centre + (scaled >> 8), scaled & 255, 256, half) >> 8;
}

#endif
