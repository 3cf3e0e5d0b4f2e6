/*
 * An LSTM cell's update for cores of 32 bits without the DSP extension: the steps LSTM/4 to LSTM/8 with fewer
 * instructions, and the same bytes. What is the same for all units is made ready once.
 *
 * Proved by tests/firmware/test_fused.py, which compares each function with the steps of lstm.c.
 */
#ifndef KWS_ARCH_LSTM_FUSED_H
#define KWS_ARCH_LSTM_FUSED_H

#include "kws/layers/lstm.h"

#include "../arithmetic.h"
#include "sigmoid_fused.h"

/* The power of two of the cell's scale that makes 3 * c what kws_fused_tanh takes. */
#define KWS_TANH_SCALE_POWER (-12)

/* What an update of a cell needs to know, the same for all units. */
typedef struct kws_cell_constants {
    kws_curves curves;
    uint32_t clip;
    int32_t add_half;
    uint32_t add_shift;
    int32_t tanh_multiplier;
    int32_t tanh_half;
    uint32_t tanh_shift;
} kws_cell_constants;

static kws_cell_constants kws_cell_constants_of(const kws_lstm *lstm)
{
    const int32_t power = lstm->cell_scale_power - KWS_TANH_SCALE_POWER;
    kws_cell_constants k;
    k.curves = kws_curves_of_table();
    k.clip = lstm->cell_clip > 0 ? (uint32_t)lstm->cell_clip : 32768u;
    k.add_half = (int32_t)(1u << lstm->add_shift) + 1;
    k.add_shift = lstm->add_shift + 1u;
    k.tanh_multiplier = power >= 0 ? 3 << power : 3;
    k.tanh_half = power >= 0 ? 0 : 1 << (-power - 1);
    k.tanh_shift = power >= 0 ? 0 : (uint32_t)-power;
    return k;
}

/*
 * LSTM/5 and /6: multiply(a * b, 2^(-1 - shift)) where a >= 0: both roundings in one. half is 2^shift + 1. The
 * rounding asks for the sign of the first one's result; where b's is another, the result is 0.
 */
KWS_INLINE int32_t kws_scaled_product(int32_t a, int32_t b, int32_t half, uint32_t shift)
{
    return (a * b + (half + 2 * kws_sign(b))) >> shift;
}

/* From the pre-activations of gates i, f, g, o to the new c; returns o * tanh(c), of which LSTM/8 makes h. */
KWS_INLINE int32_t kws_cell_update(const kws_cell_constants *k, int16_t *cell, int32_t i, int32_t f, int32_t g,
                                   int32_t o)
{
    /* LSTM/4 is in the arguments. */
    const int32_t kept = kws_scaled_product(kws_fused_sigmoid(&k->curves, f), *cell, (1 << 14) + 1, 15);
    const int32_t added = kws_scaled_product(kws_fused_sigmoid(&k->curves, i), kws_fused_tanh(&k->curves, 3 * g),
                                             k->add_half, k->add_shift);
    int32_t c = kws_sat16(kept + kws_sat16(added)); /* LSTM/7; kept always fits */
    if ((uint32_t)c + k->clip > 2u * k->clip) { /* one comparison for both ends */
        c = c < 0 ? -(int32_t)k->clip : (int32_t)k->clip;
    }
    *cell = (int16_t)c;
    /* TANH/1 */
    const int32_t scaled = (c * k->tanh_multiplier + k->tanh_half) >> k->tanh_shift;
    return kws_fused_sigmoid(&k->curves, o) * kws_fused_tanh(&k->curves, scaled);
}

/* LSTM/8. */
KWS_INLINE int8_t kws_cell_hidden(const kws_lstm *lstm, int32_t product)
{
    return kws_add_zero_point(kws_multiply(product, &lstm->hidden_factor), lstm->hidden_zero_point, INT8_MIN, INT8_MAX);
}

#endif
